package eval

import (
	"fmt"
	"slices"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/syntax"
)

// Program is a template made ready to be evaluated. It is not changed by evaluations, of which many may run at once.
type Program struct {
	template    *resolve.Template
	severity    string
	category    string
	parameters  []Parameter
	credentials map[string]*credential
	paginations map[string]*pagination
	scripts     map[string]*scriptCode
	datasources []*datasource // in the order of the source
	order       []*datasource // in the order of evaluation
	byDecl      map[*resolve.Decl]*datasource
	policy      string
	validations []*validation
}

// datasource is a datasource block.
type datasource struct {
	name string
	decl *resolve.Decl
	// place is its number in the order of the source.
	place int
	// resources is set for a block of resources, which can't be evaluated.
	resources bool
	// needs are the datasources that it reads, in the order in which it names them.
	needs []*datasource

	iterate *syntax.Reference // nil if it is evaluated once
	request *request          // nil if it sends nothing
	script  *scriptCall       // of a datasource that a script makes
	fields  []field           // of a datasource that is made of fields alone
	result  result
}

// request is a request block: written out, or made by a script, which is all it has then.
type request struct {
	script *scriptCall

	verb         string
	scheme       string
	host, path   syntax.Expr
	query        []pair
	headers      []pair
	bodyFields   []pair
	body         syntax.Expr
	auth         string // name of the credentials, "" if it goes unsigned
	pagination   *pagination
	ignoreStatus []syntax.Expr
}

// orders reports whether the request may change something elsewhere, so that it has its place in the order of requests.
// What a script asks for is known only when it has run.
func (r *request) orders() bool { return r.script != nil || !readOnly(r.verb) }

// readOnly reports whether requests with the verb change nothing, so that they may be sent side by side.
func readOnly(verb string) bool { return verb == "GET" || verb == "HEAD" || verb == "OPTIONS" }

type pair struct {
	name  string
	value syntax.Expr
}

// scriptCall is a run_script: a script and its arguments.
type scriptCall struct {
	script *scriptCode
	args   []syntax.Expr
}

// scriptCode is a script block.
type scriptCode struct {
	name, code, result string
	params             []string
	line               int // of the template, where the code begins
}

// Script is a script block as a call without arguments, and whether there is one of that name.
func (p *Program) Script(name string) (call script.Call, ok bool) {
	s := p.scripts[name]
	if s == nil {
		return call, false
	}
	return script.Call{Source: s.code, Params: slices.Clone(s.params), Result: s.result}, true
}

// result is a result block: at most one of fields and collect.
type result struct {
	encoding extract.Encoding
	fields   []field
	collect  *collect
}

// field is a member of the objects that are made: a term, or a list of further objects.
type field struct {
	name    string
	term    syntax.Expr
	collect *collect
}

// collect makes an object of each element of a list.
type collect struct {
	list   syntax.Expr
	fields []field
}

// validation is a validate or a validate_each.
type validation struct {
	block   *syntax.Statement
	ordinal int
	each    bool
	target  *datasource
	checks  []syntax.Expr
	needs   []*datasource // the target, and what the checks read
	actions []*datasource // what the escalations and resolutions read
}

// Compile makes a program of a template in which [policylang.Check] finds no errors. Of others it reports the first thing
// that it can't make sense of.
func Compile(t *resolve.Template) (*Program, error) {
	p := &Program{
		template:    t,
		severity:    "low",
		credentials: make(map[string]*credential),
		paginations: make(map[string]*pagination),
		scripts:     make(map[string]*scriptCode),
		byDecl:      make(map[*resolve.Decl]*datasource),
	}
	c := &compiler{Program: p}
	c.metadata()
	for _, d := range t.Decls {
		c.block(d)
	}
	for _, d := range p.datasources {
		c.datasource(d)
	}
	for _, d := range t.Decls {
		if d.Kind == resolve.Policy && c.err == nil {
			c.policy(d.Block)
		}
	}
	for _, d := range p.sort() {
		c.fail(d.decl.Block, "datasource %s waits for itself, or for one that does", d.name)
	}
	if c.err != nil {
		return nil, c.err
	}
	return p, nil
}

// compiler keeps the first error: what follows it is not worth saying.
type compiler struct {
	*Program
	err error
}

func (c *compiler) fail(n syntax.Node, format string, args ...any) {
	if c.err == nil {
		f := c.template.File.Source
		c.err = fmt.Errorf("%s:%s: %s", f.Name, f.Position(n.Pos().Start), fmt.Sprintf(format, args...))
	}
}

func (c *compiler) metadata() {
	for _, i := range c.template.File.Items {
		s, ok := i.(*syntax.Statement)
		if !ok {
			continue
		}
		switch s.Keyword.Name {
		case "severity":
			c.severity = written(s.Arg(0))
		case "category":
			c.category = written(s.Arg(0))
		}
	}
}

// block reads a block, of datasources only the name: they may refer to what comes later.
func (c *compiler) block(d *resolve.Decl) {
	switch d.Kind {
	case resolve.Parameter:
		c.parameters = append(c.parameters, c.parameter(d))
	case resolve.Credentials, resolve.Auth:
		c.credentials[d.Name] = c.credential(d)
	case resolve.Pagination:
		c.paginations[d.Name] = c.pagination(d)
	case resolve.Script:
		c.scripts[d.Name] = c.script(d)
	case resolve.Datasource, resolve.Resources:
		source := &datasource{name: d.Name, decl: d, place: len(c.datasources), resources: d.Kind == resolve.Resources}
		c.datasources = append(c.datasources, source)
		c.byDecl[d] = source
	}
}

func (c *compiler) script(d *resolve.Decl) *scriptCode {
	s := &scriptCode{name: d.Name, code: written(arg(d.Block.Find("code"))), result: written(arg(d.Block.Find("result")))}
	for _, x := range plain(d.Block.Find("parameters")) {
		s.params = append(s.params, written(x))
	}
	if text, ok := arg(d.Block.Find("code")).(*syntax.String); ok {
		start := text.Pos()
		if text.Quote == syntax.Heredoc {
			start = text.Body
		}
		s.line = c.template.File.Source.LineOf(start.Start)
	}
	return s
}

// datasource reads the body of a datasource.
func (c *compiler) datasource(d *datasource) {
	if d.resources {
		return
	}
	block := d.decl.Block
	if st := block.Find("iterate"); st != nil {
		d.iterate, _ = st.Arg(0).(*syntax.Reference)
		if d.iterate == nil {
			c.fail(st, "iterate needs a reference to a datasource")
		}
	}
	d.result = c.result(block.Find("result"))
	switch {
	case block.Find("run_script") != nil:
		d.script = c.call(block.Find("run_script"))
	case block.Find("request") != nil:
		d.request = c.request(block.Find("request"))
	case block.Find("field") != nil:
		d.fields = c.fields(block)
	default:
		c.fail(block, "datasource %s has none of request, run_script and field", d.name)
	}
	for _, to := range c.template.Reads(d.decl) {
		c.need(&d.needs, to)
	}
	if d.request != nil && c.credentials[d.request.auth] != nil {
		c.referred(&d.needs, c.credentials[d.request.auth].decl.Block)
	}
}

// need adds a datasource to those that something reads, once.
func (c *compiler) need(list *[]*datasource, decl *resolve.Decl) {
	if d := c.byDecl[decl]; d != nil && !slices.Contains(*list, d) {
		*list = append(*list, d)
	}
}

// referred adds the datasources that are named anywhere in a statement.
func (c *compiler) referred(list *[]*datasource, n syntax.Node) {
	syntax.Inspect(n, func(n syntax.Node) bool {
		if ref, ok := n.(*syntax.Reference); ok {
			if decl := c.template.Target(ref); decl != nil {
				c.need(list, decl)
			}
		}
		return true
	})
}

func (c *compiler) call(s *syntax.Statement) *scriptCall {
	ref, _ := s.Arg(0).(*syntax.Reference)
	var code *scriptCode
	if ref != nil {
		code = c.scripts[ref.Name]
	}
	args := plain(s)
	if code == nil {
		c.fail(s, "run_script needs a reference to a script")
		return nil
	}
	if args = args[1:]; len(args) != len(code.params) {
		c.fail(s, "script %s has %d parameters, and gets %d", code.name, len(code.params), len(args))
	}
	return &scriptCall{code, args}
}

func (c *compiler) request(s *syntax.Statement) *request {
	r := &request{verb: "GET", scheme: "https"}
	if st := s.Find("run_script"); st != nil {
		r.script = c.call(st)
		return r
	}
	for _, st := range s.Statements() {
		switch st.Keyword.Name {
		case "verb":
			r.verb = written(st.Arg(0))
		case "scheme":
			r.scheme = written(st.Arg(0))
		case "host":
			r.host = st.Arg(0)
		case "path":
			r.path = st.Arg(0)
		case "body":
			r.body = st.Arg(0)
		case "query":
			r.query = append(r.query, pair{written(st.Arg(0)), st.Arg(1)})
		case "header":
			r.headers = append(r.headers, pair{written(st.Arg(0)), st.Arg(1)})
		case "body_field":
			r.bodyFields = append(r.bodyFields, pair{written(st.Arg(0)), st.Arg(1)})
		case "ignore_status":
			r.ignoreStatus = plain(st)
		case "auth":
			r.auth = c.named(st)
		case "pagination":
			r.pagination = c.paginations[c.named(st)]
		}
	}
	if r.host == nil {
		c.fail(s, "request has neither host nor run_script")
	}
	return r
}

// named is the name in the reference that a statement takes.
func (c *compiler) named(s *syntax.Statement) string {
	ref, ok := s.Arg(0).(*syntax.Reference)
	if !ok || c.template.Target(ref) == nil {
		c.fail(s, "%s refers to nothing", s.Keyword.Name)
		return ""
	}
	return ref.Name
}

func (c *compiler) result(s *syntax.Statement) result {
	r := result{encoding: extract.JSON}
	if s == nil {
		return r
	}
	if st := s.Find("encoding"); st != nil {
		r.encoding = extract.Encoding(written(st.Arg(0)))
	}
	if st := s.Find("collect"); st != nil {
		r.collect = c.collect(st)
	}
	r.fields = c.fields(s)
	return r
}

func (c *compiler) collect(s *syntax.Statement) *collect {
	return &collect{list: s.Arg(0), fields: c.fields(s)}
}

// fields reads the fields of a body.
func (c *compiler) fields(s *syntax.Statement) []field {
	var list []field
	for _, st := range s.Statements() {
		if st.Keyword.Name != "field" {
			continue
		}
		f := field{name: written(st.Arg(0)), term: st.Arg(1)}
		if nested := st.Find("collect"); nested != nil {
			f.collect = c.collect(nested)
		} else if f.term == nil {
			c.fail(st, "field %s has no value", f.name)
		}
		list = append(list, f)
	}
	return list
}

func (c *compiler) policy(s *syntax.Statement) {
	c.Program.policy = s.Name().Value
	for _, st := range s.Statements() {
		ref, _ := st.Arg(0).(*syntax.Reference)
		if ref == nil || st.Keyword.Name != "validate" && st.Keyword.Name != "validate_each" {
			continue
		}
		v := &validation{block: st, each: st.Keyword.Name == "validate_each", ordinal: len(c.validations)}
		if v.target = c.byDecl[c.template.Target(ref)]; v.target == nil {
			c.fail(ref, "%s%s is no datasource, so that it can't be validated", ref.Sigil, ref.Name)
			continue
		}
		c.need(&v.needs, v.target.decl)
		for _, part := range st.Statements() {
			switch part.Keyword.Name {
			case "check":
				v.checks = append(v.checks, part.Arg(0))
				c.referred(&v.needs, part)
			case "escalate", "resolve":
				if to, ok := part.Arg(0).(*syntax.Reference); ok && c.template.Target(to) != nil {
					c.referred(&v.actions, c.template.Target(to).Block)
				}
			}
		}
		c.validations = append(c.validations, v)
	}
}

// written is the string of a literal, "" for anything else.
func written(x syntax.Expr) string {
	if s, ok := x.(*syntax.String); ok {
		return s.Value
	}
	return ""
}

// arg is the first argument of a statement, nil if there is no statement.
func arg(s *syntax.Statement) syntax.Expr {
	if s == nil {
		return nil
	}
	return s.Arg(0)
}

// plain lists the arguments of a statement without a keyword; none if there is no statement.
func plain(s *syntax.Statement) []syntax.Expr {
	var list []syntax.Expr
	for s != nil && len(list) < len(s.Args) {
		x := s.Arg(len(list))
		if x == nil {
			break
		}
		list = append(list, x)
	}
	return list
}
