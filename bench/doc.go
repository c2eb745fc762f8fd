// Command bench measures the product against floors: the least that the same work can cost here, done without the product
// in the same program and the same round. It writes a table of ratios, bench/README.md.
//
//	go run ./bench -out bench/README.md
//	go run ./bench -only page -rounds 3 -cpuprofile page.pprof
//
// Read [figure] first: what is measured, against which floors, and the bar it has to meet. An experiment is a file of
// figures that share a database: create.go, get.go, list.go, imports.go, process.go, scale.go. Floors are in floors.go and,
// where they are SQL, in sql.go.
//
// The server under test is `espalier serve` in this process, reached over loopback by the same HTTP client as the bare
// server of the floor; where memory or the start is measured it is the real binary. PostgreSQL is measured where
// ESPALIER_TEST_POSTGRES_URL names a server.
package main
