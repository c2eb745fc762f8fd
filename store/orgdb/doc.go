// Package orgdb is the SQL of the tree: organizations, projects, capabilities, tags, and the lists of customers.
//
// Read [Tree] first: it is embedded in store.Tx and satisfies its part of org.Tx. Texts of SQL run on both engines; the few
// differences are fields of sqldb.Dialect. The plans of the lists are looked at in storetest.
package orgdb
