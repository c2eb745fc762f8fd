package openid

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"espalier.dev/errs"
	provider "espalier.dev/openid"
	"espalier.dev/ref"
)

// authorize takes the request of an application. Before the application and the address to come back to are known, whatever is
// wrong is told the person at the browser; after that, the application. Browsers do not send the session's cookie with a form from
// another site: such a request is kept and decided when the browser comes back by itself.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) error {
	values, err := form(r)
	if err != nil {
		return err
	}
	a, err := p.cfg.Service.Find(r.Context(), values.Get("client_id"), values.Get("redirect_uri"))
	if err != nil {
		return err
	}
	back := reply{uri: values.Get("redirect_uri"), state: values.Get("state"), get: true}
	q, err := p.request(r, values)
	if err != nil {
		return p.tell(w, r, back, err)
	}
	at, err := p.visit(r)
	if err != nil {
		return err
	}
	step, err := p.cfg.Service.Begin(r.Context(), a, q, at, p.visitor(r), r.Method == http.MethodPost)
	if err != nil {
		return p.tell(w, r, back, err)
	}
	if r.Method == http.MethodPost {
		http.Redirect(w, r, waitingAt(step), http.StatusSeeOther)
		return nil
	}
	return p.goOn(w, r, back, step)
}

// request reads what an application asks for. Source: OpenID Connect Core 1.0, sections 3.1.2.1 and 6.
func (p *Provider) request(r *http.Request, v url.Values) (provider.Request, error) {
	q := provider.Request{
		RedirectURI: v.Get("redirect_uri"), State: v.Get("state"), Nonce: v.Get("nonce"), Scopes: strings.Fields(v.Get("scope")),
		Prompt: strings.Fields(v.Get("prompt")), LoginHint: v.Get("login_hint"), Challenge: v.Get("code_challenge"),
	}
	if err := supported(v); err != nil {
		return q, err
	}
	if text := v.Get("max_age"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return q, &provider.Error{Code: provider.InvalidRequest, Description: "max_age is no number of seconds"}
		}
		age := uint(n)
		q.MaxAge = &age
	}
	if text := v.Get("id_token_hint"); text != "" {
		hint, err := p.cfg.Service.Hint(r.Context(), text)
		if errs.KindOf(err) == errs.Invalid || err == nil && string(hint.Application) != v.Get("client_id") {
			return q, &provider.Error{Code: provider.InvalidRequest, Description: "id_token_hint is no ID token that this server gave this client"}
		}
		if err != nil {
			return q, err
		}
		q.Hint = hint.User
	}
	return q, nil
}

// supported refuses what this provider does not do.
func supported(v url.Values) error {
	refuse := func(code, description string) error { return &provider.Error{Code: code, Description: description} }
	known := []string{provider.PromptNone, provider.PromptLogin, provider.PromptConsent, provider.PromptSelectAccount}
	switch {
	case v.Has("request"):
		return refuse(provider.RequestNotSupported, "request objects are not supported")
	case v.Has("request_uri"):
		return refuse(provider.RequestURINotSupported, "request objects are not supported")
	case v.Has("registration"):
		return refuse(provider.RegistrationUnsupported, "applications are registered by their organization")
	case v.Get("response_type") == "":
		return refuse(provider.InvalidRequest, "response_type is missing")
	case v.Get("response_type") != "code":
		return refuse(provider.UnsupportedResponseType, "the one response_type is code")
	case v.Get("response_mode") != "" && v.Get("response_mode") != "query":
		return refuse(provider.InvalidRequest, "the one response_mode is query")
	case v.Get("code_challenge") != "" && v.Get("code_challenge_method") != "S256":
		return refuse(provider.InvalidRequest, "the one code_challenge_method is S256")
	case v.Get("code_challenge") == "" && v.Get("code_challenge_method") != "":
		return refuse(provider.InvalidRequest, "code_challenge is missing")
	case slices.ContainsFunc(strings.Fields(v.Get("prompt")), func(value string) bool { return !slices.Contains(known, value) }):
		return refuse(provider.InvalidRequest, "prompt has an unknown value")
	}
	return nil
}

// reply is where an answer goes.
type reply struct {
	uri   string
	state string
	get   bool // the browser may be redirected; after a form it may not, since form-action holds its redirects too
}

// tell gives an error to the application that is meant by it; others are for the page.
func (p *Provider) tell(w http.ResponseWriter, r *http.Request, back reply, err error) error {
	refused, ok := errors.AsType[*provider.Error](err)
	if !ok {
		return err
	}
	return p.send(w, r, back, url.Values{"error": {refused.Code}, "error_description": {refused.Description}})
}

// send sends the browser back to the application. iss says who answers, RFC 9207.
func (p *Provider) send(w http.ResponseWriter, r *http.Request, back reply, v url.Values) error {
	v.Set("iss", p.cfg.Service.Issuer())
	if back.state != "" {
		v.Set("state", back.state)
	}
	return p.leave(w, r, withQuery(back.uri, v), back.get)
}

// leave sends the browser to another site.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, to string, get bool) error {
	if get {
		w.Header().Set("Location", to) // as it was registered: http.Redirect would write it anew
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	return p.pages.show(w, http.StatusOK, "onward", view{Title: "Back to the application", To: to})
}

// withQuery adds parameters to an address, which stays as it is otherwise.
func withQuery(uri string, v url.Values) string {
	if len(v) == 0 {
		return uri
	}
	if strings.Contains(uri, "?") {
		return strings.TrimSuffix(uri, "&") + "&" + v.Encode()
	}
	return uri + "?" + v.Encode()
}

func waitingAt(step provider.Step) string { return pathAuthorize + "/" + step.Waiting }

// goOn does what a request needs.
func (p *Provider) goOn(w http.ResponseWriter, r *http.Request, back reply, step provider.Step) error {
	switch step.Need {
	case provider.NeedNothing:
		return p.send(w, r, back, url.Values{"code": {step.Code}})
	case provider.NeedConsent:
		if r.PathValue("id") == "" { // the question stands at its own address, so that it can be loaded again
			http.Redirect(w, r, waitingAt(step), http.StatusSeeOther)
			return nil
		}
		return p.pages.show(w, http.StatusOK, "consent", consent(step))
	}
	q := url.Values{"next": {waitingAt(step)}}
	if step.Request.LoginHint != "" {
		q.Set("email", step.Request.LoginHint)
	}
	if step.Need == provider.NeedProof {
		q.Set("again", "1")
	}
	http.Redirect(w, r, "/signin?"+q.Encode(), http.StatusSeeOther)
	return nil
}

// resume takes up a request that waited.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) error {
	at, err := p.visit(r)
	if err != nil {
		return err
	}
	step, err := p.cfg.Service.Resume(r.Context(), r.PathValue("id"), at, p.visitor(r))
	back := reply{uri: step.Request.RedirectURI, state: step.Request.State, get: true}
	if err != nil {
		return p.tell(w, r, back, err)
	}
	return p.goOn(w, r, back, step)
}

// answer takes what the user said to the question.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request) error {
	values, err := form(r)
	if err != nil {
		return err
	}
	at, err := p.visit(r)
	if err != nil {
		return err
	}
	var step provider.Step
	if values.Get("answer") == "allow" {
		asked, _ := strconv.ParseInt(values.Get("user"), 10, 64) // what is none names nobody
		step, err = p.cfg.Service.Allow(r.Context(), r.PathValue("id"), ref.UserID(asked), at, p.visitor(r))
	} else {
		step, err = p.cfg.Service.Deny(r.Context(), r.PathValue("id"))
	}
	back := reply{uri: step.Request.RedirectURI, state: step.Request.State}
	if err != nil {
		return p.tell(w, r, back, err)
	}
	return p.goOn(w, r, back, step)
}
