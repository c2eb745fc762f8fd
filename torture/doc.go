// Package torture breaks what a server stands on while it works, and looks whether its promises hold: no acknowledged write
// is lost, nothing is half done, the audit log verifies and has an entry for each change.
//
// It runs the real binary as processes of their own, under 16 writers that create, change, tag, import and delete customers
// one by one and in bulk. Read the ledger first: a writer notes in it what was acknowledged, what was refused and what it
// cannot know, and the API's answers and the audit log have to agree with it afterwards. The tests are a few rounds each;
//
//	make torture
//
// makes them many. They print the seed of their chances; -seed takes it back. A test that fails keeps its folder, with data
// and logs, and says where.
//
// Speed is measured by bench, broken requests are tried beside the handlers.
package torture
