// Package doctor looks whether a database is whole: the files of the engine, the schema, the rules of the tree as the rows
// have them, the keys and the audit log. It reads only, and a server may run beside it.
//
// Read [Examine] first. It returns a [Check] for each thing it looked at, with what is wrong and what to do about it; it
// repairs nothing.
package doctor
