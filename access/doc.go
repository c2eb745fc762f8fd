// Package access answers one question: may this caller do this in that organization, and why?
//
// Read [Caller], [Privilege] and [Decide] first. A privilege is `service:resource:verb`; a role is a named set of
// privileges, unlocked by a capability of the organization. A principal, a user or a service account, holds roles in an
// organization or in one of its projects by access rules, directly and through user groups; and in a customer by the access
// policies of its parent, through user groups there. The decision is pure:
//
//	err := Decide(subject, organization, Ask{Privilege: CustomerCreate}, now) // nil, Forbidden or NotFound
//
// [Guard] keeps what it decides by in memory, exact on this server and at most [Config.TTL] old on others; [Guard.Explain] tells
// the same answer with the rules, user groups and policies it rests on. Nothing else is inherited from a parent to its
// customers. Who reads and changes the rows is left to org, iam and store.
// Source: docs/rules.md; the contract, section 1.1.
package access
