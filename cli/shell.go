package cli

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"
)

// Shell is what a verb may know of the machine that it was started on.
type Shell struct {
	In  io.Reader
	Out io.Writer // what was asked for; a program may read it
	Err io.Writer // everything else: questions, progress, warnings, refusals

	env map[string]string
}

func newShell(env []string, stdin io.Reader, stdout, stderr io.Writer) *Shell {
	sh := &Shell{In: stdin, Out: stdout, Err: stderr, env: make(map[string]string, len(env))}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		sh.env[name] = value
	}
	return sh
}

// Getenv returns the value of a variable, "" when it is not set.
func (sh *Shell) Getenv(name string) string { return sh.env[name] }

// Interactive reports that a person can be asked: input and messages are a terminal.
func (sh *Shell) Interactive() bool { return isTerminal(sh.In) && isTerminal(sh.Err) }

// isTerminal reports that a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// log is where verbs that end by themselves report: to the person, warnings and worse only.
func (sh *Shell) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(sh.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
