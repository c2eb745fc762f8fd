package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// sizes is how much is measured.
type sizes struct {
	rounds    int           // that count
	customers int           // of the parent whose lists are measured
	small     int           // customers of the parent that creates are measured under
	few, many int           // organizations, for what must not grow with them
	samples   int           // requests of a median
	creates   int           // creates of a median
	busy      time.Duration // of a throughput
	starts    int           // of a median
}

var fullSizes = sizes{
	rounds: 5, customers: 10_000, small: 250, few: 1_000, many: 100_000, samples: 300, creates: 300, busy: 2 * time.Second, starts: 5,
}

// experiment prepares a database, a server and what else some figures share. The lab takes it down.
type experiment struct {
	name     string
	postgres bool // needs a PostgreSQL server
	prepare  func(ctx context.Context, l *lab) ([]figure, error)
}

// experiments are in the order of the table.
var experiments = []experiment{
	{"create", false, prepareCreate},
	{"create-postgres", true, prepareCreatePostgres},
	{"get", false, prepareGet},
	{"get-postgres", true, prepareGetPostgres},
	{"page", false, preparePage},
	{"stream", false, prepareStream},
	{"import", false, prepareImport},
	{"start", false, prepareStart},
	{"memory", false, prepareMemory},
	{"scale", false, prepareScale},
	{"decision", false, prepareDecision},
	{"tokens", false, prepareTokens},
	{"signin", false, prepareSignIn},
	{"scim", false, prepareSCIM},
	{"audit", false, prepareAudit},
}

func experimentNames() []string {
	names := make([]string, len(experiments))
	for i, e := range experiments {
		names[i] = e.name
	}
	return names
}

// choose finds the experiments of a list of names; "" is all.
func choose(only string) ([]experiment, error) {
	if only == "" {
		return experiments, nil
	}
	var chosen []experiment
	for name := range strings.SplitSeq(only, ",") {
		i := slices.Index(experimentNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("-only: there is no experiment %q; want some of %s", name, strings.Join(experimentNames(), ", "))
		}
		chosen = append(chosen, experiments[i])
	}
	return chosen, nil
}

// measureAll runs experiments one after the other. Those that need a PostgreSQL server are left out where there is none.
func (l *lab) measureAll(ctx context.Context, chosen []experiment) ([]result, error) {
	var all []result
	for _, e := range chosen {
		if e.postgres && os.Getenv(postgresVariable) == "" {
			l.log.Printf("%s: left out, since %s names no server", e.name, postgresVariable)
			continue
		}
		results, err := l.measure(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		all = append(all, results...)
	}
	return all, nil
}

// measure runs one experiment and takes its things down.
func (l *lab) measure(ctx context.Context, e experiment) (results []result, err error) {
	l.log.Printf("%s: preparing", e.name)
	defer l.takeDown(len(l.closers), &err)
	figures, err := e.prepare(ctx, l)
	if err != nil {
		return nil, err
	}
	if results, err = l.rounds(ctx, figures); err == nil {
		release(results)
	}
	return results, err
}

// release lets go of what figures were measured on: a heap that is kept costs every later experiment its collection.
func release(results []result) {
	for i := range results {
		results[i].take = nil
		for n := range results[i].floors {
			results[i].floors[n].take = nil
		}
	}
	runtime.GC()
}
