package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

// processors is what GOMAXPROCS is set to, here and in the servers that are started.
const processors = 2

func main() {
	log.SetFlags(log.Ltime)
	out := flag.String("out", "", "`file` to write the table to; the screen if empty")
	only := flag.String("only", "", "measure these `experiments` only: names with commas, of "+strings.Join(experimentNames(), " "))
	rounds := flag.Int("rounds", fullSizes.rounds, "rounds that count")
	profile := flag.String("cpuprofile", "", "`file` for a CPU profile of the whole run")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	sizes := fullSizes
	sizes.rounds = *rounds
	if err := run(ctx, *out, *only, *profile, sizes); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, only, profile string, s sizes) (err error) {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	runtime.GOMAXPROCS(processors)
	began := time.Now()
	l, err := newLab(ctx, s, log.Default())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	results, err := l.measureAll(ctx, chosen)
	if err != nil {
		return err
	}
	table := report(results, s, began, time.Since(began))
	if out == "" {
		_, err = fmt.Print(table)
		return err
	}
	return os.WriteFile(out, []byte(table), 0o644)
}
