// Package org holds the tree of organizations: an MSP's organization and the customers it creates and runs, their
// capabilities and when those end, their owners, their tags, and how customers come in and go out in bulk.
//
// Read [Service], [Manager] and [Path] first. A use case checks the caller's right, then opens one transaction in which it
// reads what the rules need, asks the rules (methods on plain values, tested by tables without a database), writes, and
// records the audit entry:
//
//	c, err := orgs.CreateCustomer(ctx, caller, parent, org.NewCustomer{Name: "Acme", ...})
//
// Rows are kept by store; the wire is spelled in api; what a caller may do is decided by access.
// The rules are told in docs/rules.md.
package org
