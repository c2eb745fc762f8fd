package openid

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

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

// pages is the templates, by page.
type pages struct {
	byName func() (map[string]*template.Template, error) // parsed when the first page is shown, and not at every start
	assets string
}

func newPages(assets string) pages { return pages{byName: sync.OnceValues(parsePages), assets: assets} }

func parsePages() (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	byName := map[string]*template.Template{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "frame" {
			continue
		}
		if byName[page], err = template.ParseFS(files, "templates/frame.html", name); err != nil {
			return nil, err
		}
	}
	return byName, nil
}

// show renders a page.
func (p pages) show(w http.ResponseWriter, status int, page string, v view) error {
	v.Assets = p.assets
	byName, err := p.byName()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := byName[page].ExecuteTemplate(&b, "frame.html", v); err != nil {
		return fmt.Errorf("page %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that went away needs no answer
	return nil
}
