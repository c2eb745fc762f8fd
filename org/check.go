package org

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"espalier.dev/errs"
	"espalier.dev/filter"
)

// Bounds of what a customer is made of, in characters. Source: the contract, section 2.2.
const (
	maxName        = 512
	maxDescription = 4096
	maxExternalID  = 256
	maxPersonName  = 256
	maxEmail       = 320
	maxTag         = 256
	maxTags        = 25 // of one customer
)

// problems collects everything that is wrong with a request, so that it is told at once.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// String joins the problems into one message.
func (p problems) String() string { return strings.Join(p, "; ") }

// err is Invalid with every problem, nil if there is none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return errs.Invalidf("%s", p)
}

func indexed(member string, i int) string { return fmt.Sprintf("%s[%d]", member, i) }

// checkText asks for well-formed text without control characters, of at most limit characters. The door asks the same of
// JSON; texts also come from CSV and from the command line.
func checkText(p *problems, member, s string, limit int) {
	switch {
	case !utf8.ValidString(s):
		p.add("%s: is not well-formed UTF-8", member)
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }):
		p.add("%s: holds a control character", member)
	case utf8.RuneCountInString(s) > limit:
		p.add("%s: is %d characters long; want at most %d", member, utf8.RuneCountInString(s), limit)
	}
}

// Shapes of the contract: a capability's name and an e-mail address. Their counted repetitions take milliseconds to compile,
// which every start of the program would wait for.
var (
	nameShape = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[_a-zA-Z0-9][-_a-zA-Z0-9]{0,127}$`)
	})
	emailShape = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+/=?^_.`{|}~-]+@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\\.)+[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]$")
	})
	tagShape = regexp.MustCompile(`[a-zA-Z0-9:]`)
)

func checkName(p *problems, member, name string) {
	if !nameShape().MatchString(name) {
		p.add("%s: %q is no capability's name; want 1 to 128 letters, digits, _ or -, not beginning with -", member, clip(name))
	}
}

func checkCustomerName(p *problems, name string) {
	checkText(p, "name", name, maxName)
	if strings.TrimSpace(name) == "" {
		p.add("name: may not be empty")
	}
}

func checkOwners(p *problems, owners []Owner) {
	seen := make(map[string]int, len(owners))
	for i, o := range owners {
		member := indexed("owners", i)
		if !IsEmail(o.Email) {
			p.add("%s.email: %q is no e-mail address; want one such as ann@acme.example", member, clip(o.Email))
		}
		checkText(p, member+".firstName", o.FirstName, maxPersonName)
		checkText(p, member+".lastName", o.LastName, maxPersonName)
		if first, again := seen[filter.Fold(o.Email)]; again {
			p.add("%s.email: %s is named by owners[%d] already", member, o.Email, first)
		}
		seen[filter.Fold(o.Email)] = i
	}
}

func checkTags(p *problems, tags []string) {
	for i, t := range tags {
		member := indexed("tags", i)
		checkText(p, member, t, maxTag)
		if !tagShape.MatchString(t) {
			p.add("%s: %q is no tag; want 1 to %d characters, a letter, a digit or : among them", member, clip(t), maxTag)
		}
	}
}

// clip keeps a refused text short enough to be read in an error.
func clip(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
