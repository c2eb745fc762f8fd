package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/jmespath"
	"espalier.dev/policylang/message"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/workflow"
)

// Plan is what a template says about incidents and what is done about them. It does not change; any number of goroutines
// may use it.
type Plan struct {
	program     *eval.Program
	name        string // of the template
	fingerprint string
	validations []*validation
	actions     map[string]*Action
	definitions *workflow.Program
	config      workflow.Config
	limits      Limits
	noEcho      []string // parameters whose values are kept out of logs
}

// Limits bound what is made of an incident. A zero stands for the default.
type Limits struct {
	Message    message.Limits
	Workflow   workflow.Limits
	Rows       int // of the table in a mail if the template says nothing; 100
	MailBytes  int // of each of the two texts of a mail; 512 KiB
	Attachment int // bytes of an attachment; 10 MiB
	LogBytes   int // of an item of a run; 64 KiB
	Recipients int // of a mail; 500
}

func (l Limits) filled() Limits {
	set := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	set(&l.Rows, 100)
	set(&l.MailBytes, 512<<10)
	set(&l.Attachment, 10<<20)
	set(&l.LogBytes, 64<<10)
	set(&l.Recipients, 500)
	return l
}

// validation is a validate or a validate_each.
type validation struct {
	ordinal          int
	target           string
	summary, detail  *message.Template // detail is nil if there is none
	include, exclude []string          // fields that the hash has, or has not
	export           *export
	escalations      []*Action
	resolutions      []*Action
}

// Kind says whether an action is an escalation or a resolution.
type Kind string

// The kinds of actions.
const (
	Escalation Kind = "escalation"
	Resolution Kind = "resolution"
)

// Action is an escalation or a resolution of a template.
type Action struct {
	Kind               Kind
	Name               string
	Label, Description string
	// Parameters are asked for when the action is chosen.
	Parameters []eval.Parameter
	automatic  syntax.Expr // nil if it runs at once
	items      []*item
}

// item is one thing that an action does.
type item struct {
	kind               ItemKind
	label, description string
	parameters         []eval.Parameter // that an approver is asked for

	address       syntax.Expr // of an email
	subject, body *message.Template
	attach, rows  syntax.Expr

	definition string // of a run
	args       []syntax.Expr
}

// Compile reads the policy, the escalations and the definitions of a program.
func Compile(program *eval.Program, limits Limits) (*Plan, error) {
	t := program.Template()
	sum := sha256.Sum256([]byte(t.File.Source.Text))
	p := &Plan{program: program, fingerprint: hex.EncodeToString(sum[:]), actions: map[string]*Action{}, limits: limits.filled()}
	c := &compiler{Plan: p, template: t}
	for _, i := range t.File.Items {
		if s, ok := i.(*syntax.Statement); ok && s.Keyword.Name == "name" {
			p.name = written(s.Arg(0))
		}
	}
	for _, q := range program.Parameters() {
		if q.NoEcho {
			p.noEcho = append(p.noEcho, q.Name)
		}
	}
	for _, d := range t.Decls {
		switch d.Kind {
		case resolve.Credentials, resolve.Auth:
			p.config.Signers = append(p.config.Signers, d.Name)
		case resolve.Escalation:
			p.actions[d.Name] = c.action(Escalation, d.Name, d.Block)
		case resolve.Resolution:
			p.actions[d.Name] = c.action(Resolution, d.Name, d.Block)
		}
	}
	for _, d := range t.Decls {
		if d.Kind == resolve.Policy {
			c.policy(d.Block)
		}
	}
	c.define()
	p.config.Limits = limits.Workflow
	return p, c.err
}

// Fingerprint names the source. A run goes on with the plan of the source that it began with.
func (p *Plan) Fingerprint() string { return p.fingerprint }

// compiler keeps the first error.
type compiler struct {
	*Plan
	template *resolve.Template
	err      error
}

func (c *compiler) fail(n syntax.Node, format string, args ...any) {
	if c.err == nil {
		f := c.template.File.Source
		c.err = fmt.Errorf("%s:%s: %s", f.Name, f.Position(n.Pos().Start), fmt.Sprintf(format, args...))
	}
}

// define reads the definitions. What is wrong in one fails when it is reached.
func (c *compiler) define() {
	f := c.template.File.Source
	var list []*workflow.Definition
	for _, i := range c.template.File.Items {
		if d, ok := i.(*syntax.Definition); ok {
			read, _, problems := workflow.ParseDefinition(f, d.Span.Start)
			list = append(list, read)
			if at := slices.IndexFunc(problems, func(d source.Diagnostic) bool { return d.Severity == source.Error }); at >= 0 {
				c.fail(d, "definition %s can't be read: %s", d.Name.Name, problems[at].Message)
			}
		}
	}
	c.definitions = workflow.Compile(f, list)
}

func (c *compiler) policy(block *syntax.Statement) {
	for _, s := range block.Statements() {
		if s.Keyword.Name != "validate" && s.Keyword.Name != "validate_each" {
			continue
		}
		v := &validation{ordinal: len(c.validations), summary: c.text(s.Find("summary_template")), detail: c.text(s.Find("detail_template"))}
		if ref, ok := s.Arg(0).(*syntax.Reference); ok {
			v.target = ref.Name
		}
		if v.summary == nil {
			c.fail(s, "%s has no summary_template", s.Keyword.Name)
		}
		for _, part := range s.Statements() {
			switch part.Keyword.Name {
			case "hash_include":
				v.include = append(v.include, names(part)...)
			case "hash_exclude":
				v.exclude = append(v.exclude, names(part)...)
			case "export":
				v.export = c.export(part)
			case "escalate":
				v.escalations = append(v.escalations, c.named(part)...)
			case "resolve":
				v.resolutions = append(v.resolutions, c.named(part)...)
			}
		}
		c.validations = append(c.validations, v)
	}
}

func (c *compiler) named(s *syntax.Statement) []*Action {
	ref, ok := s.Arg(0).(*syntax.Reference)
	if !ok || c.actions[ref.Name] == nil {
		c.fail(s, "%s refers to nothing", s.Keyword.Name)
		return nil
	}
	return []*Action{c.actions[ref.Name]}
}

func (c *compiler) text(s *syntax.Statement) *message.Template {
	if s == nil {
		return nil
	}
	t, err := message.Parse(written(s.Arg(0)))
	if err != nil {
		c.fail(s, "%s: %v", s.Keyword.Name, err)
	}
	return t
}

func (c *compiler) export(s *syntax.Statement) *export {
	e := &export{path: c.path(s)}
	for _, part := range s.Statements() {
		switch part.Keyword.Name {
		case "resource_level":
			b, ok := part.Arg(0).(*syntax.Bool)
			e.resourceLevel = ok && b.Value
		case "field":
			name := written(part.Arg(0))
			col := column{name: name, label: name, path: c.path(part.Find("path"))}
			if l := part.Find("label"); l != nil && written(l.Arg(0)) != "" {
				col.label = written(l.Arg(0))
			}
			if f := part.Find("format"); f != nil {
				col.format = parseFormat(written(f.Arg(0)))
			}
			e.columns = append(e.columns, col)
		}
	}
	return e
}

// path is the JMESPath that a statement takes, nil if there is none.
func (c *compiler) path(s *syntax.Statement) *jmespath.Path {
	if s == nil || s.Arg(0) == nil {
		return nil
	}
	path, err := jmespath.Compile(written(s.Arg(0)))
	if err != nil {
		c.fail(s, "%v", err)
	}
	return path
}

func (c *compiler) action(kind Kind, name string, block *syntax.Statement) *Action {
	a := &Action{Kind: kind, Name: name, Label: name}
	for _, s := range block.Statements() {
		switch s.Keyword.Name {
		case "automatic":
			a.automatic = s.Arg(0)
		case "label":
			a.Label = written(s.Arg(0))
		case "description":
			a.Description = written(s.Arg(0))
		case "parameter":
			a.Parameters = append(a.Parameters, c.parameter(s)...)
		case "email":
			a.items = append(a.items, c.email(s))
		case "run":
			a.items = append(a.items, &item{kind: CloudWorkflow, label: written(s.Arg(0)), definition: written(s.Arg(0)), args: plain(s)[1:]})
		case "resolve_incident":
			a.items = append(a.items, &item{kind: ResolveIncident})
		case "request_approval":
			a.items = append(a.items, c.approval(s))
		}
	}
	return a
}

func (c *compiler) parameter(s *syntax.Statement) []eval.Parameter {
	q, err := c.program.ReadParameter(s)
	if err != nil {
		c.fail(s, "%v", err)
		return nil
	}
	return []eval.Parameter{q}
}

func (c *compiler) email(s *syntax.Statement) *item {
	i := &item{kind: Email, address: s.Arg(0), subject: c.text(s.Find("subject_template")), body: c.text(s.Find("body_template"))}
	if a := s.Find("attach_export_table"); a != nil {
		i.attach = a.Arg(0)
	}
	if r := s.Find("body_table_max_rows"); r != nil {
		i.rows = r.Arg(0)
	}
	return i
}

func (c *compiler) approval(s *syntax.Statement) *item {
	i := &item{kind: RequestApproval}
	for _, part := range s.Statements() {
		switch part.Keyword.Name {
		case "label":
			i.label = written(part.Arg(0))
		case "description":
			i.description = written(part.Arg(0))
		case "parameter":
			i.parameters = append(i.parameters, c.parameter(part)...)
		}
	}
	return i
}

// written is the string of a literal, "" for anything else.
func written(x syntax.Expr) string {
	if s, ok := x.(*syntax.String); ok {
		return s.Value
	}
	return ""
}

// plain lists the arguments of a statement without a keyword.
func plain(s *syntax.Statement) []syntax.Expr {
	var list []syntax.Expr
	for i := 0; s.Arg(i) != nil; i++ {
		list = append(list, s.Arg(i))
	}
	return list
}

// names are the strings that a statement takes, also in a list.
func names(s *syntax.Statement) []string {
	var out []string
	for _, x := range plain(s) {
		if l, ok := x.(*syntax.List); ok {
			for _, e := range l.Elems {
				out = append(out, written(e))
			}
			continue
		}
		out = append(out, written(x))
	}
	return out
}
