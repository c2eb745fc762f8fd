// Package treetest grows a small tree of organizations in a database, for tests that need one with something in every
// corner: customers on two levels, ends of capabilities, owners, tags, odd characters, a deleted row, sealed audit entries.
//
// Read [Grow] first.
package treetest
