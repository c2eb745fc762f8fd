// Package scim is how a company's directory keeps the people of an organization in step with itself: SCIM 2.0 users and groups
// over members and user groups, with the filters and the PATCH operations that directories send.
//
// Read [Service], [Person] and [Filter] first:
//
//	f, err := scim.UserFilter(`userName eq "ann@acme.example"`)
//	users, err := s.Users(ctx, by, org, scim.Page{Match: f, From: 1, Count: -1}, each)
//	u, err := s.PatchUser(ctx, by, org, id, []scim.Operation{{Op: "replace", Path: "active", Value: []byte(`"False"`)}})
//
// A SCIM user is a member of one organization. What a directory says of a person is kept beside the membership, in that
// organization alone; the person's own account follows where the rules of package iam allow it, and no path of this package
// reaches the role of an owner. Source: the contract, section 5; RFC 7643 and RFC 7644 where it is silent.
package scim
