package signin

import (
	"net/http"
	"time"

	"espalier.dev/errs"
)

// Cookies of a server that people reach by https have names that begin with __Host-: browsers take those only from this very
// host, by https and for all of it, so that no subdomain can plant one.
const (
	sessionCookie = "espalier_session"
	pendingCookie = "espalier_signin"
	hostPrefix    = "__Host-"
)

func (s *Service) cookie(name, value string, age time.Duration) *http.Cookie {
	if s.secure() {
		name = hostPrefix + name
	}
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second), HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

func (s *Service) cookieOf(r *http.Request, name string) string {
	if s.secure() {
		name = hostPrefix + name
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Visit returns the session of a request by its cookie; errs.Unauthenticated if there is none that is live.
func (s *Service) Visit(r *http.Request) (Session, error) {
	secret := s.cookieOf(r, sessionCookie)
	if secret == "" {
		return Session{}, errs.Unauthenticatedf("Sign in first.")
	}
	return s.Resume(r.Context(), secret)
}

// SetSession gives the browser the cookie of a session.
func (s *Service) SetSession(w http.ResponseWriter, o Opened) {
	http.SetCookie(w, s.cookie(sessionCookie, o.Secret, o.EndsAt.Sub(o.CreatedAt)))
}

// ClearSession takes the cookie back.
func (s *Service) ClearSession(w http.ResponseWriter) {
	http.SetCookie(w, s.cookie(sessionCookie, "", 0))
}

// SetPending gives the browser what ties the next step of a sign-in to the one before; "" takes it back.
func (s *Service) SetPending(w http.ResponseWriter, value string) {
	http.SetCookie(w, s.cookie(pendingCookie, value, lives[ForSecondFactor]))
}

// Pending returns what SetPending gave; "" if there is nothing.
func (s *Service) Pending(r *http.Request) string { return s.cookieOf(r, pendingCookie) }
