package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// report writes the page of results.
func report(results []result, s sizes, began time.Time, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Speed

Written by `+"`make bench`"+` on %s, in %s: %s on %s/%s, %d processors, GOMAXPROCS=%d.

Each figure is a ratio to a floor: the least that the same work costs on the same machine, measured by the same program in the
same round. A round takes the floors, the figure, and the floors again; if one of them moved by more than %.0f %%, the round is
thrown away and another one run. Shown are medians of %d rounds; the figures of a database take turns. What many
connections do is done for a while before it is measured, so that they are open.

- **S**: a durable SQLite transaction, with the product's settings, that inserts the very rows a create inserts; prepared
  statements, one connection, nothing else.
- **H**: a GET of 200 bytes from a bare net/http server over loopback, one connection; **H16**: its throughput on 16.
- **Q**: the statements of the request through database/sql, read into variables.
- **P**: `+"`pgbench -N`"+`, 16 clients, scale 10, on the same PostgreSQL server.
- **R**: the rows of the list, or of the import, through database/sql and nothing else.
- **A**: argon2id alone, with the parameters of sign-in.
- **E**: a Go program that opens the same database, reads its schema, and does nothing else.

| Figure | Measured | Floor | Floor measured | Ratio | Bar | Met |
| --- | ---: | --- | ---: | ---: | ---: | --- |
`, began.UTC().Format("2 January 2006"), took.Round(time.Second), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), processors, 100*(steady-1), s.rounds)
	for i := range results {
		b.WriteString(results[i].line(s.rounds))
	}
	return b.String()
}

// line is a line of the table.
func (r *result) line(wanted int) string {
	value, floor, ratio := r.values()
	sign := "≤"
	if r.atLeast {
		sign = "≥"
	}
	met := "yes"
	if !r.met() {
		met = "**no**"
	}
	if len(r.rounds) < wanted {
		met += fmt.Sprintf(", %d rounds: in %d a floor moved", len(r.rounds), r.thrown)
	}
	if r.absolute() {
		return fmt.Sprintf("| %s | %s | – | – | – | %s %s | %s |\n", r.name, r.unit.text(value), sign, r.unit.text(r.bar), met)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %.2f | %s %g × | %s |\n",
		r.name, r.unit.text(value), r.against, r.unit.text(floor), ratio, sign, r.bar, met)
}
