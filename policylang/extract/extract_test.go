package extract_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func paths() *extract.Paths {
	return extract.NewPaths(clock, value.Limits{Memory: 16 << 20, Steps: 1 << 21})
}

func decode(t testing.TB, e extract.Encoding, body string) value.Value {
	t.Helper()
	v, err := extract.Decode(e, []byte(body), "", value.Limits{})
	if err != nil {
		t.Fatalf("Decode(%s, %.100s): %v", e, body, err)
	}
	return v
}

func wantJSON(t *testing.T, what string, got value.Value, err error, want string) {
	t.Helper()
	if err != nil || string(value.Encode(got)) != want {
		t.Errorf("%s: got %s, %v, want %s", what, value.Encode(got), err, want)
	}
}

func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want an error with %q", what, err, want)
	}
}

func wantLimit(t *testing.T, what string, err error, limit string) {
	t.Helper()
	if e, ok := errors.AsType[*value.LimitError](err); !ok || e.Limit != limit {
		t.Errorf("%s: got %v, want the limit of %s", what, err, limit)
	}
}

func TestDecodeByEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		encoding    extract.Encoding
		body        string
		contentType string
		want        string
	}{
		{"json", extract.JSON, `{"b":1.10,"a":12345678901234567890}`, "", `{"b":1.10,"a":12345678901234567890}`},
		{"none is json", "", `[1]`, "text/plain", `[1]`},
		{"json, empty", extract.JSON, " \n", "", `null`},
		{"xml, empty", extract.XML, "", "", `null`},
		{"text, empty", extract.Text, "", "", `""`},
		{"text", extract.Text, "a\xffb", "", "\"a\ufffdb\""},
		{"text, Latin-1", extract.Text, "gr\xfc\xdfe", "text/plain; charset=ISO-8859-1", `"grüße"`},
		{"text, UTF-16", extract.Text, "\xff\xfea\x00\xfc\x00", "text/plain", `"aü"`},
		{"json, byte-order mark", extract.JSON, "\xef\xbb\xbf{}", "", `{}`},
		{"xml, Latin-1 declared inside", extract.XML, "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>", "", `"ü"`},
		{"xml, Latin-1 declared outside", extract.XML, "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>", "text/xml; charset=latin1", `"ü"`},
		{"xml, the outside wins", extract.XML, "<?xml version='1.0' encoding='ISO-8859-1'?><a>ü</a>", "text/xml; charset=utf-8", `"ü"`},
		{"csv", extract.CSV, "name,size\n\"a, b\",1\nc\n\nd,2,\n", "", `[{"name":"a, b","size":"1"},{"name":"c","size":null},{"name":"d","size":"2"}]`},
		{"csv, no rows", extract.CSV, "name,size\n", "", `[]`},
		{"csv, quote inside", extract.CSV, "name\na\"b\n", "", `[{"name":"a\"b"}]`},
		{"broken content type", extract.Text, "a", "text/plain; charset", `"a"`},
	} {
		got, err := extract.Decode(c.encoding, []byte(c.body), c.contentType, value.Limits{})
		wantJSON(t, c.name, got, err, c.want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	bomb := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;">]><lolz>&lol1;</lolz>`
	for _, c := range []struct {
		encoding extract.Encoding
		body     string
		want     string
	}{
		{extract.JSON, "<html>", "JSON, line 1"},
		{extract.XML, bomb, "line 1: the document defines entities of its own"},
		{extract.XML, `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>&x;</a>`, "invalid character entity &x;: only the five"},
		{extract.XML, `<a><b></a>`, "the end of a, but that of b should be here"},
		{extract.XML, "<a>\n<b>", "line 2: it ends within the element b"},
		{extract.XML, `<a/><b/>`, "a second element"},
		{extract.XML, `<a/>text`, "text outside"},
		{extract.XML, `{"a":1}`, "text outside"},
		{extract.XML, `<!-- nothing -->`, "no element in it"},
		{extract.XML, `<a b=c/>`, "XML, line 1"},
		{extract.XML, "<?xml version='1.0' encoding='klingon'?><a/>", `"klingon"`},
		{extract.CSV, "a,b\n1,2,3\n", "line 2: the row has 3 cells, but the first row names 2 columns"},
		{"yaml", "a: b", `no encoding "yaml"`},
	} {
		_, err := extract.Decode(c.encoding, []byte(c.body), "", value.Limits{})
		wantError(t, c.body, err, c.want)
	}
	_, err := extract.Decode(extract.Text, []byte("a"), "text/plain; charset=klingon", value.Limits{})
	wantError(t, "charset", err, `"klingon", which is not known`)
	limits := value.Limits{Memory: 1 << 20, Depth: 100}
	for _, c := range []struct {
		encoding extract.Encoding
		body     string
		limit    string
	}{
		{extract.XML, strings.Repeat("<a>", 1<<20), "depth"},
		{extract.XML, "<a>" + strings.Repeat("<b/>", 1<<16) + "</a>", "memory"},
		{extract.XML, "<a " + strings.Repeat("b='c' ", 1<<16) + "/>", "memory"},
		{extract.XML, "<a>" + strings.Repeat("x<!---->", 1<<16) + "</a>", "memory"},
		{extract.XML, "<a>" + strings.Repeat("x", 2<<20) + "</a>", "memory"},
		{extract.CSV, strings.Repeat("a,", 1<<10) + "\n" + strings.Repeat("x\n", 1<<10), "memory"},
		{extract.JSON, strings.Repeat("[", 1<<20), "depth"},
	} {
		_, err := extract.Decode(c.encoding, []byte(c.body), "", limits)
		wantLimit(t, fmt.Sprintf("%s %.20s", c.encoding, c.body), err, c.limit)
	}
}

const zones = `<?xml version="1.0" encoding="UTF-8"?>
<!-- comment -->
<r:Response xmlns:r="urn:r" xmlns="urn:d">
  <zones>
    <item state="open" r:rank="1"><name>one</name><tags><tag>a</tag><tag>b</tag></tags></item>
    <item state="shut"><name><![CDATA[<two>]]> &amp; more</name><empty/></item>
    <r:item><r:name>three</r:name></r:item>
  </zones>
</r:Response>`

func TestXPath(t *testing.T) {
	t.Parallel()
	doc := decode(t, extract.XML, zones)
	p, ctx := paths(), t.Context()
	items, err := p.XPath(ctx, doc, "//Response/zones/item", extract.Array)
	if err != nil || len(items.([]value.Value)) != 3 {
		t.Fatalf("items: got %v, %v, want 3 nodes", items, err)
	}
	second := items.([]value.Value)[1]
	for _, c := range []struct {
		at         value.Value
		expression string
		mode       extract.Mode
		want       string
	}{
		{doc, "//item/name", extract.Simple, `"one"`},
		{doc, "//item/name", extract.Array, `["one","<two> & more","three"]`},
		{doc, "/Response/zones/item[*]/@state", extract.Array, `["open","shut"]`},
		{doc, "//item/@rank", extract.Simple, `"1"`},
		{doc, "//tag", extract.Array, `["a","b"]`},
		{doc, "//item[@state='shut']/name", extract.Simple, `"<two> & more"`},
		{doc, "//item[2]/empty", extract.Simple, `""`},
		{doc, "//absent", extract.Simple, `null`},
		{doc, "//absent", extract.Array, `[]`},
		{doc, "//item[tags]/tags", extract.Simple, `"ab"`},
		{doc, "//r:item/r:name", extract.Array, `["three"]`},
		{doc, "//item[name='one']/name/text()", extract.Simple, `"one"`},
		{doc, "count(//item)", extract.Simple, `3`},
		{doc, "string(//name)", extract.Simple, `"one"`},
		{doc, "//item = 'x'", extract.Simple, `false`},
		{doc, "number('x')", extract.Simple, `null`},
		{second, "name", extract.Simple, `"<two> & more"`},
		{second, "name", extract.Array, `["<two> & more"]`},
		{second, "@state", extract.Simple, `"shut"`},
		{second, ".", extract.Simple, `"<two> & more"`},
		{second, "../item/name", extract.Simple, `"one"`},
		{second, "//tag", extract.Array, `["a","b"]`},
		{items, "name", extract.Array, `["one","<two> & more","three"]`},
		{items, "tags/tag", extract.Simple, `"a"`},
		{nil, "name", extract.Simple, `null`},
		{nil, "name", extract.Array, `[]`},
		{"<a><b>c</b></a>", "/a/b", extract.Simple, `"c"`},
		{"plain", ".", extract.Simple, `"plain"`},
		{"plain", "name", extract.Simple, `null`},
	} {
		got, err := p.XPath(ctx, c.at, c.expression, c.mode)
		wantJSON(t, c.expression, got, err, c.want)
	}
	_, err = p.XPath(ctx, value.Int(1), "a", extract.Simple)
	wantError(t, "of a number", err, "looks into XML, not into a number")
	_, err = p.XPath(ctx, doc, "//[", extract.Simple)
	wantError(t, "broken", err, "the XPath can't be read")
}

func TestNodeMember(t *testing.T) {
	t.Parallel()
	doc := decode(t, extract.XML, `<a id="7"><b>x</b><b>y</b></a>`).(*extract.Node)
	for name, want := range map[string]string{"b": `"x"`, "id": `"7"`, "c": "null"} {
		wantJSON(t, name, doc.Member(name), nil, want)
	}
}

func TestXPathOverLongLists(t *testing.T) {
	t.Parallel()
	doc := decode(t, extract.XML, "<a>"+strings.Repeat("<b><c>1</c></b>", 5_000)+"</a>")
	for _, expression := range []string{"//b", "/a/b", "//a/b/c", "//b[c]"} {
		got, err := paths().XPath(t.Context(), doc, expression, extract.Array)
		if err != nil || len(got.([]value.Value)) != 5_000 {
			t.Errorf("%s: got %v, want 5,000 nodes", expression, err)
		}
	}
	_, err := paths().XPath(t.Context(), doc, "//b[count(//b) > 1]", extract.Array)
	wantLimit(t, "quadratic", err, "steps")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped from outside")
	cancel(stop)
	p := paths()
	if _, err := p.XPath(ctx, doc, "//b", extract.Array); !errors.Is(err, stop) {
		t.Errorf("cancelled: got %v, want %v", err, stop)
	}
	if got, err := p.XPath(t.Context(), doc, "//b", extract.Array); err != nil || len(got.([]value.Value)) != 5_000 {
		t.Errorf("after a cancelled one: got %v", err)
	}
}

func TestJQ(t *testing.T) {
	t.Parallel()
	v := decode(t, extract.JSON, `{"items":[{"z":1.10,"a":12345678901234567890},{"z":2,"a":null}],"name":"x","next":"p?skip=a%3Db"}`)
	p, ctx := paths(), t.Context()
	for _, c := range []struct {
		program, marker string
		mode            extract.Mode
		want            string
	}{
		{".", "", extract.Simple, string(value.Encode(v))},
		{".name", "", extract.Simple, `"x"`},
		{".name", "", extract.Array, `["x"]`},
		{".absent.member", "", extract.Simple, `null`},
		{".items[]", "", extract.Simple, `{"z":1.10,"a":12345678901234567890}`},
		{".items[]", "", extract.Array, `[{"z":1.10,"a":12345678901234567890},{"z":2,"a":null}]`},
		{".items", "", extract.Simple, `[{"z":1.10,"a":12345678901234567890},{"z":2,"a":null}]`},
		{".items[:1]", "", extract.Simple, `[{"z":1.10,"a":12345678901234567890}]`},
		{".items[] | select(.a == null)", "", extract.Simple, `{"z":2,"a":null}`},
		{".items[] | {z, b: .a}", "", extract.Array, `[{"b":12345678901234567890,"z":1.10},{"b":null,"z":2}]`},
		{"[.items[].z] | add", "", extract.Simple, `3.1`},
		{".items[] | .a // empty", "", extract.Array, `[12345678901234567890]`},
		{"empty", "", extract.Simple, `null`},
		{"empty", "", extract.Array, `[]`},
		{`if $marker == "" then "first" else $marker | tonumber + 1 end`, "", extract.Simple, `"first"`},
		{`if $marker == "" then "first" else $marker | tonumber + 1 end`, "41", extract.Simple, `42`},
		{`.next | split("skip=") | .[1] | sub("%3D"; "="; "g")`, "", extract.Simple, `"a=b"`},
		{"now | todate", "", extract.Simple, `"2026-01-02T03:04:05Z"`},
		{"def now: 1; now", "", extract.Simple, `1`},
		{"repeat(1)", "", extract.Simple, `1`},
		{"1, halt, 2", "", extract.Array, `[1]`},
		{"nan", "", extract.Simple, `null`},
		{"9007199254740993 * 9007199254740993", "", extract.Simple, `81129638414606699710187514626049`},
		{"$ENV, env", "", extract.Array, `[{},{}]`},
		{"try error(\"x\") catch .", "", extract.Simple, `"x"`},
	} {
		got, err := p.JQ(ctx, v, c.program, c.marker, c.mode)
		wantJSON(t, c.program, got, err, c.want)
	}
	for program, want := range map[string]string{
		".[":                     "the jq program can't be read",
		"foo":                    "the jq program can't be read",
		"input":                  "the jq program can't be read",
		`import "a" as a; .`:     "the jq program can't be read",
		".name.first":            "the jq program fails: expected an object",
		`error("no")`:            "the jq program fails",
		"halt_error":             "the jq program fails",
		"1, error(\"second\")":   "second",
		"[splits(\"(?=a)\"; 1)]": "the jq program fails",
	} {
		_, err := p.JQ(ctx, v, program, "", extract.Array)
		wantError(t, program, err, want)
	}
}

func TestJQStops(t *testing.T) {
	t.Parallel()
	p := paths()
	for name, c := range map[string]struct{ program, limit string }{
		"endless loop":    {"def f: f; f", "steps"},
		"endless numbers": {"last(range(1e18))", "steps"},
		"many outputs":    {"range(1e9)", "memory"},
		"long texts":      {`repeat("` + strings.Repeat("x", 1<<16) + `")`, "memory"},
		"doubled parts":   {"reduce range(64) as $i (1; [., .])", "memory"},
	} {
		_, err := p.JQ(t.Context(), nil, c.program, "", extract.Array)
		wantLimit(t, name, err, c.limit)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := extract.NewPaths(clock, value.Limits{}).JQ(ctx, nil, "def f: f; f", "", extract.Simple); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("past its deadline: got %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("past its deadline: took %v", took)
	}
}

func TestJMESPath(t *testing.T) {
	t.Parallel()
	p := paths()
	got, err := p.JMESPath(decode(t, extract.JSON, `{"b":[{"c":1.10}]}`), "b[*].c")
	wantJSON(t, "b[*].c", got, err, "[1.10]")
	_, err = p.JMESPath(nil, "a[")
	wantError(t, "a[", err, "the JMESPath can't be read: the end in brackets")
}

func TestExpressionsOfData(t *testing.T) {
	t.Parallel()
	p := paths()
	for i := range 12_000 { // more than are kept
		if _, err := p.JMESPath(nil, fmt.Sprintf("a%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	key := strings.Repeat("k", 10<<20)
	v := decode(t, extract.JSON, `{"`+key+`": 1}`)
	got, err := p.JMESPath(v, `"`+key+`"`)
	wantJSON(t, "a key of 10 MB", got, err, "1")
	got, err = p.JQ(t.Context(), v, "keys[0] | length", "", extract.Simple)
	wantJSON(t, "a key of 10 MB", got, err, "10485760")
}

func TestPathsAreShared(t *testing.T) {
	t.Parallel()
	p, doc, v := paths(), decode(t, extract.XML, zones), decode(t, extract.JSON, `{"a":[{"b":1.50},{"b":2}]}`)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				got, err := p.XPath(context.Background(), doc, "//item[name='one']/tags/tag", extract.Array)
				wantJSON(t, "xpath", got, err, `["a","b"]`)
				got, err = p.JQ(context.Background(), v, ".a[] | select(.b > 1.6)", "", extract.Array)
				wantJSON(t, "jq", got, err, `[{"b":2}]`)
				got, err = p.JMESPath(v, "a[?b < `2`].b")
				wantJSON(t, "jmes_path", got, err, `[1.50]`)
			}
		})
	}
	wait.Wait()
}

func TestRegexp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, flags, text string
		want                 bool
	}{
		{"^b$", "", "a\nb\nc", true},
		{"a.b", "", "a\nb", false},
		{"a.b", "m", "a\nb", true},
		{"AB", "i", "ab", true},
		{"AB", "", "ab", false},
		{`a\/b`, "", "a/b", true},
		{`b\Z`, "", "ab", true},
		{`b\Z`, "", "b\na", false},
		{`a\\/b`, "", `a\/b`, true},
		{`\\Z`, "", `\Z`, true},
	} {
		re, err := extract.Regexp(&syntax.Regexp{Pattern: c.pattern, Flags: c.flags})
		if err != nil || re.MatchString(c.text) != c.want {
			t.Errorf("/%s/%s on %q: got %v, %v, want %v", c.pattern, c.flags, c.text, !c.want, err, c.want)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]extract.Mode{"simple_element": extract.Simple, "array": extract.Array} {
		if got, err := extract.ParseMode(text); err != nil || got != want {
			t.Errorf("ParseMode(%q): got %v, %v", text, got, err)
		}
	}
	_, err := extract.ParseMode("list")
	wantError(t, "list", err, `"list" is no mode`)
}

// FuzzXML reads bytes as XML and looks through them: never a panic, and what a document settles to can be encoded.
func FuzzXML(f *testing.F) {
	for _, s := range []string{zones, "<a b='c'>&lt;<![CDATA[x]]></a>", "<a><b/><a/></a>", "<!DOCTYPE a []><a/>"} {
		f.Add([]byte(s), "//item/@state | //b[. = 'x']/..")
	}
	p := extract.NewPaths(clock, value.Limits{})
	f.Fuzz(func(t *testing.T, body []byte, expression string) {
		v, err := extract.Decode(extract.XML, body, "", value.Limits{Depth: 50, Memory: 1 << 20})
		if err != nil || v == nil {
			return
		}
		if _, err := value.Decode(value.Encode(v)); err != nil {
			t.Fatalf("%q settles to what is no JSON: %v", body, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		found, err := p.XPath(ctx, v, expression, extract.Array)
		if err == nil {
			value.Encode(found)
		}
	})
}
