package message_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"espalier.dev/policylang/message"
)

const anchor = ` target="_blank" rel="noopener noreferrer nofollow">`

func TestHTML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"structure", "# A *b*\n\n- x\n- y\n", "<h1>A <em>b</em></h1>\n<ul>\n<li>x</li>\n<li>y</li>\n</ul>\n"},
		{"a table", "|a|b|\n|:-|-:|\n|1|2|\n", "<table>\n<thead>\n<tr>\n<th align=\"left\">a</th>\n<th align=\"right\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"left\">1</td>\n<td align=\"right\">2</td>\n</tr>\n</tbody>\n</table>\n"},
		{"a link", `[b](https://x.example.com/?a=1&b=2 "t")`, `<p><a href="https://x.example.com/?a=1&amp;b=2" title="t"` + anchor + "b</a></p>\n"},
		{"a bare link", "see https://x.example.com/a", `<p>see <a href="https://x.example.com/a"` + anchor + "https://x.example.com/a</a></p>\n"},
		{"links in sentences", "(see https://x.example.com/a_(b)). https://y.example.com*, xhttps://z", `<p>(see <a href="https://x.example.com/a_(b)"` + anchor + `https://x.example.com/a_(b)</a>). <a href="https://y.example.com"` + anchor + "https://y.example.com</a>*, xhttps://z</p>\n"},
		{"a table below a line", "above\n a \\| b | c\n--|:-:\n1\n2|3|4\n", "<p>above</p>\n<table>\n<thead>\n<tr>\n<th>a | b</th>\n<th align=\"center\">c</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n</tr>\n<tr>\n<td>2</td>\n<td align=\"center\">3</td>\n</tr>\n</tbody>\n</table>\n"},
		{"no table", "a|b\n-\n", "<h2>a|b</h2>\n"},
		{"an address", "<me@example.com>", `<p><a href="mailto:me@example.com"` + anchor + "me@example.com</a></p>\n"},
		{"a script for an address", "[x](javascript:alert(1)) [y](JaVaScRiPt:1) [z](data:text/html;x) [p](/own/page) [q](//host/x)", "<p>x y z p q</p>\n"},
		{"an image", "![pic](https://x.example.com/p.png)", `<p><a href="https://x.example.com/p.png"` + anchor + "pic</a></p>\n"},
		{"an element", "a <b onclick=x>b</b> c<br/>d", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt; c<br>\nd</p>\n"},
		{"a block of HTML", "<div>\n<script>x</script>\n</div>\n", "<p>&lt;div&gt;\n&lt;script&gt;x&lt;/script&gt;\n&lt;/div&gt;</p>\n"},
		{"code", "```sh\n<x>\n```\n", "<pre><code class=\"language-sh\">&lt;x&gt;\n</code></pre>\n"},
		{"a quote in an address", `[x](https://x.example.com/"onclick="y)`, `<p><a href="https://x.example.com/%22onclick=%22y"` + anchor + "x</a></p>\n"},
		{"control characters", "a\x00b\x1bc\xff", "<p>abc\ufffd</p>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := message.HTML(c.in); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"marks", "# A *b* `c*`", "A b c*"},
		{"escapes", `\*a\* &lt;b&gt; &#65;`, "*a* <b> A"},
		{"lists", "- x\n- y\n  1. z\n  2. w\n\nend", "- x\n- y\n  1. z\n  2. w\n\nend"},
		{"a loose list", "- x\n\n- y", "- x\n\n- y"},
		{"links", "[a](https://x.example.com) https://y.example.com [b](javascript:1)", "a (https://x.example.com) https://y.example.com b"},
		{"a table", "|a|b|\n|-|-|\n|1|[2](https://x.example.com)|", "a | b\n1 | 2 (https://x.example.com)"},
		{"quotes and code", "> said\n\n    code\n", "> said\n\n  code"},
		{"lines", "one\ntwo<br>three", "one\ntwo\nthree"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := message.Text(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestHostileMarkdown: no text takes long. Some of these took the library a minute.
func TestHostileMarkdown(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{
		"[a](", "[a]: x\n", "[", "](", "![a](", "[a](<b> 'c ", "[a][b] ", "[[a]: x\n]", "*a_ ", "*a_ *a_ *a_ *a_\n", "***a** ", "**a*", "_a* *", "> ", "- ", "* a\n ",
		"1. a\n\n", "<a b='", "<!--", "<?", "<div>\n\n", "`", "``a`", "```\n", "|", "|-|\n", "|a|\n|-|\n", "&#", "\\", "https://x ", " http://x((", "https://x)",
	} {
		in := strings.Repeat(unit, 256<<10/len(unit))
		start := time.Now()
		message.HTML(in)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%q: it took %s", unit, took)
		}
	}
}

// allowed are the elements of what HTML makes, and their attributes.
var allowed = map[string][]string{
	"html": nil, "head": nil, "body": nil, "p": nil, "h1": nil, "h2": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil, "em": nil, "strong": nil,
	"ul": nil, "ol": {"start"}, "li": nil, "blockquote": nil, "pre": nil, "code": {"class"}, "hr": nil, "br": nil,
	"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": {"align"}, "td": {"align"}, "a": {"href", "title", "target", "rel"},
}

func safe(t testing.TB, page string) {
	tree, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attributes, known := allowed[n.Data]
		if !known {
			t.Errorf("the page has an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if !slices.Contains(attributes, a.Key) {
				t.Errorf("%s has an attribute %s", n.Data, a.Key)
			}
			if a.Key == "href" && !strings.HasPrefix(a.Val, "http://") && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "mailto:") {
				t.Errorf("a link leads to %q", a.Val)
			}
		}
	}
}

// FuzzMessage: a text template never panics and ends; of what it prints only safe HTML is made.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		"{{ len data }} in {{ rs_project_name }}", `{{ range $i, $r := data }}{{ printf "%5.2f|%*d|%q" .price 7 .n .id }}{{ end }}`,
		`{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`, "{{ range 1000000000 }}{{ end }}", "[a](javascript:x) <img src=x onerror=y> ![](http://x)",
		"|a|\n|-|\n|{{ data }}|", `{{ slice "abc" 1 2 | html | js | urlquery | println }}`, "{{ eq data.x 1.5 nil }}{{ lt 1 (index data 0).big }}", "<http://a\x00\"b>", "[x]: <y> 'z'\n[x]",
	} {
		f.Add(s)
	}
	d := data(f)
	f.Fuzz(func(t *testing.T, text string) {
		safe(t, message.HTML(text))
		message.Text(text)
		parsed, err := message.Parse(text)
		if err != nil {
			return
		}
		limits := message.Limits{Steps: 2000, Bytes: 20_000, Time: time.Second}
		got, err := parsed.Execute(t.Context(), d, limits)
		again, failed := parsed.Execute(t.Context(), d, limits)
		if got != again || (err == nil) != (failed == nil) {
			t.Errorf("got %q, %v, and then %q, %v", got, err, again, failed)
		}
		if err == nil {
			safe(t, message.HTML(got))
		}
	})
}
