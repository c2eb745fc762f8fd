package eval

import (
	"strings"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// pagination is how a page names the next one: a marker is got from the answer, and set in the next request.
type pagination struct {
	name string
	// One of these says where the marker is: a path whose language follows the encoding, a term, a header.
	path   string
	term   syntax.Expr
	header string
	// set is query, header, body_field or uri, and setName what it names.
	set, setName string
}

func (c *compiler) pagination(d *resolve.Decl) *pagination {
	p := &pagination{name: d.Name}
	if get := d.Block.Find("get_page_marker"); get != nil {
		if st := get.Find("header"); st != nil {
			p.header = written(st.Arg(0))
		} else if st := get.Find("body_path"); st != nil {
			p.path = written(st.Arg(0))
			if p.path == "" {
				p.term = st.Arg(0)
			}
		}
	}
	if set := d.Block.Find("set_page_marker"); set != nil {
		for _, st := range set.Statements() {
			p.set, p.setName = st.Keyword.Name, written(st.Arg(0))
		}
	}
	if p.header == "" && p.path == "" && p.term == nil || p.set == "" {
		c.fail(d.Block, "pagination %s does not say where the marker is got from and where it is set", d.Name)
	}
	return p
}

// marker is what an answer says about the next page, "" if there is none. The scope knows the answer.
func (p *pagination) marker(s *scope, encoding extract.Encoding) (string, *Failure) {
	if p.header != "" {
		if p.set == "uri" && strings.EqualFold(p.header, "Link") {
			return nextLink(s.answer.header.Values("Link")), nil
		}
		return s.answer.header.Get(p.header), nil
	}
	v, err := p.inBody(s, encoding)
	if err != nil {
		return "", because("the marker of the next page can't be read", err).in("pagination", p.name)
	}
	if !value.Truth(v) {
		return "", nil
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case value.Number, bool:
		return value.Text(v), nil
	}
	return "", failf("the marker of the next page can't be read", "it is %s: expected a string or a number", value.Kind(v)).in("pagination", p.name)
}

func (p *pagination) inBody(s *scope, encoding extract.Encoding) (value.Value, error) {
	switch {
	case p.term != nil:
		v, err := s.eval(p.term)
		return value.Settle(v), err
	case encoding == extract.XML:
		v, err := s.run.terms.Paths.XPath(s.ctx, s.response, p.path, extract.Simple)
		return value.Settle(v), err
	}
	return s.run.terms.Paths.JMESPath(s.response, p.path)
}

// next is the request for the page that a marker names.
func (p *pagination) next(q draft, marker string) (draft, *Failure) {
	q.Header = q.Header.Clone()
	var err error
	switch p.set {
	case "query":
		q.URL = setQuery(q.URL, p.setName, marker)
	case "header":
		q.Header.Del(p.setName)
		err = q.addHeader(p.setName, marker)
	case "body_field":
		err = q.setBodyField(p.setName, marker)
	case "uri":
		q.URL, err = follow(q.URL, marker)
	}
	if err != nil {
		return q, because("the next page can't be asked for", err).in("pagination", p.name)
	}
	return q, nil
}
