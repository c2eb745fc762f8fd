// Package scim serves the SCIM API, /scim/v2, to companies' directories: users, user groups, and what the server says of itself.
//
// Read [Handlers] first, the table of operations. Source: the contract, section 5.
package scim
