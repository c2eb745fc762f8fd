package openid

import (
	"net/http"
	"net/url"

	provider "espalier.dev/openid"
)

// asked is what an application gave with a request to sign out.
func asked(v url.Values) provider.Logout {
	return provider.Logout{Hint: v.Get("id_token_hint"), ClientID: v.Get("client_id"), RedirectURI: v.Get("post_logout_redirect_uri"), State: v.Get("state")}
}

// logout signs out whom the application's ID token names, and asks everybody else whether that is what they want: any site can
// send a browser here.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) error {
	values, err := form(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost { // without the session's cookie: the browser comes back by itself
		http.Redirect(w, r, withQuery(pathLogout, values), http.StatusSeeOther)
		return nil
	}
	l := asked(values)
	leaving, err := p.cfg.Service.CheckLogout(r.Context(), l)
	if err != nil {
		return err
	}
	at, err := p.visit(r)
	if err != nil {
		return err
	}
	if at.User != 0 && at.User != leaving.Hint.User {
		return p.pages.show(w, http.StatusOK, "logout", view{Title: "Sign out", Application: leaving.Application.Name, Logout: l})
	}
	if err := p.cfg.Service.Leave(r.Context(), leaving, at, p.visitor(r)); err != nil {
		return err
	}
	return p.left(w, r, leaving, l.State)
}

// confirmLogout signs out who said so.
func (p *Provider) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	values, err := form(r)
	if err != nil {
		return err
	}
	l := asked(values)
	leaving, err := p.cfg.Service.CheckLogout(r.Context(), l)
	if err != nil {
		return err
	}
	at, err := p.visit(r)
	if err != nil {
		return err
	}
	if err := p.cfg.Service.Leave(r.Context(), leaving, at, p.visitor(r)); err != nil {
		return err
	}
	return p.left(w, r, leaving, l.State)
}

func (p *Provider) left(w http.ResponseWriter, r *http.Request, leaving provider.Leaving, state string) error {
	p.cfg.SignIn.ClearSession(w)
	if leaving.RedirectURI == "" {
		return p.pages.show(w, http.StatusOK, "notice", view{Title: "You are signed out"})
	}
	v := url.Values{}
	if state != "" {
		v.Set("state", state)
	}
	return p.leave(w, r, withQuery(leaving.RedirectURI, v), r.Method == http.MethodGet)
}
