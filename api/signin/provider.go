package signin

import (
	"net/http"

	"espalier.dev/errs"
	"espalier.dev/ref"
	auth "espalier.dev/signin"
)

// maxAnswer bounds the form that a browser brings from an identity provider, in bytes.
const maxAnswer = 320 << 10

// providerOf is the identity provider of the path.
func providerOf(r *http.Request) ref.ProviderID { return ref.ProviderID(r.PathValue("id")) }

// byHint leads to the identity provider that somebody names.
func (p *Pages) byHint(w http.ResponseWriter, r *http.Request) error {
	to, err := p.cfg.Providers.ByHint(r.Context(), r.FormValue("hint"), local(r.FormValue("next")))
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// depart sends the browser to its identity provider, with a cookie that ties the answer to it.
func (p *Pages) depart(w http.ResponseWriter, r *http.Request) error {
	d, err := p.cfg.Providers.Begin(r.Context(), providerOf(r), local(r.FormValue("next")))
	if err != nil {
		return err
	}
	p.cfg.Service.SetStarted(w, d.Started)
	if len(d.Fields) == 0 {
		http.Redirect(w, r, d.To, http.StatusSeeOther)
		return nil
	}
	return p.show(w, r, http.StatusOK, "post", view{Title: "Your organization’s sign-in", To: d.To, Fields: d.Fields, away: true})
}

// arrive takes what a SAML provider has a browser post here. Coming from another site, the post is without our cookies; so this
// page has the browser post it once more, from here, which brings them. It does nothing else.
func (p *Pages) arrive(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	fields := []auth.Field{{Name: "SAMLResponse", Value: r.PostFormValue("SAMLResponse")}, {Name: "RelayState", Value: r.PostFormValue("RelayState")}}
	return p.show(w, r, http.StatusOK, "post", view{Title: "Signing you in", To: "/signin/saml/" + string(providerOf(r)) + "/finish", Fields: fields})
}

// finishSAML opens a session for whom a SAML provider vouches.
func (p *Pages) finishSAML(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	a, err := p.cfg.Providers.TakeSAML(r.Context(), providerOf(r), r.PostFormValue("SAMLResponse"), local(r.PostFormValue("RelayState")), p.cfg.Service.Started(r))
	if err != nil {
		return err
	}
	return p.letIn(w, r, a)
}

// finishOIDC opens a session for whom an OpenID provider vouches.
func (p *Pages) finishOIDC(w http.ResponseWriter, r *http.Request) error {
	a, err := p.cfg.Providers.TakeUpstream(r.Context(), providerOf(r), r.URL.Query(), p.cfg.Service.Started(r))
	if err != nil {
		return err
	}
	return p.letIn(w, r, a)
}

func (p *Pages) letIn(w http.ResponseWriter, r *http.Request, a auth.Asserted) error {
	opened, err := p.cfg.Service.SignInThrough(r.Context(), p.visitor(r), a)
	if err != nil {
		return err
	}
	p.cfg.Service.SetStarted(w, "")
	p.cfg.Service.SetSession(w, opened)
	return p.onward(w, r, local(a.Next))
}

// badForm keeps what says that a form is too big, and names the rest.
func badForm(err error) error {
	if _, tooBig := err.(*http.MaxBytesError); tooBig {
		return err
	}
	return errs.Invalidf("The form cannot be read.")
}
