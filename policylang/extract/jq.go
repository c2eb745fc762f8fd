package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"espalier.dev/policylang/value"
)

// jqProgram is a compiled jq program. It may be used by several goroutines.
type jqProgram struct {
	code   *gojq.Code
	path   []string // the members one after another, if the program is .a.b; empty for .
	only   bool     // whether path is all of it
	single bool     // whether it plainly has one output: a path of members, or a list
}

var memberPath = regexp.MustCompile(`^(\.|(\.[A-Za-z_][A-Za-z0-9_]*)+)$`)

// compileJQ reads a program, in which $marker is a variable and now is the time of the evaluation.
func compileJQ(text string, now func() time.Time) (*jqProgram, error) {
	query, err := gojq.Parse(text)
	if err == nil {
		clock, parseErr := gojq.Parse("def now: espalier_now; .")
		if parseErr != nil {
			return nil, parseErr
		}
		query.FuncDefs = append(clock.FuncDefs, query.FuncDefs...)
	}
	var code *gojq.Code
	if err == nil {
		code, err = gojq.Compile(query, gojq.WithVariables([]string{"$marker"}),
			gojq.WithFunction("espalier_now", 0, 0, func(any, []any) any { return float64(now().UnixMicro()) / 1e6 }))
	}
	if err != nil {
		return nil, fmt.Errorf("the jq program can't be read: %s", strings.TrimPrefix(firstLine(err), "SyntaxError: "))
	}
	p := &jqProgram{code: code, single: query.Op == 0 && query.Term != nil && query.Term.Type == gojq.TermTypeArray && len(query.Term.SuffixList) == 0}
	if trimmed := strings.TrimSpace(text); memberPath.MatchString(trimmed) {
		p.only, p.single = true, true
		p.path = strings.FieldsFunc(trimmed, func(r rune) bool { return r == '.' })
	}
	return p, nil
}

// run gives the outputs of the program, the first one alone unless all is set.
func (p *jqProgram) run(ctx context.Context, v value.Value, marker string, all bool, l value.Limits) ([]value.Value, error) {
	if v, ok := p.member(v); ok {
		return []value.Value{v}, nil
	}
	b := bridge{maps: map[uintptr]*value.Map{}, lists: map[uintptr][]value.Value{}, budget: newBudget("what the jq program gives", l)}
	most := l.WithDefaults().Steps
	m := &meter{Context: ctx, left: most, most: most}
	outputs := p.code.RunWithContext(m, b.native(v), marker)
	var found []value.Value
	for {
		out, ok := outputs.Next()
		if !ok {
			return found, nil
		}
		if err, ok := out.(error); ok {
			if halt, ok := errors.AsType[*gojq.HaltError](err); ok && halt.Value() == nil {
				return found, nil
			}
			return nil, m.explain(err)
		}
		v, err := b.value(out)
		if err != nil {
			return nil, err
		}
		found = append(found, v)
		if !all {
			return found, nil
		}
	}
}

// member evaluates a program that is a path of members, as most are, without the interpreter. It reports false if that
// can't be done, be it for an error.
func (p *jqProgram) member(v value.Value) (value.Value, bool) {
	if !p.only {
		return nil, false
	}
	for _, name := range p.path {
		if v == nil {
			return nil, true
		}
		m, ok := v.(*value.Map)
		if !ok {
			return nil, false
		}
		v, _ = m.Get(name)
	}
	return v, true
}

// meter is a context that ends after a number of looks at it. The interpreter looks before each of its steps.
type meter struct {
	context.Context
	left  int
	most  int
	ended chan struct{}
}

// Done is closed once the steps are used up or the context it stands for is done.
func (m *meter) Done() <-chan struct{} {
	m.left--
	if m.left < 0 || m.left%1024 == 0 && m.Context.Err() != nil {
		if m.ended == nil {
			m.ended = make(chan struct{})
			close(m.ended)
		}
	}
	return m.ended
}

// Err is why it is done.
func (m *meter) Err() error {
	if m.left < 0 {
		return stepsError("the jq program", m.most)
	}
	return m.Context.Err()
}

func (m *meter) explain(err error) error {
	if m.ended != nil {
		if m.left < 0 {
			return m.Err()
		}
		return context.Cause(m.Context)
	}
	return fmt.Errorf("the jq program fails: %s", firstLine(err))
}

// bridge takes values to the interpreter's types and back. What comes back unchanged is the value that went in, so that the
// order of its members is kept.
type bridge struct {
	maps  map[uintptr]*value.Map
	lists map[uintptr][]value.Value
	*budget
}

func (b *bridge) native(v value.Value) any {
	switch v := v.(type) {
	case value.Number:
		if i, ok := v.Int64(); ok && value.Int(i) == v {
			return int(i)
		}
		return json.Number(v)
	case []value.Value:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = b.native(e)
		}
		if len(v) > 0 {
			b.lists[reflect.ValueOf(out).Pointer()] = v
		}
		return out
	case *value.Map:
		out := make(map[string]any, v.Len())
		for k, e := range v.All() {
			out[k] = b.native(e)
		}
		b.maps[reflect.ValueOf(out).Pointer()] = v
		return out
	case value.Internal:
		return b.native(v.Settle())
	}
	return v
}

// sizeOfPart is what an element or a member takes, about.
const sizeOfPart = 48

func (b *bridge) value(v any) (value.Value, error) {
	if err := b.take(sizeOfPart); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		return v, b.take(len(v))
	case *big.Int:
		if v.BitLen() > maxBits {
			return nil, fmt.Errorf("the jq program gives an integer of more than %d bits", maxBits)
		}
	case []any:
		if known, ok := b.lists[reflect.ValueOf(v).Pointer()]; ok && len(known) == len(v) {
			return known, nil
		}
		return b.list(v)
	case map[string]any:
		if known, ok := b.maps[reflect.ValueOf(v).Pointer()]; ok {
			return known, nil
		}
		return b.object(v)
	}
	return value.From(v)
}

// maxBits bounds integers that a program calculates.
const maxBits = 3000

func (b *bridge) list(list []any) (value.Value, error) {
	out := make([]value.Value, 0, len(list))
	for _, e := range list {
		v, err := b.value(e)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (b *bridge) object(m map[string]any) (value.Value, error) {
	out := value.New()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, err := b.value(m[k])
		if err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	return out, nil
}
