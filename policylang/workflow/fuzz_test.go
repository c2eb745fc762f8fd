package workflow

import (
	"context"
	"testing"

	"espalier.dev/policylang/source"
)

// FuzzParse reads any text: no panic, what parses prints to the same tree, and check and compile bear what is left.
func FuzzParse(f *testing.F) {
	f.Add(everything)
	for _, p := range programs {
		f.Add("define main() return $r do\n" + p.text + "\nend\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("fuzz", []byte(text))
		defs, diags := Parse(file)
		Check(file, defs, Context{Signers: []string{}})
		Compile(file, defs)
		if len(diags) == 0 {
			roundTrip(t, file, defs)
		}
	})
}

// FuzzRun runs whatever parses, within small limits, once at a stretch and once saved after every few instructions:
// no panic, and the same end.
func FuzzRun(f *testing.F) {
	for _, p := range programs {
		f.Add(p.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("fuzz", []byte("define main($data) return $r do\n"+text+"\nend\n"))
		defs, _ := Parse(file)
		p := Compile(file, defs)
		if !p.Has("main") {
			return
		}
		limits := Limits{Steps: 2000, Bytes: 1 << 18, Range: 1000, Depth: 20, Tasks: 20, Requests: 20}
		once := fuzzRun(t, p, limits, 0)
		limits.Slice = 7
		if again := fuzzRun(t, p, limits, 7); once != again {
			t.Errorf("at a stretch: %s\nsaved: %s", once, again)
		}
	})
}

func fuzzRun(t *testing.T, p *Program, limits Limits, saved int) string {
	h := newHost(nil)
	c := Config{Limits: limits}
	m, err := Start(p, "main", nil, c)
	if err != nil {
		return err.Error()
	}
	for range 10_000 {
		s, err := m.Step(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		if s.Ended() {
			return outcomeText(s)
		}
		if s.Phase == Sleeping && s.Wake.IsZero() {
			t.Fatal("the run sleeps for ever")
		}
		if s.Wake.After(h.now) {
			h.now = s.Wake
		}
		if saved > 0 {
			m = again(t, p, m, c)
		}
	}
	return "unfinished"
}
