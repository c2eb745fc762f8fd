package signin

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strings"

	"espalier.dev/errs"
)

// askEmail is the first page: who is it?
func (p *Pages) askEmail(w http.ResponseWriter, r *http.Request) error {
	v := view{Title: "Sign in to Espalier", Next: local(r.FormValue("next")), Email: r.FormValue("email")}
	at, err := p.cfg.Service.Visit(r)
	switch {
	case err == nil && r.FormValue("again") == "":
		return p.onward(w, r, v.Next)
	case err == nil:
		a, err := p.cfg.Service.Account(r.Context(), at)
		if err != nil {
			return err
		}
		v.Email, v.Note = cmp.Or(v.Email, a.Email), "Sign in again to go on."
	case errs.KindOf(err) != errs.Unauthenticated:
		return err
	}
	return p.show(w, r, http.StatusOK, "email", v)
}

// takeEmail goes on to the provider of the address's domain, or to the password. Whether there is such a user plays no part.
func (p *Pages) takeEmail(w http.ResponseWriter, r *http.Request) error {
	v := view{Title: "Sign in to Espalier", Next: local(r.PostFormValue("next")), Email: strings.TrimSpace(r.PostFormValue("email"))}
	if !strings.Contains(v.Email, "@") {
		return p.again(w, r, errs.Invalidf("Give your e-mail address, such as ann@acme.example."), "email", v)
	}
	if r.PostFormValue("way") != "password" {
		to, ok, err := p.cfg.Service.Discover(r.Context(), v.Email, cmp.Or(v.Next, p.cfg.Home))
		if err != nil {
			return err
		}
		if ok {
			v.To, v.Title = to, "Your organization’s sign-in"
			return p.show(w, r, http.StatusOK, "provider", v)
		}
	}
	return p.show(w, r, http.StatusOK, "password", v)
}

func (p *Pages) takePassword(w http.ResponseWriter, r *http.Request) error {
	v := view{Title: "Sign in to Espalier", Next: local(r.PostFormValue("next")), Email: strings.TrimSpace(r.PostFormValue("email"))}
	step, err := p.cfg.Service.SignIn(r.Context(), p.visitor(r), v.Email, r.PostFormValue("password"))
	if err != nil {
		return p.again(w, r, err, "password", v)
	}
	if step.Pending != "" {
		p.cfg.Service.SetPending(w, step.Pending)
		http.Redirect(w, r, withNext("/signin/code", v.Next), http.StatusSeeOther)
		return nil
	}
	p.cfg.Service.SetSession(w, step.Opened)
	return p.onward(w, r, v.Next)
}

func withNext(path, next string) string {
	if next == "" {
		return path
	}
	return path + "?" + url.Values{"next": {next}}.Encode()
}

func (p *Pages) askCode(w http.ResponseWriter, r *http.Request) error {
	if p.cfg.Service.Pending(r) == "" {
		return p.toSignIn(w, r, false)
	}
	return p.show(w, r, http.StatusOK, "code", view{Title: "Your code", Next: local(r.FormValue("next"))})
}

func (p *Pages) takeCode(w http.ResponseWriter, r *http.Request) error {
	next := local(r.PostFormValue("next"))
	opened, err := p.cfg.Service.SignInCode(r.Context(), p.visitor(r), p.cfg.Service.Pending(r), r.PostFormValue("code"))
	if errs.KindOf(err) == errs.NotFound {
		p.cfg.Service.SetPending(w, "")
		return p.again(w, r, err, "email", view{Title: "Sign in to Espalier", Next: next})
	}
	if err != nil {
		return p.again(w, r, err, "code", view{Title: "Your code", Next: next})
	}
	p.cfg.Service.SetPending(w, "")
	p.cfg.Service.SetSession(w, opened)
	return p.onward(w, r, next)
}

// onward leads who has signed in to where it was going. Beyond the account that may end at another site, an application that
// signs its users in here; browsers hold redirects after a form to form-action, so a page stands in between.
func (p *Pages) onward(w http.ResponseWriter, r *http.Request, next string) error {
	next = cmp.Or(next, p.cfg.Home)
	if next == p.cfg.Home || next == "/account" || r.Method == http.MethodGet {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return p.show(w, r, http.StatusOK, "onward", view{Title: "You are signed in", To: next})
}

// toSignIn sends a visitor to the sign-in and lets it come back to the page it asked for.
func (p *Pages) toSignIn(w http.ResponseWriter, r *http.Request, again bool) error {
	q := url.Values{}
	switch {
	case r.Method == http.MethodGet:
		if next := local(r.URL.RequestURI()); next != "" {
			q.Set("next", next)
		}
	case strings.HasPrefix(r.URL.Path, "/account"):
		q.Set("next", "/account")
	}
	if again {
		q.Set("again", "1")
	}
	to := "/signin"
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	if isJSON(r) {
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "Sign in again first.", "next": to})
		return nil
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (p *Pages) beginPasskeySignIn(w http.ResponseWriter, r *http.Request) error {
	options, pending, err := p.cfg.Service.BeginPasskeySignIn(r.Context())
	if err != nil {
		return err
	}
	p.cfg.Service.SetPending(w, pending)
	writeJSON(w, http.StatusOK, options)
	return nil
}

func (p *Pages) takePasskey(w http.ResponseWriter, r *http.Request) error {
	answer, err := readJSON(r)
	if err != nil {
		return err
	}
	opened, err := p.cfg.Service.SignInPasskey(r.Context(), p.visitor(r), p.cfg.Service.Pending(r), answer)
	if err != nil {
		return err
	}
	p.cfg.Service.SetPending(w, "")
	p.cfg.Service.SetSession(w, opened)
	writeJSON(w, http.StatusOK, map[string]string{"next": cmp.Or(local(r.URL.Query().Get("next")), p.cfg.Home)})
	return nil
}

func readJSON(r *http.Request) ([]byte, error) {
	if !isJSON(r) {
		return nil, errs.Invalidf("The body of this request is JSON.")
	}
	return io.ReadAll(r.Body)
}

func (p *Pages) askSignOut(w http.ResponseWriter, r *http.Request) error {
	return p.show(w, r, http.StatusOK, "signout", view{Title: "Sign out"})
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	at, err := p.cfg.Service.Visit(r)
	if err == nil {
		err = p.cfg.Service.End(r.Context(), at, p.visitor(r), at.ID)
	}
	if k := errs.KindOf(err); err != nil && k != errs.Unauthenticated && k != errs.NotFound {
		return err
	}
	p.cfg.Service.ClearSession(w)
	if p.cfg.Providers != nil {
		to, err := p.cfg.Providers.Leave(r.Context(), at)
		if err != nil {
			return err
		}
		if to != "" {
			return p.show(w, r, http.StatusOK, "onward", view{Title: "You are signed out", To: to})
		}
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}

func (p *Pages) askReset(w http.ResponseWriter, r *http.Request) error {
	return p.show(w, r, http.StatusOK, "reset", view{Title: "Choose a new password", Email: r.FormValue("email")})
}

// takeReset answers everybody the same.
func (p *Pages) takeReset(w http.ResponseWriter, r *http.Request) error {
	v := view{Title: "Choose a new password", Email: strings.TrimSpace(r.PostFormValue("email"))}
	if !strings.Contains(v.Email, "@") {
		return p.again(w, r, errs.Invalidf("Give your e-mail address, such as ann@acme.example."), "reset", v)
	}
	if err := p.cfg.Service.AskReset(r.Context(), p.visitor(r), v.Email); err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, "notice", view{Title: "Look at your mail", Note: "If " + v.Email + " is known here, a link to choose a new password is on its way. It is good for 30 minutes, once. " +
		"If nothing comes, ask whoever runs this server: they can make a link as well."})
}

// askNewPassword shows the form and leaves the link good: programs that look at mail follow links, too.
func (p *Pages) askNewPassword(w http.ResponseWriter, r *http.Request) error {
	return p.show(w, r, http.StatusOK, "newpassword", view{Title: "Choose a new password", Token: r.FormValue("token")})
}

func (p *Pages) takeNewPassword(w http.ResponseWriter, r *http.Request) error {
	v := view{Title: "Choose a new password", Token: r.PostFormValue("token")}
	err := matching(r)
	if err == nil {
		err = p.cfg.Service.Reset(r.Context(), p.visitor(r), v.Token, r.PostFormValue("password"))
	}
	if errs.KindOf(err) == errs.NotFound {
		return p.again(w, r, err, "reset", v)
	}
	if err != nil {
		return p.again(w, r, err, "newpassword", v)
	}
	p.cfg.Service.ClearSession(w)
	return p.show(w, r, http.StatusOK, "email", view{Title: "Sign in to Espalier", Note: "Your password is changed, and all your sessions have ended. Sign in with the new one."})
}

// matching refuses a new password that was typed in two ways.
func matching(r *http.Request) error {
	if r.PostFormValue("password") != r.PostFormValue("repeated") {
		return errs.Invalidf("The two passwords differ. Type the new one twice.")
	}
	return nil
}
