package check

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"espalier.dev/contract"
)

// MaxDepth is how deep objects and lists may nest in a body.
const MaxDepth = 32

// maxViolations is how many are listed; a body with more is wrong as a whole.
const maxViolations = 20

// Checker checks against the schemas of one API. It is safe for use by many at once.
type Checker struct {
	api      *contract.API
	patterns sync.Map // pattern -> *regexp.Regexp, compiled at first use
}

// New returns a checker for an API.
func New(api *contract.API) *Checker { return &Checker{api: api} }

// Violations is everything that is wrong with a request, in the order in which it was met. It may be shown to the caller.
type Violations struct {
	list []string
	more int
}

// Error joins them.
func (v *Violations) Error() string {
	text := strings.Join(v.list, "; ")
	if v.more > 0 {
		text += fmt.Sprintf("; and %d more", v.more)
	}
	return text
}

// Add notes one violation. The place is a member such as owners[0].email, or a parameter.
func (v *Violations) Add(place, format string, args ...any) {
	if len(v.list) == maxViolations {
		v.more++
		return
	}
	if place == "" {
		place = "body"
	}
	v.list = append(v.list, place+": "+fmt.Sprintf(format, args...))
}

// Err returns v as an error, nil if there is nothing in it.
func (v *Violations) Err() error {
	if len(v.list) == 0 {
		return nil
	}
	return v
}

// JSON checks a body against a schema of the API; schema 0 takes any JSON.
func (c *Checker) JSON(schema int, body []byte) error {
	s := scanner{c: c, data: body}
	s.document(schema)
	return s.Err()
}

// Text checks the value of a parameter, as it stands unescaped in the URL or in a header, and notes in v what is wrong.
func (c *Checker) Text(v *Violations, name string, schema int, text string) {
	s := &c.api.Schemas[schema]
	switch s.Type {
	case contract.Integer:
		c.number(v, name, s, text, strconv.Quote(cut(text)))
	case contract.Boolean:
		if text != "true" && text != "false" {
			v.Add(name, "must be true or false, is %q", cut(text))
		}
	default:
		if fault := textFault(text); fault != "" {
			v.Add(name, "%s", fault)
			return
		}
		c.string(v, name, s, text)
	}
}

// cut shortens a text that is quoted back.
func cut(s string) string {
	const most = 60
	for i := range s {
		if i >= most {
			return s[:i] + "…"
		}
	}
	return s
}

func (c *Checker) pattern(p string) *regexp.Regexp {
	if re, ok := c.patterns.Load(p); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(p) // a test compiles every pattern of the contract
	c.patterns.Store(p, re)
	return re
}
