package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

// lab is what experiments work with. What they put up is taken down in the reverse order.
type lab struct {
	sizes   sizes
	log     *log.Logger
	dir     string // for databases and programs
	bare    *bareServer
	closers []func() error
}

func newLab(ctx context.Context, s sizes, log *log.Logger) (*lab, error) {
	dir, err := os.MkdirTemp("", "espalier-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{sizes: s, log: log, dir: dir}
	l.later(func() error { return os.RemoveAll(dir) })
	if l.bare, err = startBare(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	l.later(l.bare.close)
	return l, nil
}

// later takes something down at the end of the experiment.
func (l *lab) later(do func() error) { l.closers = append(l.closers, do) }

// takeDown undoes what was put up since there were so many closers, and joins its errors to err.
func (l *lab) takeDown(since int, err *error) {
	for len(l.closers) > since {
		last := len(l.closers) - 1
		do := l.closers[last]
		l.closers = l.closers[:last]
		*err = errors.Join(*err, do())
	}
}

func (l *lab) close() (err error) {
	l.takeDown(0, &err)
	return err
}

// folder makes a new folder for data, removed after the experiment.
func (l *lab) folder() (string, error) {
	dir, err := os.MkdirTemp(l.dir, "data-")
	if err == nil {
		l.later(func() error { return os.RemoveAll(dir) })
	}
	return dir, err
}

// program builds a program of the module and returns its path.
func (l *lab) program(ctx context.Context, pkg string) (string, error) {
	path := filepath.Join(l.dir, filepath.Base(pkg))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}
