package signin

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"espalier.dev/errs"
	auth "espalier.dev/signin"
)

// Config is what the pages need.
type Config struct {
	Service     *auth.Service
	Invitations Invitations
	Providers   *auth.Providers // nil: nobody signs in through one
	Log         *slog.Logger
	// Home is where people go who have signed in; "" for /account.
	Home string
	// Allow says whether a request may be answered, or in how long; nil: always.
	Allow func(r *http.Request) (retryAfter time.Duration, ok bool)
	// Address is where a request comes from.
	Address func(r *http.Request) netip.Addr
}

// Pages serves the pages.
type Pages struct {
	cfg    Config
	views  *views
	origin *http.CrossOriginProtection
}

// New makes the pages.
func New(cfg Config) (*Pages, error) {
	if cfg.Service == nil || cfg.Invitations == nil || cfg.Log == nil || cfg.Address == nil {
		return nil, errors.New("sign-in pages: a service, invitations, a log and the address of requests are needed")
	}
	cfg.Home = cmp.Or(cfg.Home, "/account")
	p := &Pages{cfg: cfg, origin: http.NewCrossOriginProtection()}
	if origin := cfg.Service.Origin(); origin != "" {
		if err := p.origin.AddTrustedOrigin(origin); err != nil { // where a proxy changes Host, the public address still counts
			return nil, fmt.Errorf("public address: %w", err)
		}
	}
	p.origin.AddInsecureBypassPattern("POST /signin/saml/{id}/acs") // what comes from another site by design; it changes nothing
	var err error
	p.views, err = newViews()
	return p, err
}

// Assets is the folder of the style sheet and the icon, for pages of others that shall look the same.
func (p *Pages) Assets() string { return p.views.assets }

// handler answers a request, or returns why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// Mount adds the pages to a mux. observe wraps each handler with what reports its requests under a pattern.
func (p *Pages) Mount(mux *http.ServeMux, observe func(pattern string, h http.Handler) http.Handler) {
	for _, route := range []struct {
		method, path string
		handle       handler
	}{
		{"GET", "/signin", p.askEmail},
		{"POST", "/signin", p.takeEmail},
		{"POST", "/signin/password", p.takePassword},
		{"GET", "/signin/code", p.askCode},
		{"POST", "/signin/code", p.takeCode},
		{"POST", "/signin/passkey/begin", p.beginPasskeySignIn},
		{"POST", "/signin/passkey", p.takePasskey},
		{"GET", "/signin/reset", p.askReset},
		{"POST", "/signin/reset", p.takeReset},
		{"GET", "/signin/reset/new", p.askNewPassword},
		{"POST", "/signin/reset/new", p.takeNewPassword},
		{"GET", "/invitation/{token}", p.askInvitation},
		{"POST", "/invitation/{token}", p.takeInvitation},
		{"GET", "/signout", p.askSignOut},
		{"POST", "/signout", p.signOut},
		{"GET", "/account", p.signedIn(p.showAccount)},
		{"POST", "/account/password", p.signedIn(p.changePassword)},
		{"POST", "/account/app", p.signedIn(p.beginApp)},
		{"POST", "/account/app/confirm", p.signedIn(p.confirmApp)},
		{"POST", "/account/app/remove", p.signedIn(p.removeApp)},
		{"POST", "/account/recovery-codes", p.signedIn(p.renewRecoveryCodes)},
		{"POST", "/account/passkeys/begin", p.signedIn(p.beginPasskey)},
		{"POST", "/account/passkeys", p.signedIn(p.addPasskey)},
		{"POST", "/account/passkeys/remove", p.signedIn(p.removePasskey)},
		{"POST", "/account/sessions/end", p.signedIn(p.endSession)},
		{"POST", "/account/sessions/end-others", p.signedIn(p.endOthers)},
	} {
		mux.Handle(route.method+" "+route.path, observe(route.path, p.guarded(maxBody, route.handle)))
	}
	if p.cfg.Providers != nil {
		p.mountProviders(mux, observe)
	}
	mux.Handle("GET "+p.views.assets+"{file}", observe("/signin/assets/{file}", http.HandlerFunc(p.views.serveAsset)))
}

func (p *Pages) mountProviders(mux *http.ServeMux, observe func(pattern string, h http.Handler) http.Handler) {
	for _, route := range []struct {
		method, path string
		handle       handler
	}{
		{"GET", "/signin/sso", p.byHint},
		{"GET", "/signin/provider/{id}", p.depart},
		{"POST", "/signin/saml/{id}/acs", p.arrive},
		{"POST", "/signin/saml/{id}/finish", p.finishSAML},
		{"GET", "/signin/oidc/{id}", p.finishOIDC},
	} {
		mux.Handle(route.method+" "+route.path, observe(route.path, p.guarded(maxAnswer, route.handle)))
	}
}

// maxBody bounds what a form or a passkey's answer may have, in bytes.
const maxBody = 64 << 10

// guarded is a handler behind what every page asks for: not too often, not from another site's page, not too big.
func (p *Pages) guarded(limit int64, h handler) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.cfg.Allow != nil {
			if wait, ok := p.cfg.Allow(r); !ok {
				p.fail(w, r, retryAfter(w, wait, errs.TooMany, "Too many requests come from your address. Wait a little and try again."))
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if err := h(w, r); err != nil {
			p.fail(w, r, err)
		}
	})
	return p.origin.Handler(inner)
}

func retryAfter(w http.ResponseWriter, wait time.Duration, k errs.Kind, msg string) error {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
	return &errs.Error{Kind: k, Msg: msg}
}

// visitor is where a request comes from.
func (p *Pages) visitor(r *http.Request) auth.Visitor {
	v := auth.Visitor{Agent: r.UserAgent(), RequestID: rand.Text()}
	if a := p.cfg.Address(r); a.IsValid() {
		v.Address = a.String()
	}
	if at, err := p.cfg.Service.Visit(r); err == nil {
		v.Session = at.ID
	}
	return v
}

// visited is a handler for who is signed in.
type visited func(w http.ResponseWriter, r *http.Request, at auth.Session) error

// signedIn sends everybody else to the sign-in, and back.
func (p *Pages) signedIn(h visited) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		at, err := p.cfg.Service.Visit(r)
		if errs.KindOf(err) == errs.Unauthenticated {
			return p.toSignIn(w, r, false)
		}
		if err != nil {
			return err
		}
		err = h(w, r, at)
		if errs.Code(err) == auth.CodeSignInAgain {
			return p.toSignIn(w, r, true)
		}
		return err
	}
}

// statuses are the statuses of errors on pages.
var statuses = map[errs.Kind]int{
	errs.Invalid: http.StatusUnprocessableEntity, errs.Unprocessable: http.StatusUnprocessableEntity,
	errs.Unauthenticated: http.StatusForbidden, // 401 would ask for a header that says how
	errs.Forbidden:       http.StatusForbidden,
	errs.NotFound:        http.StatusNotFound,
	errs.Conflict:        http.StatusConflict,
	errs.TooMany:         http.StatusTooManyRequests,
	errs.Unavailable:     http.StatusServiceUnavailable,
}

// told is the status of an error and what to say of it. An error without a kind says nothing and goes to the log.
func (p *Pages) told(r *http.Request, err error) (int, string) {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d bytes.", tooBig.Limit)
	}
	status, known := statuses[errs.KindOf(err)]
	if !known {
		p.cfg.Log.ErrorContext(r.Context(), "sign-in page", "path", r.URL.Path, "err", err)
		return http.StatusInternalServerError, "Something went wrong on our side. Try again in a moment."
	}
	if cause := errors.Unwrap(err); cause != nil {
		p.cfg.Log.DebugContext(r.Context(), "sign-in page", "path", r.URL.Path, "err", err)
	}
	return status, errs.Message(err)
}

// fail answers with a page of an error, or with JSON where a script asked.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, msg := p.told(r, err)
	if isJSON(r) {
		writeJSON(w, status, map[string]string{"error": msg})
		return
	}
	p.show(w, r, status, "notice", view{Title: "That did not work", Error: msg})
}

// again shows a form once more with what was wrong.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, err error, page string, v view) error {
	if _, known := statuses[errs.KindOf(err)]; !known || errs.Code(err) == auth.CodeSignInAgain {
		return err
	}
	var status int
	status, v.Error = p.told(r, err)
	return p.show(w, r, status, page, v)
}
