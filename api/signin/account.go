package signin

import (
	"html/template"
	"net/http"

	"espalier.dev/ref"
	auth "espalier.dev/signin"
)

// notes are what the account says after a change, by the word in its address.
var notes = map[string]string{
	"password": "Your password is changed. Your other sessions have ended.",
	"app":      "The authenticator app is removed.",
	"passkey":  "The passkey is added.",
	"nopass":   "The passkey is removed.",
	"session":  "The session has ended.",
	"sessions": "All your other sessions have ended.",
}

func (p *Pages) showAccount(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	v, err := p.account(r, at)
	if err != nil {
		return err
	}
	v.Note = notes[r.URL.Query().Get("done")]
	return p.show(w, r, http.StatusOK, "account", v)
}

func (p *Pages) account(r *http.Request, at auth.Session) (view, error) {
	a, err := p.cfg.Service.Account(r.Context(), at)
	return view{Title: "Your account", Account: a, This: at}, err
}

// done goes back to the account, which says what was done; what was wrong is said there as well.
func (p *Pages) done(w http.ResponseWriter, r *http.Request, at auth.Session, err error, note string) error {
	if err == nil {
		http.Redirect(w, r, "/account?done="+note, http.StatusSeeOther)
		return nil
	}
	v, failed := p.account(r, at)
	if failed != nil {
		return failed
	}
	return p.again(w, r, err, "account", v)
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	err := matching(r)
	if err == nil {
		err = p.cfg.Service.ChangePassword(r.Context(), at, p.visitor(r), r.PostFormValue("old"), r.PostFormValue("password"))
	}
	return p.done(w, r, at, err, "password")
}

func (p *Pages) beginApp(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	app, err := p.cfg.Service.BeginApp(r.Context(), at)
	if err != nil {
		return p.done(w, r, at, err, "")
	}
	return p.show(w, r, http.StatusOK, "app", view{Title: "Set up an authenticator app", App: app, Picture: template.URL(app.Picture)}) // of our own making
}

func (p *Pages) confirmApp(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	codes, err := p.cfg.Service.ConfirmApp(r.Context(), at, p.visitor(r), r.PostFormValue("code"))
	if err != nil {
		return p.again(w, r, err, "app", view{Title: "Set up an authenticator app"})
	}
	return p.show(w, r, http.StatusOK, "codes", view{Title: "Your recovery codes", Codes: codes})
}

func (p *Pages) removeApp(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	return p.done(w, r, at, p.cfg.Service.RemoveApp(r.Context(), at, p.visitor(r)), "app")
}

func (p *Pages) renewRecoveryCodes(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	codes, err := p.cfg.Service.RenewRecoveryCodes(r.Context(), at, p.visitor(r))
	if err != nil {
		return p.done(w, r, at, err, "")
	}
	return p.show(w, r, http.StatusOK, "codes", view{Title: "Your recovery codes", Codes: codes})
}

func (p *Pages) beginPasskey(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	options, pending, err := p.cfg.Service.BeginPasskey(r.Context(), at)
	if err != nil {
		return err
	}
	p.cfg.Service.SetPending(w, pending)
	writeJSON(w, http.StatusOK, options)
	return nil
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	answer, err := readJSON(r)
	if err != nil {
		return err
	}
	err = p.cfg.Service.FinishPasskey(r.Context(), at, p.visitor(r), p.cfg.Service.Pending(r), r.URL.Query().Get("name"), answer)
	if err != nil {
		return err
	}
	p.cfg.Service.SetPending(w, "")
	writeJSON(w, http.StatusOK, map[string]string{"next": "/account?done=passkey"})
	return nil
}

func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	return p.done(w, r, at, p.cfg.Service.RemovePasskey(r.Context(), at, p.visitor(r), r.PostFormValue("id")), "nopass")
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	return p.done(w, r, at, p.cfg.Service.End(r.Context(), at, p.visitor(r), ref.TokenID(r.PostFormValue("id"))), "session")
}

func (p *Pages) endOthers(w http.ResponseWriter, r *http.Request, at auth.Session) error {
	return p.done(w, r, at, p.cfg.Service.EndOthers(r.Context(), at, p.visitor(r)), "sessions")
}
