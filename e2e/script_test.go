package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"espalier.dev/store/sqldb"
)

// TestScripts runs testdata/script on each engine. Every flag is also a variable, so a script says nothing of where its data is:
// ESPALIER_DATA, or ESPALIER_DATABASE_URL and ESPALIER_KEY_FILE, say it. Beside the commands of testscript there are
//
//	serve [flag...]          runs a server; $URL is where. It is stopped at the end, or by stop
//	stop                     stops it, and fails if it does not end well
//	exits CODE command...    runs a command that has to exit with the code
//	keep NAME member         puts a member of the JSON that the last command printed into $NAME
//	txt NAME TEXT            makes this the TXT record of a name in the DNS server at $DNS
//	newer                    makes the database one of a newer binary
//
// and the conditions [sqlite] and [postgres].
func TestScripts(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		files, err := filepath.Glob("testdata/script/*.txtar")
		if err != nil || len(files) == 0 {
			t.Fatalf("no scripts: %v", err)
		}
		for _, file := range files {
			s := &script{t: t, place: emptyPlace(t, e)}
			testscript.Run(t, testscript.Params{Files: []string{file}, Setup: s.setup, Condition: s.condition, Cmds: s.commands(), RequireExplicitExec: true, RequireUniqueNames: true})
		}
	})
}

// script is what one script runs in.
type script struct {
	t      *testing.T
	place  place
	server *server
	dns    *nameServer
}

func (s *script) setup(env *testscript.Env) error {
	s.dns = startDNS(s.t)
	env.Setenv("DNS", s.dns.address)
	env.Setenv("HOME", s.place.home)
	env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
	for _, pair := range s.place.variables() {
		name, value, _ := strings.Cut(pair, "=")
		env.Setenv(name, value)
	}
	return nil
}

// variables says where the data is, as flags do.
func (p place) variables() []string {
	if p.engine == postgres {
		return []string{"ESPALIER_DATABASE_URL=" + p.url, "ESPALIER_KEY_FILE=" + p.keyFile()}
	}
	return []string{"ESPALIER_DATA=" + filepath.Join(p.home, "data")}
}

func (s *script) condition(name string) (bool, error) {
	switch engine(name) {
	case sqlite, postgres:
		return engine(name) == s.place.engine, nil
	}
	return false, errors.New("unknown condition " + name)
}

func (s *script) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"serve": func(ts *testscript.TestScript, _ bool, args []string) {
			s.server = s.place.serve(s.t, args...)
			ts.Setenv("URL", s.server.url)
		},
		"stop":  func(*testscript.TestScript, bool, []string) { s.server.stop() },
		"exits": exits,
		"keep":  keep,
		"txt":   func(_ *testscript.TestScript, _ bool, args []string) { s.dns.put(args[0], args[1:]...) },
		"newer": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(s.newer()) },
	}
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), code, want)
	}
}

func keep(ts *testscript.TestScript, _ bool, args []string) {
	var printed map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &printed))
	value, ok := printed[args[1]]
	if !ok {
		ts.Fatalf("there is no member %s", args[1])
	}
	ts.Setenv(args[0], strings.Trim(string(value), `"`))
}

// newer writes into the database what a later release might.
func (s *script) newer() error {
	db := s.place.open(s.t, sqldb.Config{})
	defer db.Close()
	return db.Write(context.Background(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(context.Background(), `
			INSERT INTO schema_version (version, oldest_binary, applied_at, name, hash)
			SELECT MAX(version) + 1, MAX(version) + 1, 0, '9000_later', 'x' FROM schema_version`)
		return err
	})
}
