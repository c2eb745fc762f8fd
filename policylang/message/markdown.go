package message

import (
	"bytes"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxMarkdown is how many bytes are read as Markdown. A longer text, or one that nests deeper than people write, is shown
// as it is: reading it could take long.
const maxMarkdown = 512 << 10

// markdown reads Markdown with tables and bare links. It keeps nothing between two texts.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithParser(bounded()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(safe{}, 100))),
	)
})

// HTML makes HTML of Markdown. Whatever the text is, it holds only elements that structure text, and links to http, https
// and mailto that open elsewhere: HTML in the text is shown as it was written, but for br, and an image becomes a link.
func HTML(md string) (page string) {
	md = valid(md)
	asItIs := "<pre>" + html.EscapeString(md) + "</pre>\n"
	if !readable(md) {
		return asItIs
	}
	defer func() {
		if recover() != nil { // a reader of texts from anywhere may meet one that its authors did not foresee
			page = asItIs
		}
	}()
	var out bytes.Buffer
	if err := markdown().Convert([]byte(md), &out); err != nil {
		return asItIs
	}
	return out.String()
}

// Text makes plain text of Markdown: what a reader of the HTML sees, links with their addresses behind them.
func Text(md string) (plain string) {
	md = valid(md)
	if !readable(md) {
		return md
	}
	defer func() {
		if recover() != nil {
			plain = md
		}
	}()
	source := []byte(md)
	p := &plainText{source: source}
	p.blocks(markdown().Parser().Parse(text.NewReader(source)), "")
	return strings.TrimSpace(p.out.String())
}

// valid is a text without what no document may hold.
func valid(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// readable reports whether a text can be read as Markdown in reasonable time: a long one, or one that nests
// hundreds of levels, is not from people.
func readable(md string) bool {
	if len(md) > maxMarkdown {
		return false
	}
	return !slices.ContainsFunc(strings.Split(md, "\n"), func(line string) bool {
		indent := len(line) - len(strings.TrimLeft(line, " \t>*+-0123456789.)"))
		return indent > 200
	})
}

// Link is the address if a reader may follow it from anywhere: a complete one of http, https or mailto. Else it is empty.
func Link(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme == "mailto" && u.Opaque == "" || u.Scheme != "mailto" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return ""
	}
	return u.String()
}

// safe renders what could lead somewhere or hold HTML. The library renders the rest.
type safe struct{}

// RegisterFuncs says which nodes this renders.
func (r safe) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindRawHTML, r.rawHTML)
	reg.Register(ast.KindHTMLBlock, r.htmlBlock)
	reg.Register(ast.KindLink, r.link)
	reg.Register(ast.KindImage, r.image)
	reg.Register(ast.KindAutoLink, r.autoLink)
	reg.Register(tables.KindTable, r.table)
	reg.Register(tables.KindTableHeader, r.tableHeader)
	reg.Register(tables.KindTableRow, r.tableRow)
	reg.Register(tables.KindTableCell, r.tableCell)
}

func (safe) rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkSkipChildren, nil
	}
	raw := string(n.(*ast.RawHTML).Segments.Value(source))
	if lineBreak(raw) {
		_, err := w.WriteString("<br>\n")
		return ast.WalkSkipChildren, err
	}
	_, err := w.WriteString(html.EscapeString(raw))
	return ast.WalkSkipChildren, err
}

func lineBreak(raw string) bool {
	return slices.Contains([]string{"<br>", "<br/>", "<br />"}, strings.ToLower(raw))
}

func (safe) htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, err := w.WriteString("</p>\n")
		return ast.WalkContinue, err
	}
	block := n.(*ast.HTMLBlock)
	_, err := w.WriteString("<p>" + html.EscapeString(strings.TrimRight(blockText(block, source), "\n")))
	return ast.WalkContinue, err
}

func blockText(b *ast.HTMLBlock, source []byte) string {
	raw := string(b.Lines().Value(source))
	if b.HasClosure() {
		raw += string(b.ClosureLine.Value(source))
	}
	return raw
}

// open begins a link, if the address is one to follow.
func open(w util.BufWriter, address, title string) error {
	to := Link(address)
	if to == "" {
		return nil
	}
	if title != "" {
		title = ` title="` + html.EscapeString(title) + `"`
	}
	_, err := w.WriteString(`<a href="` + html.EscapeString(to) + `"` + title + ` target="_blank" rel="noopener noreferrer nofollow">`)
	return err
}

func shut(w util.BufWriter, address string) error {
	if Link(address) == "" {
		return nil
	}
	_, err := w.WriteString("</a>")
	return err
}

func (safe) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	l := n.(*ast.Link)
	if !entering {
		return ast.WalkContinue, shut(w, string(l.Destination))
	}
	return ast.WalkContinue, open(w, string(l.Destination), string(l.Title))
}

// image makes a link: to fetch a picture would tell its server who reads the incident.
func (safe) image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	i := n.(*ast.Image)
	if !entering {
		return ast.WalkContinue, shut(w, string(i.Destination))
	}
	return ast.WalkContinue, open(w, string(i.Destination), string(i.Title))
}

func (safe) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	l := n.(*ast.AutoLink)
	address := autoAddress(l, source)
	if err := open(w, address, ""); err != nil {
		return ast.WalkStop, err
	}
	if _, err := w.WriteString(html.EscapeString(string(l.Label(source)))); err != nil {
		return ast.WalkStop, err
	}
	return ast.WalkContinue, shut(w, address)
}

func autoAddress(l *ast.AutoLink, source []byte) string {
	address := string(l.URL(source))
	if l.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
		address = "mailto:" + address
	}
	return address
}
