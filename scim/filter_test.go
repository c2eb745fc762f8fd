package scim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/errs"
)

var ann = User{ID: 7, Org: 1, Person: Person{
	UserName: "Ann@acme.example", ExternalID: "E-1", GivenName: "Ann", FamilyName: "Straße", Active: true,
	Emails: []Contact{{"ann@acme.example", "work", true}, {"ann@home.example", "home", false}},
}, CreatedAt: time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}

func TestUserFilter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want bool
		keys []Key
	}{
		{`userName eq "ANN@acme.example"`, true, []Key{{ByUserName, "ANN@acme.example"}}},
		{` USERNAME  Eq  'ann@acme.example' `, true, []Key{{ByUserName, "ann@acme.example"}}},
		{`userName ne "bob"`, true, nil},
		{`userName eq "ann"`, false, []Key{{ByUserName, "ann"}}},
		{`id eq 7`, true, []Key{{ByID, "7"}}},
		{`id eq "07"`, false, []Key{{ByID, "07"}}},
		{`externalId eq "e-1"`, false, []Key{{ByExternalID, "e-1"}}},
		{`externalId eq "E-1" and active eq true`, true, []Key{{ByExternalID, "E-1"}}},
		{`active eq true and externalId eq "E-1"`, true, []Key{{ByExternalID, "E-1"}}},
		{`externalId eq "E-1" or userName eq "x"`, true, []Key{{ByExternalID, "E-1"}, {ByUserName, "x"}}},
		{`externalId eq "E-1" or active eq false`, true, nil},
		{`(externalId eq "E-1" or id eq "9") and userName eq "x"`, false, []Key{{ByUserName, "x"}}},
		{`not (externalId eq "E-1")`, false, nil},
		{`name.familyName eq "STRASSE"`, true, nil},
		{`name.familyName eq "stra\u00dfe"`, true, nil},
		{`name.formatted co "n s"`, true, nil},
		{`name.givenName sw "a" and name.givenName ew "N"`, true, nil},
		{`active ne "False"`, true, nil},
		{`active eq "True"`, true, nil},
		{`emails eq "ann@home.example"`, true, []Key{{ByEmail, "ann@home.example"}}},
		{`emails.type eq "home"`, true, nil},
		{`emails[type eq "work" and primary eq true and value ew "acme.example"]`, true, nil},
		{`emails[type eq "home" and primary eq true]`, false, nil},
		{`emails[(type eq "home") and value eq "ann@home.example"]`, true, []Key{{ByEmail, "ann@home.example"}}},
		{`emails[type eq "home"].value eq "ann@home.example"`, true, []Key{{ByEmail, "ann@home.example"}}},
		{`emails[type eq "work" or type eq "other"].value sw 'ann@home'`, false, nil},
		{`emails[type eq "home"].value pr and id pr`, true, nil},
		{`emails pr`, true, nil},
		{`phoneNumbers pr`, false, nil},
		{`phoneNumbers.value eq null`, true, nil},
		{`phoneNumbers[type eq "work"]`, false, nil},
		{`meta.created ge "2026-06-30T14:00:00+02:00" and meta.lastModified lt "2026-07-02T00:00:00Z"`, true, nil},
		{`meta.resourceType eq "user"`, true, nil},
		{UserURN + `:emails.value co "HOME"`, true, nil},
		{`userName gt "ann" and userName le "ann@acme.example"`, true, nil},
	} {
		f, err := UserFilter(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := f.selects(ann.values()); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.text, got, tt.want)
		}
		if diff := cmp.Diff(tt.keys, f.Keys()); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestGroupFilter(t *testing.T) {
	t.Parallel()
	g := Group{ID: 3, Name: "Staff", ExternalID: "G", Members: []Member{{7, "ann"}, {9, "bob"}}}
	for text, want := range map[string]bool{
		`displayName eq "STAFF"`: true, `members eq "9"`: true, `members[value eq "9" and display eq "Bob"]`: true, `members eq "8"`: false,
		`members.type eq "user" and externalId eq "G"`: true, `id eq "3" and not (members eq "7")`: false,
	} {
		f, err := GroupFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.selects(g.values()); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestWrongFilters(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`userName`:                        `filter: character 1: cannot be read`,
		`userName eq "x" garbage`:         `filter: character 15: cannot be read`,
		`nope eq "x"`:                     `filter: character 1: there is no attribute nope`,
		`id pr and nope eq "x"`:           `filter: character 11: there is no attribute nope`,
		`name eq "x"`:                     `name has parts: name one of them`,
		`name.middle eq "x"`:              `name has no part middle`,
		`id.value eq "x"`:                 `id has no parts`,
		`userName[value eq "x"]`:          `username has no parts`,
		`é eq "x`:                         `filter: character 6: the text has no closing quote`,
		`userName eq "\q"`:                `filter: character 13: the text cannot be read`,
		`emails[type eq "x"`:              `filter: character 7: [ is not closed`,
		`emails[type eq [`:                `filter: character 16: brackets within brackets`,
		`id pr]`:                          `filter: character 6: ] closes nothing`,
		`emails.v__0 pr`:                  `there is no such attribute`,
		`active gt true`:                  `active is true or false`,
		`meta.created eq "soon"`:          `meta is a time`,
		`meta.created co "2026"`:          `meta is a time`,
		`urn:x:User:userName eq "x"`:      `is no schema`,
		strings.Repeat(`id pr or `, 1000): `must have at most 4096 bytes`,
		strings.Repeat(`(`, 30) + `id pr`: `nested deeper than 16`,
	} {
		if _, err := UserFilter(text); errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Message(err), says) {
			t.Errorf("%.60s: got %v, want Invalid saying %q", text, err, says)
		}
	}
	for _, text := range []string{"", "  "} {
		if f, err := UserFilter(text); f != nil || err != nil {
			t.Errorf("%q: got %v, %v, want none", text, f, err)
		}
	}
}

// Whatever a directory sends, a filter is read or refused, and what was read says of any resource yes or no; and a resource that it
// selects is among those that its keys find.
func FuzzUserFilter(f *testing.F) {
	for _, text := range []string{`userName eq "a\"b" and not (emails[type eq "x"].value pr)`, `externalId eq 'x' or id eq 7`, `emails[a eq "]"]`, `meta.created gt "2026-06-30T12:00:00Z"`, `active eq null`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := UserFilter(text)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Errorf("%q: %v is no refusal", text, err)
			}
			return
		}
		for _, u := range []User{{}, ann} {
			if filter.selects(u.values()) && filter.Keys() != nil && !foundByOne(u, filter.Keys()) {
				t.Errorf("%q selects user %d, and no key of %v finds it", text, u.ID, filter.Keys())
			}
		}
	})
}

func foundByOne(u User, keys []Key) bool {
	for _, k := range keys {
		one := Filter{match: map[Index]func(values) bool{
			ByID:         func(v values) bool { return v["id"] == k.Text },
			ByExternalID: func(v values) bool { return v["externalid"] == k.Text },
			ByUserName:   func(v values) bool { return strings.EqualFold(v["username"].(string), k.Text) },
			ByEmail:      func(v values) bool { return len(entries(v["emails"])) > 0 },
		}[k.Of]}
		if one.selects(u.values()) {
			return true
		}
	}
	return false
}
