package org

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// ValueType is what a setting's value is. The contract spells it so.
type ValueType string

// The types of values.
const (
	URLValue     ValueType = "URL"
	BooleanValue ValueType = "Boolean"
	IntegerValue ValueType = "Integer"
	StringValue  ValueType = "String"
)

// SettingType is something about an organization's console and mail that can be set; the contract calls it a customization.
// Public ones can be seen by whoever opens the page of sign-in.
type SettingType struct {
	ID          string // ^[a-z-]+$
	Description string
	Value       ValueType
	Public      bool
	check       func(any) string // what is wrong with a value of the right type; "" if nothing is; nil: nothing can be
}

// SettingTypes lists what can be set, by id.
var SettingTypes = []SettingType{
	{"accent-color", "Colour of buttons and links, as #1f6feb.", StringValue, true, checkColor},
	{"accent-color-dark", "The same where the page is dark.", StringValue, true, checkColor},
	{"documentation-url", "Where the help link of the console leads.", URLValue, true, nil},
	{"icon-url", "Icon of the browser's tab; a square PNG or SVG.", URLValue, true, nil},
	{"logo-url", "Logo on pages and in mail; PNG or SVG, seen at 32 pixels of height.", URLValue, true, nil},
	{"logo-url-dark", "The same where the page is dark.", URLValue, true, nil},
	{"mail-footer", "Last lines of every mail, at most 500 characters.", StringValue, false, checkLength(500)},
	{"privacy-url", "Privacy statement, linked from the page of sign-in.", URLValue, true, nil},
	{"product-name", "Name shown in place of Espalier, at most 60 characters.", StringValue, true, checkLength(60)},
	{"rows-per-page", "Rows that tables of the console begin with, 10 to 500.", IntegerValue, false, checkRange(10, 500)},
	{"show-product-credit", "Whether pages say that they are made with Espalier.", BooleanValue, true, nil},
	{"sign-in-notice", "Text over the form of sign-in, at most 500 characters.", StringValue, true, checkLength(500)},
	{"support-email", "Address for questions, shown on pages and in mail.", StringValue, true, checkAddress},
	{"support-url", "Page for questions, shown on pages and in mail.", URLValue, true, nil},
	{"terms-url", "Terms of use, linked from the page of sign-in.", URLValue, true, nil},
}

// SettingFilter is what the list of settings may be filtered by. Source: the contract, section 1.6.
var SettingFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{{Name: "id", Type: filter.Text, Ops: text}},
})

// SettingTypeFilter is what the list of types may be filtered by.
var SettingTypeFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{
		{Name: "id", Type: filter.Text, Ops: text},
		{Name: "valueType", Type: filter.Text, Ops: filter.Eq | filter.Ne},
		{Name: "authenticationRequired", Type: filter.Bool, Ops: filter.Eq | filter.Ne},
	},
})

var colorForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func checkColor(v any) string {
	if !colorForm.MatchString(v.(string)) {
		return "want a colour as #1f6feb"
	}
	return ""
}

func checkLength(limit int) func(any) string {
	return func(v any) string {
		if n := utf8.RuneCountInString(v.(string)); n > limit {
			return fmt.Sprintf("has %d characters; want at most %d", n, limit)
		}
		return ""
	}
}

func checkRange(low, high int64) func(any) string {
	return func(v any) string {
		if n := v.(int64); n < low || n > high {
			return fmt.Sprintf("is %d; want %d to %d", n, low, high)
		}
		return ""
	}
}

func checkAddress(v any) string {
	if a, err := mail.ParseAddress(v.(string)); err != nil || a.Address != v.(string) {
		return "want an address as help@example.com"
	}
	return ""
}

// FindSettingType returns a type by its id.
func FindSettingType(id string) (SettingType, bool) {
	i, found := slices.BinarySearchFunc(SettingTypes, id, func(t SettingType, id string) int {
		switch {
		case t.ID < id:
			return -1
		case t.ID > id:
			return 1
		}
		return 0
	})
	if !found {
		return SettingType{}, false
	}
	return SettingTypes[i], true
}

// Judge says what is wrong with a value: bool, int64 or string; "" if nothing is.
func (t SettingType) Judge(v any) string {
	fits := false
	switch v := v.(type) {
	case bool:
		fits = t.Value == BooleanValue
	case int64:
		fits = t.Value == IntegerValue
	case string:
		var p problems
		if checkText(&p, "text", v, 2000); len(p) > 0 {
			return p.String()
		}
		if t.Value == URLValue {
			return judgeURL(v)
		}
		fits = t.Value == StringValue
	}
	switch {
	case !fits:
		return fmt.Sprintf("takes %s", t.Value)
	case t.check == nil:
		return ""
	}
	return t.check(v)
}

// judgeURL takes https alone: pages show what it leads to, and nothing else may run in them.
func judgeURL(v string) string {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "want an address as https://example.com/logo.svg"
	}
	return ""
}

// Setting is a value that an organization has set.
type Setting struct {
	ID        string
	Value     any // bool, int64 or string
	UpdatedAt time.Time
	UpdatedBy Principal
}

// Principal is who did something, with the name it goes by; the zero value is the operator.
type Principal struct {
	User           ref.UserID
	ServiceAccount ref.ServiceAccountID
	Name           string
}

func principal(by access.Caller) Principal {
	return Principal{User: by.User, ServiceAccount: by.ServiceAccount}
}

// SettingChange sets one value; nil removes it.
type SettingChange struct {
	ID     string
	Value  any    // bool, int64, string, or nil
	Member string // what the value is called where it came from; a refusal begins with it
	Wrong  string // what was wrong with the request before it came here; such a change is refused
}

// SettingResult says what became of one change: Error is "" if it was made.
type SettingResult struct {
	ID    string
	Error string
}

// settingTx is what the use cases of settings ask of a transaction.
type settingTx interface {
	// Settings lists what an organization has set itself, by id.
	Settings(ctx context.Context, id ref.OrgID) ([]Setting, error)
	PutSetting(ctx context.Context, id ref.OrgID, s Setting) error
	DeleteSetting(ctx context.Context, id ref.OrgID, setting string) error
}

// Settings lists what counts in an organization, by id: what the root of its tree has set. What an organization with a parent
// has set itself is kept and does not count.
func (s *Service) Settings(ctx context.Context, by access.Caller, id ref.OrgID) ([]Setting, error) {
	return readOne(ctx, s, by, access.SettingIndex, id, func(tx Tx) ([]Setting, error) { return settings(ctx, tx, id) })
}

// Setting returns one of them, NotFound if it is not set.
func (s *Service) Setting(ctx context.Context, by access.Caller, id ref.OrgID, setting string) (Setting, error) {
	return readOne(ctx, s, by, access.SettingShow, id, func(tx Tx) (Setting, error) {
		all, err := settings(ctx, tx, id)
		if err != nil {
			return Setting{}, err
		}
		i := slices.IndexFunc(all, func(have Setting) bool { return have.ID == setting })
		if i < 0 {
			return Setting{}, errs.NotFoundf("customization %q is not set", clip(setting))
		}
		return all[i], nil
	})
}

func settings(ctx context.Context, tx Tx, id ref.OrgID) ([]Setting, error) {
	path, err := tx.Path(ctx, id)
	if err != nil {
		return nil, err
	}
	return tx.Settings(ctx, path[len(path)-1].ID)
}

// SettingTypes lists what can be set, to those who may set it.
func (s *Service) SettingTypes(ctx context.Context, by access.Caller, id ref.OrgID) ([]SettingType, error) {
	return SettingTypes, s.guard.Require(ctx, by, access.SettingTypeIndex, id)
}

// SettingType returns one type.
func (s *Service) SettingType(ctx context.Context, by access.Caller, id ref.OrgID, setting string) (SettingType, error) {
	if err := s.guard.Require(ctx, by, access.SettingTypeShow, id); err != nil {
		return SettingType{}, err
	}
	t, ok := FindSettingType(setting)
	if !ok {
		return SettingType{}, errs.NotFoundf("there is no customization type %q", clip(setting))
	}
	return t, nil
}

// ChangeSettings makes each change or says why not; the results are in the order of the changes. Those that are made are
// made together.
func (s *Service) ChangeSettings(ctx context.Context, by access.Caller, id ref.OrgID, changes []SettingChange) ([]SettingResult, error) {
	if err := s.guard.Require(ctx, by, access.SettingUpsert, id); err != nil {
		return nil, err
	}
	results := judgeSettings(changes)
	return results, s.store.Write(ctx, func(tx Tx) error {
		o, err := tx.Lock(ctx, id, true)
		if err != nil {
			return err
		}
		present, err := tx.Settings(ctx, id)
		if err != nil {
			return err
		}
		before, after := map[string]any{}, map[string]any{}
		for i, c := range changes {
			if results[i].Error != "" {
				continue
			}
			if err := changeSetting(ctx, tx, by, id, present, c, before, after); err != nil {
				return err
			}
		}
		if len(before) == 0 && len(after) == 0 {
			return nil
		}
		return tx.Record(ctx, entry(by, "setting.update", o, before, after))
	})
}

// judgeSettings says what is wrong with each change. Of two that name one setting, both are.
func judgeSettings(changes []SettingChange) []SettingResult {
	named := make(map[string]int)
	for _, c := range changes {
		named[c.ID]++
	}
	results := make([]SettingResult, len(changes))
	for i, c := range changes {
		results[i] = SettingResult{ID: c.ID, Error: c.Wrong}
		t, known := FindSettingType(c.ID)
		switch {
		case c.Wrong != "":
		case !known:
			results[i].Error = "id: there is no such customization type"
		case named[c.ID] > 1:
			results[i].Error = "id: is named more than once"
		case c.Value != nil:
			if wrong := t.Judge(c.Value); wrong != "" {
				results[i].Error = c.Member + ": " + wrong
			}
		}
	}
	return results
}

// changeSetting makes one change and notes it in before and after, unless it changes nothing.
func changeSetting(ctx context.Context, tx Tx, by access.Caller, id ref.OrgID, present []Setting, c SettingChange, before, after map[string]any) error {
	i := slices.IndexFunc(present, func(have Setting) bool { return have.ID == c.ID })
	switch {
	case i < 0 && c.Value == nil, i >= 0 && present[i].Value == c.Value:
		return nil
	case i >= 0:
		before[c.ID] = present[i].Value
	}
	if c.Value == nil {
		return tx.DeleteSetting(ctx, id, c.ID)
	}
	after[c.ID] = c.Value
	return tx.PutSetting(ctx, id, Setting{ID: c.ID, Value: c.Value, UpdatedAt: tx.Now(), UpdatedBy: principal(by)})
}

// DecodeSetting reads a value as it is kept: JSON of a bool, a whole number or a string.
func DecodeSetting(text string) (any, error) {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("a setting is kept as %q: %w", text, err)
	}
	if n, ok := v.(float64); ok {
		return int64(n), nil // within the range of its type, which is far below 2^53
	}
	return v, nil
}
