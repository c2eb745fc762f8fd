// Package clienttest holds a small working server for the tests of what uses package client: it keeps customers in
// memory and answers in the documented forms, over real HTTP on a free port.
//
// Read [Server] first. It knows one user, one organization and the operations that package client calls. It has no
// rules: the real ones are tested where they live. Filters are name co 'x' only, an import refuses rows without a name.
//
//	s := clienttest.New(t)
//	s.Answer = func(w http.ResponseWriter, r *http.Request) bool { ... } // to answer something else first
package clienttest
