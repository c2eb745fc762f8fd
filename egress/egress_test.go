package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2002:808:808::1": true,
		"127.0.0.1": false, "127.8.9.10": false, "::1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "fc00::1": false,
		"168.63.129.16": false, "192.0.0.192": false, "224.0.0.1": false, "255.255.255.255": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:a9fe:a9fe": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false,
		"64:ff9b:1::a00:1": false, "2002:7f00:1::": false, "2002:a9fe:a9fe::": false, "2001:0:a00:1::": false, "fec0::1": false,
		"2001:db8::1": false, "198.18.0.1": false, "240.0.0.1": false, "203.0.113.9": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("public(%s): got %v, want %v", address, got, want)
		}
	}
}

func get(t *testing.T, g *Guard, target string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := g.Client().Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func guard(t *testing.T, cfg Config) *Guard {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func parse(t *testing.T, text string) Map {
	t.Helper()
	m, err := ParseMap([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// inner is a server of this machine that nothing may reach; it counts what reaches it.
func inner(t *testing.T) (*httptest.Server, *int) {
	t.Helper()
	reached := new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*reached++
		io.WriteString(w, "inner "+r.Host+" "+r.URL.RequestURI())
	}))
	t.Cleanup(s.Close)
	return s, reached
}

func TestWhatIsRefused(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // never looked at
	s, reached := inner(t)
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	g := guard(t, Config{Plain: []string{"127.0.0.1", "localhost", "0x7f.1", "2130706433"}})
	for target, want := range map[string]string{
		s.URL:                                "special address",
		"http://localhost" + port:            "special address",
		"https://127.0.0.1" + port:           "special address",
		"https://[::1]" + port:               "special address",
		"https://[::ffff:127.0.0.1]" + port:  "special address",
		"https://[64:ff9b::7f00:1]" + port:   "special address",
		"https://169.254.169.254/latest":     "special address",
		"http://2130706433" + port:           "no form of ours",
		"http://0x7f.1" + port:               "no form of ours",
		"https://0177.0.0.1" + port:          "no form of ours",
		"https://127.1" + port:               "no form of ours",
		"http://example.com":                 "only https",
		"ftp://example.com":                  "only https",
		"https://ann:secret@example.com/x?y": "user or a password",
	} {
		_, err := get(t, g, target)
		refused, ok := errors.AsType[*Refused](err)
		if !ok || !strings.Contains(refused.Error(), want) {
			t.Errorf("%s: got %v, want refused: %s", target, err, want)
		}
		if err != nil && ok && strings.Contains(refused.Error(), "secret") {
			t.Errorf("%s: the refusal tells the secret: %v", target, refused)
		}
	}
	if *reached != 0 {
		t.Errorf("%d requests reached the inside, want none", *reached)
	}
}

func TestTheOperatorAllowsARange(t *testing.T) {
	t.Parallel()
	s, _ := inner(t)
	g := guard(t, Config{Plain: []string{"127.0.0.1"}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if got, err := get(t, g, s.URL+"/a?b=c"); err != nil || !strings.HasSuffix(got, "/a?b=c") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestARedirectLeadsNowhereInside(t *testing.T) {
	t.Parallel()
	s, reached := inner(t)
	var next string
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, next, http.StatusFound) }))
	t.Cleanup(outer.Close)
	g := guard(t, Config{Map: parse(t, "outer.example.com: "+outer.URL)})
	for _, next = range []string{s.URL, "https" + strings.TrimPrefix(s.URL, "http"), "http://outer.example.com@127.0.0.1/", "file:///etc/passwd"} {
		if _, err := get(t, g, "https://outer.example.com/"); err == nil {
			t.Errorf("redirect to %s: followed", next)
		}
	}
	next = "https://outer.example.com/again"
	_, err := get(t, g, "https://outer.example.com/")
	if refused, ok := errors.AsType[*Refused](err); !ok || !strings.Contains(refused.Why, "redirects") {
		t.Errorf("endless redirects: got %v", err)
	}
	if *reached != 0 {
		t.Errorf("%d requests reached the inside, want none", *reached)
	}
}

// A name server that answers with a public address first and one inside afterwards: what counts is where the connection goes.
func TestANameThatChangesItsAnswer(t *testing.T) {
	t.Parallel()
	_, reached := inner(t)
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server, [4]byte{127, 0, 0, 1})
		return client, nil
	}}
	g := guard(t, Config{Dialer: &net.Dialer{Resolver: resolver}})
	_, err := get(t, g, "https://rebound.example.com/")
	if refused, ok := errors.AsType[*Refused](err); !ok || refused.What != "127.0.0.1" {
		t.Errorf("got %v, want 127.0.0.1 refused", err)
	}
	if *reached != 0 {
		t.Errorf("%d requests reached the inside, want none", *reached)
	}
}

// answer speaks DNS over a stream, as a net.Pipe is taken for: two bytes of length, then the message.
func answer(c net.Conn, a [4]byte) {
	defer c.Close()
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		query := make([]byte, int(head[0])<<8|int(head[1]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(query) != nil {
			return
		}
		m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeSuccess, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}, Body: &dnsmessage.AResource{A: a}}}
		}
		out, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := c.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...)); err != nil {
			return
		}
	}
}

func TestTheMap(t *testing.T) {
	t.Parallel()
	s, _ := inner(t)
	g := guard(t, Config{Map: parse(t, `
api.example.com: `+s.URL+`
"*.example.com": `+s.URL+`/any/
"*.deep.example.com": `+s.URL+`/deep
`)})
	for target, want := range map[string]string{
		"https://api.example.com/a%2Fb?c=d": "inner api.example.com /a%2Fb?c=d",
		"https://API.example.com./x":        "inner API.example.com. /x",
		"https://other.example.com/x":       "inner other.example.com /any/x",
		"https://a.deep.example.com/%41%2F": "inner a.deep.example.com /deep/%41%2F",
		"http://api.example.com":            "inner api.example.com /",
	} {
		if got, err := get(t, g, target); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", target, got, err, want)
		}
	}
	if _, ok := g.m.base("example.com"); ok {
		t.Error("*.example.com stands for example.com")
	}
}

func TestWrongMaps(t *testing.T) {
	t.Parallel()
	_, err := ParseMap([]byte("a.example.com: ftp://x\nb c: https://x\nc.example.com: 12\nd.example.com: https://u:p@x\ne.example.com: https://x?y\n'*.': https://x\n"))
	for _, host := range []string{"a.example.com", "b c", "c.example.com", "d.example.com", "e.example.com", "*."} {
		if err == nil || !strings.Contains(err.Error(), "egress map: "+host) {
			t.Errorf("the error does not name %s: %v", host, err)
		}
	}
	if _, err := ParseMap([]byte("- a")); err == nil {
		t.Error("a list is taken")
	}
	if _, err := ParseMap(nil); err != nil {
		t.Errorf("an empty map: %v", err)
	}
}

func FuzzObjection(f *testing.F) {
	for _, s := range []string{"https://0x7f.1/", "http://[::1%25eth0]/", "https://a@b:c/", "https://1.2.3.4.5"} {
		f.Add(s)
	}
	g, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil || g.objection(u) != "" {
			return
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !public(a) && g.connecting(t.Context(), "tcp", netip.AddrPortFrom(a, 443).String(), nil) == nil {
			t.Errorf("%q reaches the inside", text)
		}
	})
}
