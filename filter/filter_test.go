package filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/filter"
)

const (
	equality = filter.Eq | filter.Ne
	ordering = equality | filter.Gt | filter.Lt | filter.Ge | filter.Le | filter.In
)

// everything declares an attribute of each type, with all the operators that have a meaning for it.
var everything = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or | filter.Not,
	Attrs: []filter.Attr{
		{Name: "name", Type: filter.Text, Ops: ordering | filter.Co},
		{Name: "createdBy.email", Type: filter.Text, Ops: ordering | filter.Co, AnyCase: true},
		{Name: "count", Type: filter.Number, Ops: ordering},
		{Name: "dryRun", Type: filter.Bool, Ops: equality},
		{Name: "createdAt", Type: filter.Time, Ops: ordering},
		{Name: "tags", Type: filter.Set, Ops: equality | filter.Co | filter.In | filter.Has},
		{Name: "label.*", Type: filter.Text, Ops: ordering | filter.Co},
	},
})

// customers is the filter of the customers list.
var customers = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{
		{Name: "name", Type: filter.Text, Ops: equality | filter.Co},
		{Name: "tags", Type: filter.Set, Ops: equality | filter.Co},
	},
})

// rules takes and only, as the list of access rules does.
var rules = filter.MustSchema(filter.Config{
	Joins: filter.And,
	Attrs: []filter.Attr{
		{Name: "subjectRef", Type: filter.Text, Ops: filter.Eq},
		{Name: "scopeRef", Type: filter.Text, Ops: filter.Eq},
	},
})

func TestParsePrints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
	}{
		{"nothing", "", ""},
		{"blanks", " \t", ""},
		{"text", "name  eq\t'Acme'", "name eq 'Acme'"},
		{"no blanks around marks", "(name eq'a')or(name eq'b')", "name eq 'a' or name eq 'b'"},
		{"quote inside", "name eq 'O''Brien'", "name eq 'O''Brien'"},
		{"backslash is plain", `name eq 'C:\'`, `name eq 'C:\'`},
		{"words of the language as text", "name eq 'and or not'", "name eq 'and or not'"},
		{"empty text", "name ne ''", "name ne ''"},
		{"number", "count ge +7", "count ge 7"},
		{"least number", "count eq -9223372036854775808", "count eq -9223372036854775808"},
		{"bool", "dryRun eq true", "dryRun eq true"},
		{"bool in quotes", "dryRun ne 'false'", "dryRun ne false"},
		{"time in single quotes", "createdAt gt '2026-11-25T08:00:00Z'", "createdAt gt '2026-11-25T08:00:00Z'"},
		{"time in double quotes", `createdAt gt "2026-11-25T08:00:00Z"`, "createdAt gt '2026-11-25T08:00:00Z'"},
		{"bare time", "createdAt gt 2026-11-25T10:00:00.123456789+02:00", "createdAt gt '2026-11-25T08:00:00.123456Z'"},
		{"date", "createdAt lt '2026-11-25'", "createdAt lt '2026-11-25T00:00:00Z'"},
		{"list of texts", "name in ['a','b' , 'c']", "name in ['a', 'b', 'c']"},
		{"list of numbers", "count in [1]", "count in [1]"},
		{"dotted", "createdBy.email co 'ACME'", "createdBy.email co 'ACME'"},
		{"key", "label.cost:centre eq 'x'", "label.cost:centre eq 'x'"},
		{"has", "tags has 'tier:gold'", "tags has 'tier:gold'"},
		{"and before or", "count eq 1 or count eq 2 and count eq 3", "count eq 1 or count eq 2 and count eq 3"},
		{"needless parentheses", "count eq 1 or (count eq 2 and (count eq 3))", "count eq 1 or count eq 2 and count eq 3"},
		{"needed parentheses", "(count eq 1 or count eq 2) and count eq 3", "(count eq 1 or count eq 2) and count eq 3"},
		{"alike joined", "count eq 1 and (count eq 2 and count eq 3)", "count eq 1 and count eq 2 and count eq 3"},
		{"not before and", "not count eq 1 and count eq 2", "not count eq 1 and count eq 2"},
		{"not of more", "not(count eq 1 and count eq 2)", "not (count eq 1 and count eq 2)"},
		{"not not", "not (not count eq 1)", "not not count eq 1"},
	}
	for _, tt := range tests {
		e, err := filter.Parse(tt.in, everything)
		if err != nil {
			t.Errorf("%s: Parse(%s): got %v, want none", tt.name, tt.in, err)
			continue
		}
		if got := e.String(); got != tt.want {
			t.Errorf("%s: Parse(%s): got %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 4096)
	tests := []struct {
		name   string
		schema *filter.Schema
		in     string
		pos    int
		want   string
	}{
		{"unknown attribute", customers, "nmae co 'a'", 1, "nmae is no attribute here; did you mean name? Known: name, tags"},
		{"nothing like it", customers, "owner co 'a'", 1, "owner is no attribute here; known: name, tags"},
		{"attribute in capitals", customers, "Name co 'a'", 1, "Name is no attribute here; did you mean name? Known: name, tags"},
		{"keys are named", everything, "x eq 1", 1, "x is no attribute here; known: name, createdBy.email, count, dryRun, createdAt, tags, label.{key}"},
		{"key missing", everything, "label. eq 'x'", 1, "label. is no attribute here; known: name, createdBy.email, count, dryRun, createdAt, tags, label.{key}"},
		{"operator in capitals", customers, "name EQ 'a'", 6, "EQ is no operator; operators are written in small letters: eq"},
		{"unknown operator", customers, "name like 'a'", 6, "like is no operator; name takes co, eq or ne"},
		{"operator of others", customers, "name gt 'a'", 6, "gt cannot be asked of name; it takes co, eq or ne"},
		{"sign for operator", customers, "name = 'a'", 6, "'=' has no meaning here; operators are words, such as eq, and text stands in single quotes"},
		{"operator missing", customers, "name", 5, "want an operator of name (co, eq or ne), got the end"},
		{"value for operator", customers, "name 'a'", 6, "want an operator of name (co, eq or ne), got the text 'a'"},
		{"value missing", customers, "name co", 8, "want a value for name, such as 'acme', got the end"},
		{"bare text", customers, "name co acme", 9, "name is text; want text in single quotes, such as 'acme', got acme"},
		{"text in double quotes", customers, `name co "acme"`, 9, `name is text; want text in single quotes, such as 'acme', got "acme"`},
		{"quoted number", everything, "count eq '5'", 10, "count is a number; want a whole number without quotes, such as 42, got the text '5'"},
		{"number too large", everything, "count eq 9223372036854775808", 10, "count is a number; want a whole number without quotes, such as 42, got 9223372036854775808"},
		{"no bool", everything, "dryRun eq yes", 11, "dryRun is true or false; want true or false, got yes"},
		{"no time", everything, "createdAt gt 'today'", 14, "createdAt is a time; want a time such as '2026-11-25T08:00:00Z' or '2026-11-25', got the text 'today'"},
		{"plus lost in a URL", everything, "createdAt gt '2026-11-25T08:00:00 02:00'", 14, "the text '2026-11-25T08:00:00 02:00' has a blank where a time has +; in a URL, + is written %2B"},
		{"year of five digits", everything, "createdAt gt '9999-12-31T23:00:00-02:00'", 14, "createdAt is a time; want a time such as '2026-11-25T08:00:00Z' or '2026-11-25', got the text '9999-12-31T23:00:00-02:00'"},
		{"text never closed", customers, "name co 'acme", 9, "this ' is never closed; a quote inside text is written twice: 'O''Brien'"},
		{"quote not doubled", customers, "name co 'O'Brien'", 17, "this ' is never closed; a quote inside text is written twice: 'O''Brien'"},
		{"characters are counted, not bytes", customers, "name co 'Žižkov' nad tags eq 'x'", 18, `want "and", "or" or the end, got nad`},
		{"parenthesis never closed", customers, "(name eq 'a'", 13, "want ) for the ( at character 1"},
		{"parenthesis never opened", customers, "name eq 'a')", 12, "this ) closes nothing"},
		{"empty parentheses", customers, "()", 2, "want an attribute (name or tags), got )"},
		{"and in capitals", customers, "name eq 'a' AND name eq 'b'", 13, "AND is written in small letters: and"},
		{"and without more", customers, "name eq 'a' and", 16, "want an attribute (name or tags), got the end"},
		{"values joined", customers, "name eq 'a' or 'b'", 16, "want an attribute (name or tags), got the text 'b'"},
		{"not where it is not taken", customers, "not name eq 'a'", 1, `not cannot be used here; want "and" or "or"`},
		{"or where only and is taken", rules, "subjectRef eq 'a' or scopeRef eq 'b'", 19, `or cannot be used here; want "and"`},
		{"list without brackets", everything, "name in 'a'", 9, "want a list in brackets, such as ['acme'], got the text 'a'"},
		{"empty list", everything, "name in []", 10, "want a value for name, such as 'acme', got ]"},
		{"list of mixed types", everything, "name in ['a', 2]", 15, "name is text; want text in single quotes, such as 'acme', got 2"},
		{"list never closed", everything, "name in ['a'", 13, "want , or ] in a list, got the end"},
		{"broken UTF-8", customers, "name co 'é\xff'", 11, "is not well-formed UTF-8"},
		{"NUL", customers, "name co 'a\x00'", 11, "is the control character U+0000"},
		{"long", customers, "name eq '" + long + "'", 4097, "is 4106 characters long; want at most 4096"},
		{"long token", customers, long, 1, strings.Repeat("x", 40) + "… is no attribute here; known: name, tags"},
		{"deep", customers, strings.Repeat("(", 33), 33, "is nested too deeply; want at most 32 levels"},
		{"many comparisons", everything, strings.Repeat("count eq 1 or ", 100) + "count eq 1", 1401, "is one comparison too many; want at most 100"},
		{"many values", everything, "count in [" + strings.Repeat("1,", 101), 211, "is one value too many; want at most 100 in a list"},
	}
	for _, tt := range tests {
		_, err := filter.Parse(tt.in, tt.schema)
		got, ok := errors.AsType[*filter.SyntaxError](err)
		if !ok {
			t.Errorf("%s: Parse(%.60q): got %v, want a SyntaxError", tt.name, tt.in, err)
			continue
		}
		if diff := cmp.Diff(&filter.SyntaxError{Pos: tt.pos, Msg: tt.want}, got); diff != "" {
			t.Errorf("%s: Parse(%.60q) (-want +got):\n%s", tt.name, tt.in, diff)
		}
	}
}

func TestMessageNamesTheMember(t *testing.T) {
	t.Parallel()
	err := &filter.SyntaxError{Pos: 6, Msg: "EQ is no operator"}
	if got, want := err.Message("orgTagsFilter"), "orgTagsFilter: character 6: EQ is no operator"; got != want {
		t.Errorf("Message: got %s, want %s", got, want)
	}
	if got, want := err.Error(), "filter: character 6: EQ is no operator"; got != want {
		t.Errorf("Error: got %s, want %s", got, want)
	}
}

func TestAnyCaseOperators(t *testing.T) {
	t.Parallel()
	s := filter.MustSchema(filter.Config{
		AnyCase: true,
		Joins:   filter.And | filter.Or | filter.Not,
		Attrs:   []filter.Attr{{Name: "name", Type: filter.Text, Ops: equality | filter.In}},
	})
	e, err := filter.Parse("NOT (name EQ 'A' Or name In ['B'])", s)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if got, want := e.String(), "not (name eq 'A' or name in ['B'])"; got != want {
		t.Errorf("String: got %s, want %s", got, want)
	}
}

func TestTerms(t *testing.T) {
	t.Parallel()
	e, err := filter.Parse("subjectRef eq 's' and scopeRef eq 'p'", rules)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	var got []string
	for term := range e.Terms() {
		got = append(got, term.Attr+" "+term.Op.String()+" "+term.Values[0].Text())
	}
	if diff := cmp.Diff([]string{"subjectRef eq s", "scopeRef eq p"}, got); diff != "" {
		t.Errorf("Terms (-want +got):\n%s", diff)
	}
	for term := range e.Terms() {
		if got, want := term.String(), "subjectRef eq 's'"; got != want {
			t.Errorf("Term: got %s, want %s", got, want)
		}
		break
	}
	if got := slices.Collect((*filter.Expr)(nil).Terms()); got != nil {
		t.Errorf("Terms of nil: got %v, want none", got)
	}
}

func TestNewSchemaRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		attrs []filter.Attr
		want  string
	}{
		{"nothing", nil, "filter: a schema needs an attribute"},
		{"blank in the name", []filter.Attr{{Name: "a b", Type: filter.Text, Ops: filter.Eq}}, `filter: attribute "a b": no filter can spell the name`},
		{"word of the language", []filter.Attr{{Name: "not", Type: filter.Text, Ops: filter.Eq}}, `filter: attribute "not": is a word of the language`},
		{"no type", []filter.Attr{{Name: "a", Ops: filter.Eq}}, `filter: attribute "a": has no type`},
		{"no operator", []filter.Attr{{Name: "a", Type: filter.Text}}, `filter: attribute "a": has no operator`},
		{"operator without meaning", []filter.Attr{{Name: "a", Type: filter.Bool, Ops: filter.Eq | filter.Co | filter.Gt}}, `filter: attribute "a": is true or false, which has no operator co gt`},
		{"case of a number", []filter.Attr{{Name: "a", Type: filter.Number, Ops: filter.Eq, AnyCase: true}}, `filter: attribute "a": is a number, which has no letter case`},
		{"twice", []filter.Attr{{Name: "a", Type: filter.Text, Ops: filter.Eq}, {Name: "a", Type: filter.Text, Ops: filter.Eq}}, `filter: attribute "a": is declared twice`},
	}
	for _, tt := range tests {
		_, err := filter.NewSchema(filter.Config{Attrs: tt.attrs})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: NewSchema: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	row := map[string]filter.Value{
		"name":            filter.TextOf("Straße & Co"),
		"createdBy.email": filter.TextOf("Ann@Acme.example"),
		"count":           filter.NumberOf(7),
		"dryRun":          filter.BoolOf(true),
		"createdAt":       filter.TimeOf(time.Date(2026, 11, 25, 8, 0, 0, 1000, time.UTC)),
		"tags":            filter.SetOf([]string{"tier:gold", "region:emea"}),
		"label.env":       filter.TextOf("live"),
	}
	tests := []struct {
		in   string
		want bool
	}{
		{"", true},
		{"name co 'STRASSE'", true},
		{"name co 'strase'", false},
		{"name co ''", true},
		{"name eq 'straße & co'", false},
		{"name eq 'Straße & Co'", true},
		{"name ne 'Straße & Co'", false},
		{"name gt 'Straß'", true},
		{"name in ['a', 'Straße & Co']", true},
		{"createdBy.email eq 'ann@acme.EXAMPLE'", true},
		{"createdBy.email ne 'ann@acme.EXAMPLE'", false},
		{"createdBy.email in ['ANN@acme.example']", true},
		{"count gt 6", true},
		{"count gt 7", false},
		{"count ge 7", true},
		{"count lt 7", false},
		{"count le 7", true},
		{"count in [1, 7]", true},
		{"dryRun eq true", true},
		{"dryRun ne true", false},
		{"createdAt gt '2026-11-25T08:00:00Z'", true},
		{"createdAt eq '2026-11-25T08:00:00.000001Z'", true},
		{"tags eq 'tier:gold'", true},
		{"tags eq 'tier'", false},
		{"tags eq 'TIER:GOLD'", false},
		{"tags co 'GOLD'", true},
		{"tags ne 'tier:gold'", false},
		{"tags ne 'tier:silver'", true},
		{"tags in ['x', 'region:emea']", true},
		{"tags has 'region:emea'", true},
		{"not tags has 'region:emea'", false},
		{"label.env eq 'live'", true},
		{"label.owner eq 'live'", false},
		{"label.owner ne 'live'", true},
		{"not label.owner eq 'live'", true},
		{"not label.owner ne 'live'", false},
		{"not label.owner gt 'a'", true},
		{"count eq 7 or count eq 1 and count eq 2", true},
		{"(count eq 7 or count eq 1) and count eq 2", false},
		{"not count eq 1 and count eq 7", true},
	}
	for _, tt := range tests {
		e, err := filter.Parse(tt.in, everything)
		if err != nil {
			t.Errorf("Parse(%s): %v", tt.in, err)
			continue
		}
		if got := e.Match(func(attr string) filter.Value { return row[attr] }); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.in, got, tt.want)
		}
	}
	if !(*filter.Expr)(nil).Match(nil) {
		t.Error("a nil Expr: got no match, want one")
	}
}

func TestMatchOfAnEmptySet(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"tags ne 'a'": true, "tags co ''": false, "tags eq 'a'": false} {
		e, err := filter.Parse(in, customers)
		if err != nil {
			t.Fatalf("Parse(%s): %v", in, err)
		}
		if got := e.Match(func(string) filter.Value { return filter.SetOf(nil) }); got != want {
			t.Errorf("%s: got %v, want %v", in, got, want)
		}
	}
}

func TestMatchRefusesAnotherType(t *testing.T) {
	t.Parallel()
	e, err := filter.Parse("name eq 'a'", customers)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	defer func() {
		if got, want := recover(), "filter: a row's name is a number; it is declared as text"; got != want {
			t.Errorf("Match: got panic %v, want %s", got, want)
		}
	}()
	e.Match(func(string) filter.Value { return filter.NumberOf(1) })
}

// Not parallel, as testing.AllocsPerRun asks.
func TestMatchAllocatesNothing(t *testing.T) {
	e, err := filter.Parse("name co 'ÉCOLE' or (name co 'Works' and tags ne 'tier:gold') and tags co 'EMEA'", customers)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	name, tags := "Acme WORKS", []string{"tier:silver", "Region:emea"}
	got := testing.AllocsPerRun(100, func() {
		if !e.Match(func(attr string) filter.Value {
			if attr == "name" {
				return filter.TextOf(name)
			}
			return filter.SetOf(tags)
		}) {
			t.Error("Match: got false, want true")
		}
	})
	if got != 0 {
		t.Errorf("Match: got %v allocations, want 0", got)
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		value  filter.Value
		want   string
		text   string
		number int64
		truth  bool
		time   time.Time
	}{
		{value: filter.TextOf("it's"), want: "'it''s'", text: "it's"},
		{value: filter.NumberOf(1), want: "1", number: 1},
		{value: filter.BoolOf(true), want: "true", truth: true},
		{value: filter.TimeOf(at), want: "'2026-11-25T08:00:00Z'", time: at},
		{value: filter.TimeOf(time.Time{}), want: "absent"},
		{value: filter.SetOf([]string{"a", "b"}), want: "['a', 'b']"},
	}
	for _, tt := range tests {
		v := tt.value
		if got := v.String(); got != tt.want {
			t.Errorf("String: got %s, want %s", got, tt.want)
		}
		if v.Text() != tt.text || v.Number() != tt.number || v.Bool() != tt.truth || !v.Time().Equal(tt.time) {
			t.Errorf("%v: got %q %d %v %v, want %q %d %v %v", v, v.Text(), v.Number(), v.Bool(), v.Time(), tt.text, tt.number, tt.truth, tt.time)
		}
	}
}
