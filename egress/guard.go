package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// maxRedirects is how many redirects one request follows.
const maxRedirects = 10

// Config says what a Guard lets through. The zero value lets https to public addresses through.
type Config struct {
	// Map sends requests for hosts elsewhere. Where it sends them is the operator's word and is not asked about.
	Map Map
	// Allow are ranges inside that may be reached nevertheless.
	Allow []netip.Prefix
	// Plain are hosts that may be spoken to by http.
	Plain []string
	// Dialer connects; nil: a net.Dialer with a limit of 10 seconds. Its Control is the guard's.
	Dialer *net.Dialer
}

// Guard lets requests out. It is safe for concurrent use.
type Guard struct {
	m         Map
	allow     []netip.Prefix
	plain     map[string]bool
	guarded   *http.Transport // to what a request names
	appointed *http.Transport // to what the map names
}

// Refused is a request that the guard did not send.
type Refused struct {
	What string // the URL without query, or the address
	Why  string
}

func (r *Refused) Error() string { return fmt.Sprintf("request to %s refused: %s", r.What, r.Why) }

// New makes a Guard.
func New(cfg Config) (*Guard, error) {
	g := &Guard{m: cfg.Map, allow: cfg.Allow, plain: make(map[string]bool)}
	for _, h := range cfg.Plain {
		if h == "" || strings.ContainsAny(h, "/:@* ") {
			return nil, fmt.Errorf("egress: %q is no host that may be spoken to by http, as intranet.example.com", h)
		}
		g.plain[canonical(h)] = true
	}
	dialer := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if cfg.Dialer != nil {
		dialer = *cfg.Dialer
	}
	if dialer.Control != nil || dialer.ControlContext != nil {
		return nil, errors.New("egress: the dialer has a Control, which is the guard's place")
	}
	g.appointed = transport(dialer)
	dialer.ControlContext = g.connecting
	g.guarded = transport(dialer)
	return g, nil
}

// transport has no proxy: behind one, nobody could say where a request ends. The environment's is not looked at.
func transport(dialer net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  2 * time.Minute,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// connecting is called with the very address a connection is about to go to, after names were resolved.
func (g *Guard) connecting(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Refused{What: address, Why: "it is no address"}
	}
	if a := to.Addr().Unmap(); !public(a) && !within(g.allow, a.WithZone("")) {
		return &Refused{What: a.String(), Why: "it is a loopback, link-local, private, metadata or otherwise special address; the operator may allow its range"}
	}
	return nil
}

// RoundTrip sends one request, redirects not followed. It implements http.RoundTripper.
func (g *Guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if base, mapped := g.m.base(r.URL.Hostname()); mapped {
		out := r.Clone(r.Context())
		if out.Host == "" {
			out.Host = r.URL.Host // what was asked for: a gateway routes by it, and signatures cover it
		}
		out.URL = redirected(r.URL, base)
		return g.appointed.RoundTrip(out)
	}
	if why := g.objection(r.URL); why != "" {
		if r.Body != nil {
			_ = r.Body.Close() // RoundTrip owes its caller that, and nothing was read
		}
		return nil, &Refused{What: shown(r.URL), Why: why}
	}
	return g.guarded.RoundTrip(r)
}

// objection says what is wrong with a URL; "" if nothing is.
func (g *Guard) objection(u *url.URL) string {
	host := canonical(u.Hostname())
	switch {
	case u.User != nil:
		return "its URL holds a user or a password, which would stand in logs; use a credential"
	case u.Scheme != "https" && (u.Scheme != "http" || !g.plain[host]):
		return "only https is spoken, and http to hosts that the operator allows"
	case host == "":
		return "it names no host"
	case numeric(host):
		return "its host is an address in no form of ours, as 127.0.0.1 or [2001:db8::1]"
	}
	return ""
}

// numeric reports whether a host is one of the forms that some resolvers take for an address and others for a name: 2130706433,
// 0x7f.1, 0177.0.0.1. Source: the URL standard, hosts that end in a number.
func numeric(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// shown is a URL as it may stand in a log: queries and passwords often are secrets.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Client sends requests through the guard and follows at most 10 redirects, each of which is asked about anew. It has no
// time limit of its own: give requests a context that ends.
func (g *Guard) Client() *http.Client {
	return &http.Client{Transport: g, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return &Refused{What: shown(next.URL), Why: fmt.Sprintf("more than %d redirects", maxRedirects)}
		}
		return nil
	}}
}

// Single is a guard like this one whose requests go over one connection each host, by HTTP/1.1, shared with nobody else: for
// protocols that prove a user once per connection. Close it when they are through.
func (g *Guard) Single() *Guard {
	own := *g
	own.guarded, own.appointed = single(g.guarded), single(g.appointed)
	return &own
}

func single(t *http.Transport) *http.Transport {
	own := t.Clone()
	own.MaxConnsPerHost, own.MaxIdleConnsPerHost = 1, 1
	own.Protocols = new(http.Protocols)
	own.Protocols.SetHTTP1(true)
	return own
}

// Close drops idle connections.
func (g *Guard) Close() {
	g.guarded.CloseIdleConnections()
	g.appointed.CloseIdleConnections()
}
