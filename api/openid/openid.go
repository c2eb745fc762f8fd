package openid

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"espalier.dev/errs"
	provider "espalier.dev/openid"
	"espalier.dev/signin"
)

// The paths of the provider. Discovery names them.
const (
	pathDiscovery  = "/.well-known/openid-configuration"
	pathKeys       = "/.well-known/jwks.json" // served with the keys of access tokens
	pathAuthorize  = "/oauth2/authorize"
	pathToken      = "/oauth2/token"
	pathUserInfo   = "/oauth2/userinfo"
	pathIntrospect = "/oauth2/introspect"
	pathRevoke     = "/oauth2/revoke"
	pathLogout     = "/oauth2/logout"
)

// Config is what the provider needs.
type Config struct {
	Service *provider.Service
	SignIn  *signin.Service
	Log     *slog.Logger
	// Assets is the folder of the sign-in pages' style sheet and icon.
	Assets string
	// Allow says whether a request may be answered, or in how long; nil: always.
	Allow func(r *http.Request) (retryAfter time.Duration, ok bool)
	// Address is where a request comes from.
	Address func(r *http.Request) netip.Addr
}

// Provider serves the OpenID provider.
type Provider struct {
	cfg    Config
	pages  pages
	origin *http.CrossOriginProtection
	calls  func() http.Handler // what applications call, built at the first request
}

// New makes a Provider.
func New(cfg Config) (*Provider, error) {
	if cfg.Service == nil || cfg.SignIn == nil || cfg.Log == nil || cfg.Address == nil || cfg.Assets == "" {
		return nil, errors.New("OpenID provider: the services, a log, the address of requests and a folder of assets are needed")
	}
	p := &Provider{cfg: cfg, origin: http.NewCrossOriginProtection()}
	if origin := cfg.SignIn.Origin(); origin != "" {
		if err := p.origin.AddTrustedOrigin(origin); err != nil { // where a proxy changes Host, the public address still counts
			return nil, fmt.Errorf("public address: %w", err)
		}
	}
	p.calls = sync.OnceValue(func() http.Handler { return newCalls(cfg) })
	p.pages = newPages(cfg.Assets)
	return p, nil
}

// handler answers a browser, or returns why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// Mount adds the provider to a mux. observe wraps each handler with what reports its requests under a pattern. Without a public
// address there is no issuer: then every path says so.
func (p *Provider) Mount(mux *http.ServeMux, observe func(pattern string, h http.Handler) http.Handler) {
	mount := func(pattern string, h http.Handler) {
		_, path, _ := strings.Cut(pattern, " ")
		if p.cfg.Service.Issuer() == "" {
			h = http.HandlerFunc(p.off)
		}
		mux.Handle(pattern, observe(path, p.bounded(h)))
	}
	mount("GET "+pathAuthorize, p.page(p.authorize))
	mount("POST "+pathAuthorize, p.page(p.authorize)) // from the page of an application: no origin to ask for
	mount("GET "+pathAuthorize+"/{id}", p.page(p.resume))
	mount("POST "+pathAuthorize+"/{id}", p.origin.Handler(p.page(p.answer)))
	mount("GET "+pathLogout, p.page(p.logout))
	mount("POST "+pathLogout, p.page(p.logout))
	mount("POST "+pathLogout+"/confirm", p.origin.Handler(p.page(p.confirmLogout)))
	for _, path := range []string{pathDiscovery, pathUserInfo} {
		for _, method := range []string{"GET ", "POST ", "OPTIONS "} {
			if method != "POST " || path != pathDiscovery {
				mount(method+path, p.call(path))
			}
		}
	}
	for _, path := range []string{pathToken, pathIntrospect, pathRevoke} {
		mount("POST "+path, p.call(path))
		mount("OPTIONS "+path, p.call(path))
	}
}

// off answers where the server does not know what people call it.
func (p *Provider) off(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "This server signs nobody in to applications: its operator starts it with --public-url first.", http.StatusNotFound)
}

// maxBody bounds what a form may have, in bytes.
const maxBody = 64 << 10

// bounded is a handler behind what everything here asks for: not too often, not too big, told to nobody else.
func (p *Provider) bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if p.cfg.Allow != nil {
			if wait, ok := p.cfg.Allow(r); !ok {
				w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
				http.Error(w, "Too many requests come from your address. Wait a little and try again.", http.StatusTooManyRequests)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h.ServeHTTP(w, r)
	})
}

// page is a handler whose errors are pages.
func (p *Provider) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.fail(w, r, err)
		}
	})
}

// statuses are the statuses of errors on pages.
var statuses = map[errs.Kind]int{
	errs.Invalid: http.StatusBadRequest, errs.NotFound: http.StatusNotFound, errs.Conflict: http.StatusConflict,
	errs.Forbidden: http.StatusForbidden, errs.Unauthenticated: http.StatusForbidden,
	errs.TooMany: http.StatusTooManyRequests, errs.Unavailable: http.StatusServiceUnavailable,
}

// fail answers with a page of an error. An error without a kind says nothing and goes to the log.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, known := statuses[errs.KindOf(err)]
	text := errs.Message(err)
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status, known, text = http.StatusRequestEntityTooLarge, true, fmt.Sprintf("The request is larger than %d bytes.", tooBig.Limit)
	}
	if !known {
		p.cfg.Log.ErrorContext(r.Context(), "OpenID provider", "path", r.URL.Path, "err", err)
		status, text = http.StatusInternalServerError, "Something went wrong on our side. Try again in a moment."
	}
	if err := p.pages.show(w, status, "notice", view{Title: "That did not work", Error: text}); err != nil {
		p.cfg.Log.ErrorContext(r.Context(), "OpenID provider", "path", r.URL.Path, "err", err)
	}
}

// visitor is where a request comes from.
func (p *Provider) visitor(r *http.Request) signin.Visitor {
	v := signin.Visitor{Agent: r.UserAgent(), RequestID: rand.Text()}
	if a := p.cfg.Address(r); a.IsValid() {
		v.Address = a.String()
	}
	return v
}

// visit is the session of a browser, the zero value if nobody is signed in.
func (p *Provider) visit(r *http.Request) (signin.Session, error) {
	at, err := p.cfg.SignIn.Visit(r)
	if errs.KindOf(err) == errs.Unauthenticated {
		return signin.Session{}, nil
	}
	return at, err
}

// form reads the parameters of a request: those of the address, or those of the body, never a mixture. One that is given twice is
// refused, RFC 6749, section 3.1.
func form(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooBig
		}
		return nil, errs.Invalidf("The request of the application that sent you here cannot be read.")
	}
	values := r.PostForm
	if r.Method == http.MethodGet {
		values = r.URL.Query()
	} else if r.URL.RawQuery != "" {
		return nil, errs.Invalidf("The application that sent you here gave parameters in two places.")
	}
	for name, given := range values {
		if len(given) > 1 {
			return nil, errs.Invalidf("The application that sent you here gave the parameter %.32q more than once.", name)
		}
	}
	return values, nil
}
