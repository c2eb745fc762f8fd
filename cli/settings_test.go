package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// options is a verb with a flag of each shape.
type options struct {
	Listen  string            `default:"127.0.0.1:8080" help:"Address."`
	Limit   int               `default:"10" help:"Number."`
	Wait    time.Duration     `default:"30s" help:"Time."`
	Verbose bool              `help:"Switch."`
	Roles   []string          `default:"api,worker" help:"List."`
	Term    map[string]string `help:"Pairs."`
	Org     string            `key:"org-name" help:"Under another key."`
	Secret  string            `key:"-" help:"Under no key."`
}

type optionsGrammar struct {
	Config string   `help:"File."`
	Serve  options  `cmd:"" help:"Verb."`
	Other  struct{} `cmd:"" help:"Verb without flags."`
}

func parseOptions(t *testing.T, file string, env []string, args ...string) (options, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "espalier.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, "ESPALIER_CONFIG="+path)
	}
	var g optionsGrammar
	parser, err := parserOf(&g, newShell(env, strings.NewReader(""), io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return g.Serve, err
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const file = "listen: file\nlimit: 0x10\nwait: 3s\nverbose: true\nroles: [a, 'b,c']\nterm: {k: v}\norg-name: file\n"
	env := []string{"ESPALIER_LISTEN=variable", "ESPALIER_LIMIT=30", "ESPALIER_WAIT=4s", "ESPALIER_VERBOSE=false", "ESPALIER_ROLES=d,e",
		"ESPALIER_TERM=k=w;l=x", "ESPALIER_ORG_NAME=variable", "ESPALIER_ORG=no", "ESPALIER_SECRET=no"}
	args := []string{"--listen=flag", "--limit=40", "--wait=5s", "--verbose", "--roles=f", "--term=k=y", "--org=flag", "--secret=flag"}

	fromDefault := options{Listen: "127.0.0.1:8080", Limit: 10, Wait: 30 * time.Second, Roles: []string{"api", "worker"}}
	fromFile := options{Listen: "file", Limit: 16, Wait: 3 * time.Second, Verbose: true, Roles: []string{"a", "b,c"}, Term: map[string]string{"k": "v"}, Org: "file"}
	fromVariable := options{Listen: "variable", Limit: 30, Wait: 4 * time.Second, Roles: []string{"d", "e"}, Term: map[string]string{"k": "w", "l": "x"}, Org: "variable"}
	fromFlag := options{Listen: "flag", Limit: 40, Wait: 5 * time.Second, Verbose: true, Roles: []string{"f"}, Term: map[string]string{"k": "y"}, Org: "flag", Secret: "flag"}

	tests := []struct {
		name string
		file string
		env  []string
		args []string
		want options
	}{
		{"nothing given", "", nil, nil, fromDefault},
		{"file", file, nil, nil, fromFile},
		{"variable", "", env, nil, fromVariable},
		{"variable over file", file, env, nil, fromVariable},
		{"flag over variable", "", env, args, fromFlag},
		{"flag over all", file, env, args, fromFlag},
		{"an empty variable is not set", "", []string{"ESPALIER_LISTEN=", "ESPALIER_LIMIT="}, nil, fromDefault},
		{"an empty file", "# nothing\n", nil, nil, fromDefault},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseOptions(t, tt.file, tt.env, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
		})
	}
}

func TestConfigFlagOverVariable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "given.yaml")
	if err := os.WriteFile(path, []byte("listen: given\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := parseOptions(t, "listen: variable\n", nil, "--config", path)
	if err != nil || got.Listen != "given" {
		t.Errorf("got %q, %v, want the file that --config names", got.Listen, err)
	}
}

func TestSettingsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		file string
		env  []string
		want []string // parts of the error
	}{
		{"unknown keys, all at once", "lissten: a\nlimits: 3\n", nil, []string{`unknown key "limits"`, `unknown key "lissten"`}},
		{"spelled otherwise", "orgName: a\n", nil, []string{`unknown key "orgName"; did you mean "org-name"?`}},
		{"the flag's name where the key is another", "org: a\n", nil, []string{`unknown key "org"`}},
		{"no key at all", "secret: a\n", nil, []string{`unknown key "secret"`}},
		{"a file in the file", "config: a\n", nil, []string{"key config cannot stand in the file itself"}},
		{"no value", "listen:\n", nil, []string{"key listen has no value"}},
		{"wrong type in the file", "limit: many\n", nil, []string{"--limit: from key limit of ", "espalier.yaml", `"many"`}},
		{"wrong type in a variable", "", []string{"ESPALIER_LIMIT=many"}, []string{"--limit: from variable ESPALIER_LIMIT", `"many"`}},
		{"a key twice", "limit: 1\nlimit: 2\n", nil, []string{"[2:1]", `"limit" already defined`}},
		{"no mapping", "- limit\n", nil, []string{"espalier.yaml", "mapping is expected"}},
		{"no file", "", []string{"ESPALIER_CONFIG=/does/not/exist"}, []string{"configuration file", "/does/not/exist"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseOptions(t, tt.file, tt.env)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want a part %q", err, part)
				}
			}
		})
	}
}

// TestModel holds for every verb there is and every one to come.
func TestModel(t *testing.T) {
	t.Parallel()
	parser, err := newParser(newShell(nil, strings.NewReader(""), io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{} // by key
	_ = kong.Visit(parser.Model.Node, func(node kong.Visitable, next kong.Next) error {
		switch n := node.(type) {
		case *kong.Node:
			if n.Help == "" && !n.Hidden {
				t.Errorf("verb %q has no help", n.Path())
			}
			if n.Type == kong.CommandNode && n.Parent.Type == kong.ApplicationNode && n.Group == nil && !n.Hidden {
				t.Errorf("verb %q is in no group", n.Path())
			}
		case *kong.Flag:
			if n.Help == "" {
				t.Errorf("flag --%s has no help", n.Name)
			}
			if n.PlaceHolder == "" && !n.IsBool() {
				t.Errorf("flag --%s has no placeholder, so that the help shows its default twice", n.Name)
			}
			if len(n.Tag.Envs) > 0 {
				t.Errorf("flag --%s names a variable; it has %s already", n.Name, variable(n.Name))
			}
			key, typ := settingKey(n.Value), strings.TrimPrefix(n.Target.Type().String(), "*")
			if known, ok := types[key]; ok && key != "" && known != typ {
				t.Errorf("key %q is a %s and a %s; give one flag a key of its own", key, known, typ)
			}
			types[key] = typ
		}
		return next(nil)
	})
}
