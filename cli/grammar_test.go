package cli

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A verb looks the same alone and among all.
func TestGrammarOfOneVerb(t *testing.T) {
	t.Parallel()
	show := func(g any, args ...string) string {
		var out bytes.Buffer
		parser, err := parserOf(g, newShell(nil, strings.NewReader(""), &out, &out))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil && !errors.Is(err, errHelped) {
			out.WriteString(err.Error())
		}
		return out.String()
	}
	sh := newShell(nil, nil, nil, nil)
	for f := range reflect.TypeFor[root]().Fields() {
		if _, verb := f.Tag.Lookup("cmd"); !verb || aboutAll(f.Type) {
			continue
		}
		name := verbName(f)
		if _, whole := grammar([]string{name}, sh).(*root); whole {
			t.Errorf("%s is read by the whole grammar", name)
		}
		for _, args := range [][]string{{name, "--help"}, {name, "--no-such-flag"}, {name, "nonsense"}, {name}} {
			if diff := cmp.Diff(show(&root{}, args...), show(grammar(args, sh), args...)); diff != "" {
				t.Errorf("%v (-whole +alone):\n%s", args, diff)
			}
		}
	}
}

func TestGrammarIsWholeWhereAllVerbsCount(t *testing.T) {
	t.Parallel()
	file := newShell([]string{"ESPALIER_CONFIG=x.yaml"}, nil, nil, nil)
	none := newShell(nil, nil, nil, nil)
	for _, tt := range []struct {
		sh   *Shell
		args []string
	}{
		{none, nil}, {none, []string{"--help"}}, {none, []string{"help", "serve"}}, {none, []string{"completion", "bash"}},
		{none, []string{"__complete", "s"}}, {none, []string{"serv"}}, {none, []string{"serve", "--config=x"}},
		{none, []string{"serve", "--config", "x"}}, {file, []string{"serve"}},
	} {
		if _, whole := grammar(tt.args, tt.sh).(*root); !whole {
			t.Errorf("%v: read by a part of the grammar", tt.args)
		}
	}
}
