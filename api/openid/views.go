package openid

import (
	"embed"
	"html/template"
	"net/http"

	"espalier.dev/api/page"
	provider "espalier.dev/openid"
	"espalier.dev/ref"
)

//go:embed templates
var files embed.FS

// pagePolicy: nothing from elsewhere, nothing inline, no script.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// view is what the templates show. Each page uses some of it.
type view struct {
	Title       string
	Assets      string
	Error       string
	To          string // an address that an application registered
	Application string
	Org         string
	Email       string
	User        ref.UserID
	Waiting     string
	Wants       []string // what it wants, in sentences
	Logout      provider.Logout
}

// Link is To where a page leads. It was registered, so that it is https, a loopback address, or the scheme of an app.
func (v view) Link() template.URL { return template.URL(v.To) }

// wants says in a sentence what a scope gives.
var wants = map[string]string{
	provider.ScopeOpenID:  "Know that it is you, and your roles in the organization.",
	provider.ScopeProfile: "See your name.",
	provider.ScopeEmail:   "See your e-mail address.",
	provider.ScopeOffline: "Stay signed in while you are away, until you end its session in your account.",
	provider.ScopeAPI:     "Use Espalier for you in the organization: whatever you may do there, it may do.",
}

func consent(step provider.Step) view {
	v := view{Title: "Sign in to " + step.Application.Name, Application: step.Application.Name, Org: step.OrgName, Email: step.User.Email,
		User: step.User.ID, Waiting: step.Waiting}
	for _, scope := range step.Request.Scopes {
		v.Wants = append(v.Wants, wants[scope])
	}
	return v
}

// pages is the templates, and where the style sheet is.
type pages struct {
	*page.Set
	assets string
}

func newPages(assets string) pages { return pages{page.New(files, nil), assets} }

// show renders a page.
func (p pages) show(w http.ResponseWriter, status int, name string, v view) error {
	v.Assets = p.assets
	text, err := p.Render(name, v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away needs no answer
	return nil
}
