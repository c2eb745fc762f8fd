// Package e2e tests the real binary as its users meet it: it is built once, started on fresh data, asked over HTTP and on the
// command line, and stopped as an operator stops it. It holds tests only.
//
// Read harness_test.go first: a place is data on one of the engines, a server runs on it, a caller asks as one user. Every answer
// of a server is checked against the contract by package doortest, whatever the test is about.
//
//   - contract_test.go has the success of each operation and the errors of its own; a served operation without one fails the test.
//   - walk_test.go and mutation_test.go walk all served operations of the OpenAPI documents with what is wrong for every one of
//     them: new operations join by existing, with a line in the table of valid values if theirs are of a new kind.
//   - isolation_test.go walks them as everybody from everywhere: every role, in seven relations to the organization that is asked
//     about. hostile_test.go has the known ways in, each with the place where it is tried.
//   - script_test.go runs testdata/script, the command line of README.md and docs, and make demo.
//   - servers_test.go has several servers on one PostgreSQL.
//
// SQLite is tested always, PostgreSQL when scripts/postgres.sh has started one. ESPALIER_E2E_BINARY names a binary to test instead
// of building one.
package e2e
