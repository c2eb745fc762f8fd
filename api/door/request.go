package door

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"espalier.dev/access"
	"espalier.dev/contract"
	"espalier.dev/contract/check"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Request is a request that has passed the door: its caller is known, its parameters and its body are what the contract
// says. The methods that read parameters panic when the operation declares no such parameter, which is a mistake in the
// handler and not in the request.
type Request struct {
	*http.Request
	Operation *contract.Operation

	api    *contract.API
	caller access.Caller
	values []param // as Operation.Params
	body   []byte  // checked JSON; nil: none was sent, or the handler reads it itself
}

// param is the value of one parameter. Without a value and a default, it is the zero value.
type param struct {
	given  bool
	text   string
	number int64
	list   []string
}

// Caller is who is asking; the zero value, but for the request id, on operations without security.
func (r *Request) Caller() access.Caller { return r.caller }

// OrgID is the organization of the path.
func (r *Request) OrgID() ref.OrgID { return ref.OrgID(r.Int64("orgId")) }

// Given tells whether the request itself gave a parameter; empty where that is allowed is not given.
func (r *Request) Given(name string) bool { return r.param(name).given }

// String returns a parameter, its default if it was not given, or "".
func (r *Request) String(name string) string { return r.param(name).text }

// Strings returns the values of a parameter that may be repeated.
func (r *Request) Strings(name string) []string { return r.param(name).list }

// Int64 returns an integer parameter, its default if it was not given, or 0.
func (r *Request) Int64(name string) int64 {
	r.mustBe(name, contract.Integer)
	return r.param(name).number
}

// Bool returns a boolean parameter, its default if it was not given, or false.
func (r *Request) Bool(name string) bool {
	r.mustBe(name, contract.Boolean)
	return r.param(name).text == "true"
}

func (r *Request) param(name string) param { return r.values[r.index(name)] }

func (r *Request) index(name string) int {
	for i := range r.Operation.Params {
		if r.Operation.Params[i].Name == name {
			return i
		}
	}
	panic(fmt.Sprintf("operation %s declares no parameter %q", r.Operation.ID, name))
}

func (r *Request) mustBe(name string, t contract.Type) {
	if r.api.Schemas[r.Operation.Params[r.index(name)].Schema].Type != t {
		panic(fmt.Sprintf("parameter %q of operation %s is of another type", name, r.Operation.ID))
	}
}

// readParams reads what the operation declares and passes over the rest.
func (r *Request) readParams(c *check.Checker) error {
	var query url.Values
	if r.URL.RawQuery != "" {
		var err error
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return errs.Invalidf("query: %v", err)
		}
	}
	var wrong check.Violations
	r.values = make([]param, len(r.Operation.Params))
	for i := range r.Operation.Params {
		p := &r.Operation.Params[i]
		r.values[i] = r.readParam(c, &wrong, p, r.sent(p, query))
	}
	if err := wrong.Err(); err != nil {
		return errs.Invalidf("%s", err)
	}
	return nil
}

// sent returns the values given for a parameter.
func (r *Request) sent(p *contract.Param, query url.Values) []string {
	switch p.In {
	case contract.InPath:
		return []string{r.PathValue(p.Name)}
	case contract.InHeader:
		if lines := r.Header.Values(p.Name); len(lines) > 1 {
			return []string{strings.Join(lines, ", ")} // RFC 9110, section 5.3
		} else {
			return lines
		}
	default:
		return query[p.Name]
	}
}

func (r *Request) readParam(c *check.Checker, wrong *check.Violations, p *contract.Param, sent []string) param {
	if p.AllowEmpty {
		sent = notEmpty(sent)
	}
	v := param{given: len(sent) > 0, text: p.Default}
	switch {
	case !v.given && p.Required:
		wrong.Add(p.Name, "is needed")
	case p.Repeated && v.given && len(sent) < p.MinItems:
		wrong.Add(p.Name, "is given %d times, want at least %d", len(sent), p.MinItems)
	case !p.Repeated && len(sent) > 1:
		wrong.Add(p.Name, "is given %d times, want once", len(sent))
	case v.given:
		for _, text := range sent {
			c.Text(wrong, p.Name, p.Schema, text)
		}
		v.text, v.list = sent[0], sent
	}
	if r.api.Schemas[p.Schema].Type == contract.Integer {
		v.number, _ = strconv.ParseInt(v.text, 10, 64) // what does not parse was refused above
	}
	return v
}

// notEmpty drops empty values: ?filter= is no filter.
func notEmpty(sent []string) []string {
	for i, text := range sent {
		if text == "" {
			return append(append([]string(nil), sent[:i]...), notEmpty(sent[i+1:])...)
		}
	}
	return sent
}
