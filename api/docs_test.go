package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"espalier.dev/contract"
)

// loads finds what a style sheet fetches.
var loads = regexp.MustCompile(`(?:url\(|@import)\s*["']?([^"')\s]+)`)

func TestDocsListAllDocuments(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text(""), Documents: shown})
	if a := s.get(t, "/docs/"); a.header.Get("Location") != "/docs/msp" {
		t.Errorf("/docs/ leads to %q, want the first document", a.header.Get("Location"))
	}
	for name, title := range map[string]string{"msp": "MSP Customer API", "token": "Token API"} {
		page := parse(t, s.get(t, "/docs/"+name).body)
		var titles []string
		current := ""
		for n := range page.Descendants() {
			if n.Type == html.ElementNode && n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/docs/") && attr(n, "class") == "" {
				titles = append(titles, n.FirstChild.Data)
				if attr(n, "aria-current") == "page" {
					current = n.FirstChild.Data
				}
			}
		}
		if got := strings.Join(titles, ", "); got != "MSP Customer API, Token API" || current != title {
			t.Errorf("/docs/%s lists %q with %q shown, want both documents and %q", name, got, current, title)
		}
		want, err := contract.Document(name)
		if err != nil {
			t.Fatal(err)
		}
		document := s.get(t, "/docs/"+name+".openapi.json")
		if document.status != 200 || document.body != string(want) {
			t.Errorf("document %s: got %d and %d bytes, want all %d", name, document.status, len(document.body), len(want))
		}
	}
	if a := s.get(t, "/docs/iam.openapi.json"); a.status != 404 {
		t.Errorf("a document that is not served: got %d, want 404", a.status)
	}
}

// Whatever a page or a style sheet loads comes from this server and is there, and no script or style stands inline, so
// that the strict policy holds. What a script might fetch is bounded by that policy: connect-src 'self'.
func TestDocsLoadNothingFromOutside(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text(""), Documents: shown})
	a := s.get(t, "/docs/msp")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"} {
		if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
			t.Errorf("policy %q lacks %s", csp, want)
		}
	}
	checkPage(t, s, "/docs/msp", a.body)
	if js := s.get(t, "/docs/assets/init.js").body; regexp.MustCompile(`https?://`).MatchString(js) {
		t.Errorf("init.js names another server:\n%s", js)
	}
}

func TestUninitialized(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: Uninitialized(`espalier init --org "A <b>"`)})
	page := s.get(t, "/")
	if page.status != 503 || !strings.Contains(page.body, "espalier init --org &#34;A &lt;b&gt;&#34;") {
		t.Errorf("page: got %d %s", page.status, page.body)
	}
	checkPage(t, s, "/", page.body)
	if a := s.get(t, "/console", "Accept", "text/html,*/*"); a.status != 503 || a.body != page.body {
		t.Errorf("a browser elsewhere: got %d, want the page", a.status)
	}
	a := s.get(t, "/msp/v2/orgs/1/customers")
	want := `{"fault":false,"id":"uninitialized","message":"this server has no organization yet: its operator has to run espalier init --org \"A \u003cb\u003e\"","name":"bad_gateway","temporary":true,"timeout":false}`
	if a.status != 502 || a.body != want || a.header.Get("Content-Type") != "application/vnd.goa.error" {
		t.Errorf("a program: got %d %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
}

func TestDocsPackedAndCached(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text(""), Documents: shown})
	const path = "/docs/assets/swagger-ui.css"
	plain := s.get(t, path)
	zipped := s.get(t, path, "Accept-Encoding", "br, gzip")
	r, err := gzip.NewReader(strings.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(r); err != nil || string(unpacked) != plain.body {
		t.Errorf("the packed file differs from the plain one: %v", err)
	}
	if a := s.get(t, path, "If-None-Match", plain.header.Get("ETag")); a.status != http.StatusNotModified {
		t.Errorf("asked again with its ETag: got %d, want 304", a.status)
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"", false}, {"gzip", true}, {"br, gzip", true}, {"GZIP;q=0.5", true}, {"gzip; q=1", true}, {"gzip;q=0", false}, {"gzip; q=0.000", false}, {"br", false},
	} {
		if got := acceptsGzip(http.Header{"Accept-Encoding": {tt.in}}); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.in, got, tt.want)
		}
	}
}

// checkPage follows what the page and its style sheets load.
func checkPage(t *testing.T, s *running, path, body string) {
	t.Helper()
	for n := range parse(t, body).Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("%s: <%s %s> stands inline", path, n.Data, a.Key)
			}
		}
		switch n.Data {
		case "script", "img":
			checkLoad(t, s, path, attr(n, "src"))
		case "link":
			checkLoad(t, s, path, attr(n, "href"))
		case "style", "iframe", "object", "base":
			t.Errorf("%s has a <%s>", path, n.Data)
		}
	}
}

func checkLoad(t *testing.T, s *running, from, path string) {
	t.Helper()
	if strings.HasPrefix(path, "data:") {
		return
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		t.Errorf("%s loads %q, which is not of this server", from, path)
		return
	}
	a := s.get(t, path)
	if a.status != http.StatusOK {
		t.Errorf("%s loads %s: got %d", from, path, a.status)
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		for _, load := range loads.FindAllStringSubmatch(a.body, -1) {
			checkLoad(t, s, path, load[1])
		}
	}
}

func parse(t *testing.T, body string) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
