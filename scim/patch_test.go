package scim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// operation reads one as it travels.
func operation(t testing.TB, text string) Operation {
	t.Helper()
	var op Operation
	if err := json.Unmarshal([]byte(text), &op); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return op
}

func TestPatchPerson(t *testing.T) {
	t.Parallel()
	work, home := Contact{"ann@acme.example", "work", true}, Contact{"ann@home.example", "home", false}
	for _, tt := range []struct {
		op     string
		change func(*Person)
	}{
		{`{"op":"replace","path":"active","value":false}`, func(p *Person) { p.Active = false }},
		{`{"op":"Replace","path":"ACTIVE","value":"False"}`, func(p *Person) { p.Active = false }},
		{`{"op":"add","value":{"active":"false"}}`, func(p *Person) { p.Active = false }},
		{`{"op":"replace","path":"userName","value":"bob"}`, func(p *Person) { p.UserName = "bob" }},
		{`{"op":"replace","path":"` + UserURN + `:userName","value":"bob"}`, func(p *Person) { p.UserName = "bob" }},
		{`{"op":"replace","value":{"` + UserURN + `":{"userName":"bob"}}}`, func(p *Person) { p.UserName = "bob" }},
		{`{"op":"remove","path":"externalId"}`, func(p *Person) { p.ExternalID = "" }},
		{`{"op":"replace","path":"externalId","value":null}`, func(p *Person) { p.ExternalID = "" }},
		{`{"op":"replace","path":"name","value":{"familyName":"Lee","formatted":"x"}}`, func(p *Person) { p.FamilyName = "Lee" }},
		{`{"op":"replace","value":{"name.familyName":"Lee","name.givenName":"A"}}`, func(p *Person) { p.FamilyName, p.GivenName = "Lee", "A" }},
		{`{"op":"remove","path":"name.givenName"}`, func(p *Person) { p.GivenName = "" }},
		{`{"op":"remove","path":"name"}`, func(p *Person) { p.GivenName, p.FamilyName = "", "" }},
		{`{"op":"add","path":"emails","value":{"value":"new@acme.example","type":"other"}}`, func(p *Person) { p.Emails = append(p.Emails, Contact{"new@acme.example", "other", false}) }},
		{`{"op":"add","path":"emails","value":[{"value":"ann@home.example","type":"Home","primary":"True"}]}`, func(p *Person) { p.Emails = []Contact{{work.Value, "work", false}, {home.Value, "Home", true}} }},
		{`{"op":"replace","path":"emails","value":["x@acme.example"]}`, func(p *Person) { p.Emails = []Contact{{"x@acme.example", "", false}} }},
		{`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x@acme.example"}`, func(p *Person) { p.Emails[0].Value = "x@acme.example" }},
		{`{"op":"add","path":"emails[type eq \"fax\" and primary eq \"True\"].value","value":"x@acme.example"}`, func(p *Person) { p.Emails = append(p.Emails, Contact{"x@acme.example", "fax", true}) }},
		{`{"op":"replace","path":"emails[primary eq true].type","value":"office"}`, func(p *Person) { p.Emails[0].Type = "office" }},
		{`{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"y@home.example","type":"home"}}`, func(p *Person) { p.Emails[1].Value = "y@home.example" }},
		{`{"op":"replace","path":"emails[value co \"nobody\" or type eq \"fax\"].value","value":"y@home.example"}`, func(*Person) {}},
		{`{"op":"remove","path":"emails[type eq \"home\"].value"}`, func(p *Person) { p.Emails = []Contact{work} }},
		{`{"op":"remove","path":"emails[type eq \"home\"]"}`, func(p *Person) { p.Emails = []Contact{work} }},
		{`{"op":"remove","path":"emails","value":[{"value":"ann@acme.example"}]}`, func(p *Person) { p.Emails = []Contact{home} }},
		{`{"op":"remove","path":"emails"}`, func(p *Person) { p.Emails = nil }},
		{`{"op":"add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+1"}`, func(p *Person) { p.Phones = []Contact{{"+1", "mobile", false}} }},
		{`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Lab"}`, func(*Person) {}},
		{`{"op":"add","path":"roles[primary eq \"True\"].value","value":"org_owner"}`, func(*Person) {}},
		{`{"op":"replace","value":{"id":"9","title":"x","meta":{},"schemas":[],"groups":[{"value":"1"}]}}`, func(*Person) {}},
	} {
		want := ann.Person
		want.Emails = slices.Clone(want.Emails)
		got := want
		got.Emails = slices.Clone(want.Emails)
		tt.change(&want)
		if err := got.apply([]Operation{operation(t, tt.op)}); err != nil {
			t.Errorf("%s: %v", tt.op, err)
			continue
		}
		if len(got.Emails) == 0 {
			got.Emails = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.op, diff)
		}
	}
}

func TestWrongPatches(t *testing.T) {
	t.Parallel()
	for op, says := range map[string]string{
		`{"op":"move","path":"active"}`:                                  `operations[0].op: must be add, replace or remove, is "move"`,
		`{"op":"remove"}`:                                                `operations[0].path: is needed`,
		`{"op":"add","value":"x"}`:                                       `operations[0].value: must be an object of attributes`,
		`{"op":"add","path":"a b","value":"x"}`:                          `operations[0].path: "a b" is no path`,
		`{"op":"add","path":"emails[type eq \"x\"","value":"x"}`:         `operations[0].path:`,
		`{"op":"add","path":"emails[x eq \"x\"]","value":"x"}`:           `operations[0].path: character 1: there is no attribute x`,
		`{"op":"add","path":"userName[value eq \"x\"]","value":"x"}`:     `userName is no list`,
		`{"op":"replace","path":"active","value":"perhaps"}`:             `operations[0].value: must be true or false, is "perhaps"`,
		`{"op":"remove","path":"active"}`:                                `active cannot be removed`,
		`{"op":"replace","path":"userName","value":{"a":1}}`:             `operations[0].value: must be a text`,
		`{"op":"remove","path":"userName"}`:                              `userName cannot be removed`,
		`{"op":"replace","value":{"name":"Ann"}}`:                        `operations[0].value.name: must be an object`,
		`{"op":"replace","path":"name","value":{"givenName":5}}`:         `operations[0].value.givenName: must be a text`,
		`{"op":"add","path":"emails","value":5}`:                         `operations[0].value[0]: must be an object`,
		`{"op":"add","path":"emails","value":[{"value":{}}]}`:            `operations[0].value[0]: must be an object`,
		`{"op":"add","path":"emails","value":{"value":"x","primary":3}}`: `primary: must be true or false`,
	} {
		p := ann.Person
		if err := p.apply([]Operation{operation(t, op)}); errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Message(err), says) {
			t.Errorf("%s: got %v, want Invalid saying %q", op, err, says)
		}
	}
	if err := new(Person).apply(make([]Operation, maxOperations+1)); errs.KindOf(err) != errs.Invalid {
		t.Errorf("%d operations: got %v", maxOperations+1, err)
	}
}

func TestPatchMembers(t *testing.T) {
	t.Parallel()
	in := []Member{{1, "ann"}, {2, "bob"}, {3, "cy"}}
	for _, tt := range []struct {
		ops              []string
		joining, leaving []ref.UserID
		read             int // members that were read
	}{
		{[]string{`{"op":"add","path":"members","value":[{"value":"4"},{"value":"1"}]}`}, []ref.UserID{1, 4}, nil, 0},
		{[]string{`{"op":"remove","path":"members[value eq \"2\"]"}`}, nil, []ref.UserID{2}, 1},
		{[]string{`{"op":"remove","path":"members[value eq \"2\" or value eq \"3\"]"}`}, nil, []ref.UserID{2, 3}, 2},
		{[]string{`{"op":"remove","path":"members[value eq \"x\"]"}`}, nil, nil, 0},
		{[]string{`{"op":"remove","path":"members[display sw \"b\"]"}`}, nil, []ref.UserID{2}, 3},
		{[]string{`{"op":"remove","path":"members","value":[{"value":"2","$ref":null}]}`}, nil, []ref.UserID{2}, 0},
		{[]string{`{"op":"remove","path":"members"}`}, nil, []ref.UserID{1, 2, 3}, 3},
		{[]string{`{"op":"replace","path":"members","value":[{"value":"2"},{"value":"5"}]}`}, []ref.UserID{2, 5}, []ref.UserID{1, 3}, 3},
		{[]string{`{"op":"replace","value":{"members":[]}}`}, nil, []ref.UserID{1, 2, 3}, 3},
		{[]string{`{"op":"add","path":"members","value":{"value":"4"}}`, `{"op":"remove","path":"members[value eq \"4\"]"}`}, nil, []ref.UserID{4}, 0},
		{[]string{`{"op":"remove","path":"members"}`, `{"op":"add","path":"members","value":"2"}`, `{"op":"remove","path":"members[value eq \"1\"]"}`}, []ref.UserID{2}, []ref.UserID{1, 3}, 4},
	} {
		var ops []Operation
		for _, text := range tt.ops {
			ops = append(ops, operation(t, text))
		}
		e, err := readGroupEdit(ops)
		if err != nil {
			t.Errorf("%v: %v", tt.ops, err)
			continue
		}
		read := 0
		r := roster{shall: map[ref.UserID]bool{}, among: func(only []ref.UserID) ([]Member, error) {
			list := slices.DeleteFunc(slices.Clone(in), func(m Member) bool { return only != nil && !slices.Contains(only, m.ID) })
			read += len(list)
			return list, nil
		}}
		for _, m := range e.members {
			if err := r.take(m); err != nil {
				t.Fatal(err)
			}
		}
		joining, leaving, err := r.changes()
		if err != nil || !slices.Equal(joining, tt.joining) || !slices.Equal(leaving, tt.leaving) || read != tt.read {
			t.Errorf("%v: got %v in, %v out, %d read (%v), want %v, %v, %d", tt.ops, joining, leaving, read, err, tt.joining, tt.leaving, tt.read)
		}
	}
}

func FuzzPatch(f *testing.F) {
	for _, text := range []string{`{"op":"add","path":"emails[type eq \"work\"].value","value":"x"}`, `{"op":"replace","value":{"name.givenName":"x","members":[{"value":"1"}]}}`, `{"op":"remove","path":"members[value eq \"1\"]"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var op Operation
		if json.Unmarshal([]byte(text), &op) != nil {
			return
		}
		p := ann.Person
		p.Emails = slices.Clone(p.Emails)
		_, groupErr := readGroupEdit([]Operation{op})
		for _, err := range []error{p.apply([]Operation{op}), groupErr} {
			if err != nil && errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: %v is no refusal", text, err)
			}
		}
	})
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Person{
		"ann@acme.example":   {UserName: "ann@acme.example", Emails: []Contact{{"other@acme.example", "work", true}}},
		"prime@acme.example": {UserName: "ann", Emails: []Contact{{"work@acme.example", "work", false}, {"prime@acme.example", "home", true}}},
		"work@acme.example":  {UserName: "ann", Emails: []Contact{{"home@acme.example", "home", false}, {"work@acme.example", "Work", false}}},
		"home@acme.example":  {UserName: "ann", Emails: []Contact{{"no address", "work", true}, {"home@acme.example", "", false}}},
		"":                   {UserName: "ann@localhost", Emails: []Contact{{"a@b\nBcc: x@acme.example", "work", true}}},
	} {
		if got := p.Address(); got != want {
			t.Errorf("Address of %+v: got %q, want %q", p, got, want)
		}
	}
}
