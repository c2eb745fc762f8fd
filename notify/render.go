package notify

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"regexp"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"
)

//go:embed templates
var files embed.FS

// templates are parsed at the first mail, and not at every start.
var templates = sync.OnceValues(func() (both, error) {
	text, err := texttemplate.New("").Funcs(texttemplate.FuncMap{"date": date}).ParseFS(files, "templates/*.txt")
	if err != nil {
		return both{}, err
	}
	html, err := htmltemplate.New("").Funcs(htmltemplate.FuncMap{"date": date}).ParseFS(files, "templates/*.html")
	return both{text, html}, err
})

type both struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// date writes an instant of the data, RFC 3339, for people.
func date(text any) string {
	t, err := time.Parse(time.RFC3339, fmt.Sprint(text))
	if err != nil {
		return fmt.Sprint(text)
	}
	return t.UTC().Format("2 January 2006, 15:04 UTC")
}

// page is what a template is given.
type page struct {
	Brand   Branding
	To      Address
	Server  string // its address; "" if it is not known
	Subject string
	Data    map[string]any
}

var color = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Render makes a mail of a kind's templates: kind.txt, whose first line is the subject, and kind.html within frame.html.
func Render(kind Kind, to Address, brand Branding, server string, data map[string]any) (Message, error) {
	t, err := templates()
	if err != nil {
		return Message{}, err
	}
	from := brand.Product
	brand.Product = cmp.Or(brand.Product, "Espalier")
	if !color.MatchString(brand.Accent) {
		brand.Accent = "#1f6feb"
	}
	p := page{Brand: brand, To: to, Server: server, Data: data}
	var text bytes.Buffer
	if err := t.text.ExecuteTemplate(&text, string(kind)+".txt", p); err != nil {
		return Message{}, err
	}
	subject, body, ok := strings.Cut(text.String(), "\n")
	if !ok || strings.TrimSpace(subject) == "" {
		return Message{}, fmt.Errorf("mail %s: the template has no subject", kind)
	}
	p.Subject = oneLine(subject)
	var html bytes.Buffer
	if err := renderHTML(&html, t.html, kind, p); err != nil {
		return Message{}, err
	}
	var foot bytes.Buffer
	if err := t.text.ExecuteTemplate(&foot, "foot.txt", p); err != nil {
		return Message{}, err
	}
	return Message{FromName: from, Subject: p.Subject, Text: strings.TrimSpace(body) + "\n\n" + strings.TrimSpace(foot.String()) + "\n", HTML: html.String()}, nil
}

// renderHTML puts the kind's own template where the frame wants its content.
func renderHTML(w io.Writer, all *htmltemplate.Template, kind Kind, p page) error {
	one, err := all.Clone()
	if err != nil {
		return err
	}
	content := one.Lookup(string(kind) + ".html")
	if content == nil {
		return fmt.Errorf("mail %s: there is no template", kind)
	}
	if _, err := one.AddParseTree("content", content.Tree); err != nil {
		return err
	}
	return one.ExecuteTemplate(w, "frame.html", p)
}

// oneLine keeps names with line breaks from writing headers.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}
