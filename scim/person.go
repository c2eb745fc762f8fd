package scim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Person is what a directory says of somebody in one organization.
type Person struct {
	UserName   string // unique in the organization, letter case aside
	ExternalID string // the directory's own key; "" for none
	GivenName  string
	FamilyName string
	Emails     []Contact
	Phones     []Contact
	Active     bool // false: shut out of the organization
}

// Contact is an e-mail address or a telephone number.
type Contact struct {
	Value   string `json:"value"`
	Type    string `json:"type,omitempty"` // work, home, mobile, …; any text
	Primary bool   `json:"primary,omitempty"`
}

// User is a member of an organization as directories see it.
type User struct {
	ID  ref.UserID
	Org ref.OrgID
	Person
	Recorded  bool // a directory has said something of it; else Person is what its account says
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Bounds of what a directory may say. The contract has none; RFC 5321 bounds an address.
const (
	maxUserName = 320
	maxName     = 256
	maxExternal = 256
	maxType     = 64
	maxContacts = 50
)

// addressShape is the one of the contract, since an address that is taken in must be possible to show. It takes milliseconds to
// compile, which commands without people do not have to wait for.
var addressShape = sync.OnceValue(func() *regexp.Regexp {
	const label = `[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?`
	return regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+/=?^_.`{|}~-]+@(?:" + label + `\.)+[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]$`)
})

// IsAddress reports whether a text is an e-mail address that the product takes.
func IsAddress(s string) bool { return len(s) <= maxUserName && addressShape().MatchString(s) }

// Address is the e-mail address that an account is known by: the user name if it is one, else the primary address, else the one
// of work, else the first. "": there is none.
func (p Person) Address() string {
	if IsAddress(p.UserName) {
		return p.UserName
	}
	best := ""
	for _, better := range []func(Contact) bool{
		func(c Contact) bool { return c.Primary },
		func(c Contact) bool { return strings.EqualFold(c.Type, "work") },
		func(Contact) bool { return true },
	} {
		i := slices.IndexFunc(p.Emails, func(c Contact) bool { return better(c) && IsAddress(c.Value) })
		if i >= 0 && best == "" {
			best = p.Emails[i].Value
		}
	}
	return best
}

// over is the person with what it does not say taken from another.
func (p Person) over(q Person) Person {
	p.ExternalID = cmp.Or(p.ExternalID, q.ExternalID)
	if p.Emails == nil {
		p.Emails = q.Emails
	}
	if p.Phones == nil {
		p.Phones = q.Phones
	}
	return p
}

// check returns everything that is wrong with a person at once.
func (p Person) check() error {
	var w wrongs
	if strings.TrimSpace(p.UserName) == "" {
		w.add("userName: is empty")
	}
	w.text("userName", p.UserName, maxUserName)
	w.text("externalId", p.ExternalID, maxExternal)
	w.text("name.givenName", p.GivenName, maxName)
	w.text("name.familyName", p.FamilyName, maxName)
	w.contacts("emails", p.Emails)
	w.contacts("phoneNumbers", p.Phones)
	return w.err()
}

// wrongs gathers what is wrong with a resource.
type wrongs []string

func (w *wrongs) add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

func (w *wrongs) text(member, s string, limit int) {
	switch {
	case !utf8.ValidString(s):
		w.add("%s: is not well-formed UTF-8", member)
	case strings.ContainsFunc(s, unicode.IsControl):
		w.add("%s: holds a control character", member)
	case utf8.RuneCountInString(s) > limit:
		w.add("%s: must have at most %d characters, has %d", member, limit, utf8.RuneCountInString(s))
	}
}

func (w *wrongs) contacts(member string, list []Contact) {
	if len(list) > maxContacts {
		w.add("%s: must have at most %d entries, has %d", member, maxContacts, len(list))
		return
	}
	for i, c := range list {
		w.text(fmt.Sprintf("%s[%d].value", member, i), c.Value, maxUserName)
		w.text(fmt.Sprintf("%s[%d].type", member, i), c.Type, maxType)
	}
}

func (w wrongs) err() error {
	if len(w) == 0 {
		return nil
	}
	return errs.Invalidf("%s", strings.Join(w, "; "))
}

// equal compares all but whether the person is active.
func (p Person) equal(q Person) bool {
	return p.UserName == q.UserName && p.ExternalID == q.ExternalID && p.GivenName == q.GivenName && p.FamilyName == q.FamilyName &&
		slices.Equal(p.Emails, q.Emails) && slices.Equal(p.Phones, q.Phones)
}

// told is a person as audit entries tell it.
func (p Person) told() map[string]any {
	return map[string]any{"userName": p.UserName, "externalId": p.ExternalID, "givenName": p.GivenName, "familyName": p.FamilyName,
		"emails": p.Emails, "phoneNumbers": p.Phones}
}

// values is a user as filters see it.
func (u User) values() values {
	v := values{
		"id": u.ID.String(), "username": u.UserName, "active": u.Active,
		"name":   values{"givenname": u.GivenName, "familyname": u.FamilyName, "formatted": strings.TrimSpace(u.GivenName + " " + u.FamilyName)},
		"emails": contactValues(u.Emails), "phonenumbers": contactValues(u.Phones),
		"meta": values{"resourcetype": "User", "created": u.CreatedAt, "lastmodified": u.UpdatedAt},
	}
	if u.ExternalID != "" {
		v["externalid"] = u.ExternalID
	}
	return v
}

func contactValues(list []Contact) []values {
	all := make([]values, len(list))
	for i, c := range list {
		all[i] = values{"value": c.Value, "type": c.Type, "primary": c.Primary}
	}
	return all
}

// Folded is the addresses of a person that differ from its user name, folded, each once: what an index finds it by beside.
func (p Person) Folded() []string {
	own := filter.Fold(p.UserName)
	var list []string
	for _, c := range p.Emails {
		if f := filter.Fold(c.Value); f != own && !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}
