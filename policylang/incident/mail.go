package incident

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/message"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// Mail is a mail of an action.
type Mail struct {
	// Key is the same if the same mail is sent again.
	Key     string   `json:"key"`
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	// Text and HTML say the same.
	Text        string       `json:"text"`
	HTML        string       `json:"html"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Attachment is a file of a mail.
type Attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content []byte `json:"content"`
}

// mail writes the mail of an email item. It has no recipients if the address is empty. The notes are for the log.
func (p *Plan) mail(ctx context.Context, host eval.Outside, s *Subject, r *Run, what *item, data value.Value) (Mail, []string, error) {
	c := &mailer{Plan: p, ctx: ctx, host: host, subject: s, run: r, what: what, data: data, scope: s.scope(data, r.Options)}
	to, err := c.recipients()
	if err != nil || len(to) == 0 {
		if err == nil {
			c.note("there are no recipients, so that no mail was sent")
		}
		return Mail{}, c.notes, err
	}
	m := Mail{To: to}
	if m.Subject, err = c.title(); err != nil {
		return Mail{}, c.notes, err
	}
	if err := c.write(&m); err != nil {
		return Mail{}, c.notes, err
	}
	c.note("mail to " + strings.Join(to, ", "))
	return m, c.notes, nil
}

// mailer is a mail that is being written.
type mailer struct {
	*Plan
	ctx     context.Context
	host    eval.Outside
	subject *Subject
	run     *Run
	what    *item
	data    value.Value
	scope   eval.ActionScope
	notes   []string
}

func (c *mailer) note(text string) { c.notes = append(c.notes, text) }

func (c *mailer) term(x syntax.Expr) (value.Value, error) {
	if x == nil {
		return nil, nil
	}
	return c.program.Term(c.ctx, c.host, x, c.scope)
}

// recipients are the addresses, each once. One that is none fails the mail, unless others are left.
func (c *mailer) recipients() ([]string, error) {
	v, err := c.term(c.what.address)
	if err != nil {
		return nil, fmt.Errorf("email: %w", err)
	}
	var to, wrong []string
	seen := map[string]bool{}
	for _, text := range addresses(v) {
		a, err := mail.ParseAddress(text)
		if err != nil {
			wrong = append(wrong, strconv.Quote(cut(text, 100)))
			continue
		}
		if folded := strings.ToLower(a.Address); !seen[folded] {
			seen[folded] = true
			to = append(to, a.Address)
		}
	}
	switch {
	case len(to) > c.limits.Recipients:
		return nil, fmt.Errorf("email: there are %d recipients: at most %d are allowed", len(to), c.limits.Recipients)
	case len(wrong) > 0 && len(to) == 0:
		return nil, fmt.Errorf("email: %s: no address", strings.Join(wrong, ", "))
	case len(wrong) > 0:
		c.note("left out, for it is no address: " + strings.Join(wrong, ", "))
	}
	return to, nil
}

// addresses are the texts in a value, of which one may hold several: as a mail's header does, with semicolons instead of
// commas, or with blanks between bare ones.
func addresses(v value.Value) []string {
	switch v := v.(type) {
	case string:
		v = strings.TrimSpace(v)
		if strings.ContainsAny(v, "\r\n") {
			return []string{v} // which is no address
		}
		if list, err := mail.ParseAddressList(strings.ReplaceAll(v, ";", ",")); err == nil {
			var texts []string
			for _, a := range list {
				texts = append(texts, a.String())
			}
			return texts
		}
		return strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(",;\t ", r) })
	case []value.Value:
		var list []string
		for _, e := range v {
			list = append(list, addresses(e)...)
		}
		return list
	}
	return nil
}

// title is the subject in one line.
func (c *mailer) title() (string, error) {
	text := c.subject.Summary
	if c.what.subject != nil {
		var err error
		if text, err = c.render(c.what.subject); err != nil {
			return "", err
		}
	}
	line := strings.Join(strings.Fields(message.Text(text)), " ")
	return cut(cmp.Or(line, c.name), 250), nil
}

// render executes a template of the mail; its error stands for the text.
func (c *mailer) render(t *message.Template) (string, error) {
	text, err := t.Execute(c.ctx, message.NewData(c.data, c.subject.Parameters, words(c.subject.Words)), c.limits.Message)
	if c.ctx.Err() != nil {
		return "", c.ctx.Err()
	}
	if err != nil {
		c.note(err.Error())
		return err.Error(), nil
	}
	return text, nil
}

// letter is what the two templates of a mail are executed with.
type letter struct {
	Title, Policy, Project, Severity, Category, Link string
	DryRun, Resolved                                 bool
	BodyText                                         string
	Body                                             template.HTML
	Table                                            *Table
	Omitted                                          int // rows that are not in Table
	Attached                                         string
	Short                                            bool // the body was cut
}

// write writes both texts and the attachment. Rows are left out until the texts are as short as they must be.
func (c *mailer) write(m *Mail) error {
	l := letter{
		Title: m.Subject, Policy: cmp.Or(c.subject.Policy, c.name), Project: c.subject.Words.ProjectName, Severity: c.subject.Severity,
		Category: c.subject.Category, Link: message.Link(c.subject.Link), DryRun: c.subject.DryRun, Resolved: c.run.Kind == Resolution,
	}
	body := c.subject.Detail
	table := c.table()
	if c.what.body != nil {
		var err error
		if body, err = c.render(c.what.body); err != nil {
			return err
		}
	}
	page := message.HTML(body)
	for len(body) > c.limits.MailBytes/4 || len(page) > c.limits.MailBytes/2 {
		body, l.Short = cut(body, min(len(body)/2, c.limits.MailBytes/4)), true
		page = message.HTML(body)
	}
	l.BodyText, l.Body = message.Text(body), template.HTML(page) // which message.HTML made safe
	file, err := c.attachment(table)
	if err != nil {
		return err
	}
	if file != nil {
		m.Attachments, l.Attached = []Attachment{*file}, file.Name
	}
	most := 0
	if table != nil && c.what.body == nil {
		if most, err = c.rows(len(table.Rows)); err != nil {
			return err
		}
	}
	for {
		if most > 0 {
			part := *table
			part.Rows = table.Rows[:most]
			l.Table, l.Omitted = &part, len(table.Rows)-most
		} else if l.Table = nil; table != nil && c.what.body == nil {
			l.Omitted = len(table.Rows)
		}
		if m.HTML, m.Text, err = l.render(); err != nil {
			return err
		}
		if most == 0 || len(m.HTML) <= c.limits.MailBytes && len(m.Text) <= c.limits.MailBytes {
			return nil
		}
		most /= 2
	}
}

func (c *mailer) table() *Table {
	v := c.validation(c.subject.Validation)
	if v == nil || v.export == nil {
		return nil
	}
	if rows, ok := c.data.([]value.Value); ok && c.run.Rows != nil {
		return v.export.table(rows)
	}
	return v.export.table(v.rows(c.data))
}

// shortRow is less than any row takes in HTML.
const shortRow = 64

// rows is how many of n rows the mail shows.
func (c *mailer) rows(n int) (int, error) {
	v, err := c.term(c.what.rows)
	if err != nil {
		return 0, fmt.Errorf("body_table_max_rows: %w", err)
	}
	n = min(n, c.limits.MailBytes/shortRow)
	if v == nil || v == "" {
		return min(n, c.limits.Rows), nil
	}
	number, err := value.ParseNumber(value.Text(v))
	if err != nil {
		return 0, fmt.Errorf("body_table_max_rows: %w", err)
	}
	return int(max(0, min(float64(n), number.Float64()))), nil
}

// attachment is the table as CSV, nil if the template does not ask for it.
func (c *mailer) attachment(t *Table) (*Attachment, error) {
	v, err := c.term(c.what.attach)
	if err != nil {
		return nil, fmt.Errorf("attach_export_table: %w", err)
	}
	wanted := value.Truth(v)
	if text, ok := v.(string); ok {
		wanted = strings.EqualFold(strings.TrimSpace(text), "true")
	}
	if !wanted || t == nil {
		return nil, nil
	}
	content, rows := t.csv(c.limits.Attachment)
	file := &Attachment{Name: fileName(cmp.Or(c.subject.Policy, c.name)) + ".csv", Type: "text/csv; charset=utf-8", Content: content}
	if rows < len(t.Rows) {
		file.Name = fmt.Sprintf("%s-first-%d-of-%d.csv", strings.TrimSuffix(file.Name, ".csv"), rows, len(t.Rows))
		c.note(fmt.Sprintf("the attachment holds the first %d of %d rows: more would be too large", rows, len(t.Rows)))
	}
	return file, nil
}

// fileName is a name that any file system takes.
func fileName(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
	for strings.Contains(clean, "--") {
		clean = strings.ReplaceAll(clean, "--", "-")
	}
	return cmp.Or(strings.Trim(cutBytes(clean, 60), "-"), "incident")
}

func cutBytes(s string, n int) string { return s[:min(n, len(s))] }

// CSV is the table as a file for spreadsheets (RFC 4180). A column of links has one for their addresses behind it.
func (t *Table) CSV() []byte {
	content, _ := t.csv(0)
	return content
}

// csv writes as many rows as fit in most bytes, all if it is 0, and says how many.
func (t *Table) csv(most int) ([]byte, int) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	var head []string
	for _, c := range t.Columns {
		head = append(head, harmless(c.Label))
		if c.Link {
			head = append(head, harmless(c.Label+" (link)"))
		}
	}
	_ = w.Write(head) // a buffer takes everything
	w.Flush()
	for n, r := range t.Rows {
		before := out.Len()
		_ = w.Write(t.record(r))
		w.Flush()
		if most > 0 && out.Len() > most {
			return out.Bytes()[:before], n
		}
	}
	return out.Bytes(), len(t.Rows)
}

func (t *Table) record(r Row) []string {
	var cells []string
	for i, c := range r.Cells {
		if c.Number {
			cells = append(cells, c.Text)
		} else {
			cells = append(cells, harmless(c.Text))
		}
		if t.Columns[i].Link {
			cells = append(cells, c.URL)
		}
	}
	return cells
}

// harmless keeps a text from being a formula where the file is opened: what names a resource comes from anybody.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

//go:embed mail.gohtml
var mailHTML string

var letterHTML = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("mail").Funcs(template.FuncMap{"style": style}).Parse(mailHTML))
})

// style is that of a cell, since mail programs read no style sheets.
func style(a Align) template.CSS {
	return template.CSS("padding:4px 10px;border-bottom:1px solid #d7dde3;text-align:" + string(a))
}

func (l *letter) render() (page, text string, err error) {
	var out bytes.Buffer
	if err := letterHTML().Execute(&out, l); err != nil {
		return "", "", err
	}
	return out.String(), l.plain(), nil
}

// plain is the letter as text: the table's columns stand under one another, the last one as long as it is.
func (l *letter) plain() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s\n", l.Title)
	if l.DryRun {
		line("The policy runs dry: nothing was done about this.\n")
	}
	if l.Resolved {
		line("The incident is resolved.\n")
	}
	if l.BodyText != "" {
		line("%s\n", l.BodyText)
	}
	if l.Short {
		line("(The text was cut.)\n")
	}
	if l.Table != nil {
		b.WriteString(l.Table.text())
		b.WriteString("\n")
	}
	if l.Omitted > 0 {
		line("%s\n", l.More())
	}
	for _, about := range [][2]string{{"Policy", l.Policy}, {"Project", l.Project}, {"Severity", l.Severity}, {"Category", l.Category}, {"Incident", l.Link}} {
		if about[1] != "" {
			line("%s: %s", about[0], about[1])
		}
	}
	return b.String()
}

// More says how many rows are not shown, and where they are.
func (l *letter) More() string {
	text := fmt.Sprintf("%d rows are not shown.", l.Omitted)
	if l.Omitted == 1 {
		text = "1 row is not shown."
	}
	if l.Attached != "" {
		text += " The attachment " + l.Attached + " has all of them."
	}
	return text
}

// wideCell is how wide a column of the text gets, in characters; a longer cell moves what is behind it.
const wideCell = 40

func (t *Table) text() string {
	lines := make([][]string, 0, len(t.Rows)+1)
	var head []string
	for _, c := range t.Columns {
		head = append(head, c.Label)
	}
	lines = append(lines, head)
	for _, r := range t.Rows {
		var cells []string
		for _, c := range r.Cells {
			text := strings.Join(strings.Fields(c.Text), " ")
			if c.URL != "" {
				text += " <" + c.URL + ">"
			}
			cells = append(cells, text)
		}
		lines = append(lines, cells)
	}
	width := make([]int, len(t.Columns))
	for _, cells := range lines {
		for i, text := range cells {
			width[i] = max(width[i], min(utf8.RuneCountInString(text), wideCell))
		}
	}
	var b strings.Builder
	for n, cells := range lines {
		var row strings.Builder
		for i, text := range cells {
			pad := strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(text)))
			if t.Columns[i].Align == Right {
				row.WriteString(pad + text + "  ")
			} else {
				row.WriteString(text + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
		if n == 0 {
			rules := make([]string, len(width))
			for i, w := range width {
				rules[i] = strings.Repeat("-", w)
			}
			b.WriteString(strings.Join(rules, "  ") + "\n")
		}
	}
	return b.String()
}
