// Package iamdb is the SQL of people and access: users, memberships, owners, and what decisions are made by.
//
// Read [People] first: it is embedded in store.Tx and satisfies its part of org.Tx and of access.Loader. Whatever changes what a
// user may do names that user to the guard, here and nowhere else, so that no use case can forget it.
package iamdb
