package signin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"espalier.dev/api/page"
	auth "espalier.dev/signin"
)

//go:embed templates assets
var files embed.FS

// pagePolicy: nothing from elsewhere, nothing inline; data: for QR codes.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// view is what the templates show. Each page uses some of it.
type view struct {
	Title    string
	Assets   string // where style sheet, script and icon are
	Error    string // what was wrong
	Note     string // what has been done
	Email    string
	Next     string // where to go on to, a path of this server
	Token    string
	To       string       // the address of an identity provider
	Fields   []auth.Field // of a form that goes on to To
	Passkeys bool         // they can be used here
	away     bool         // the form goes to another site, which may lead it on to a third

	Account    auth.Account
	Invitation invitationView
	This       auth.Session
	App        auth.NewApp
	Picture    template.URL
	Codes      []string
}

// views is the templates, by page, and the files they refer to.
type views struct {
	pages  *page.Set
	assets string // the folder's path, with the hash of what is in it
}

func newViews() (*views, error) {
	v := &views{pages: page.New(files, template.FuncMap{"instant": instant, "device": device})}
	sum := sha256.New()
	list, err := files.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		text, err := files.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, err
		}
		sum.Write(text)
	}
	v.assets = "/signin/assets/" + hex.EncodeToString(sum.Sum(nil)[:6]) + "/"
	return v, nil
}

// serveAsset sends a file that never changes under its address.
func (v *views) serveAsset(w http.ResponseWriter, r *http.Request) {
	text, err := files.ReadFile("assets/" + path.Base(r.PathValue("file")))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("file"))))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(text) // a client that went away needs no answer
}

// show renders a page.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	v.Assets, v.Passkeys = p.views.assets, p.cfg.Service.HasPasskeys()
	text, err := p.views.pages.Render(name, v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	policy := pagePolicy
	if v.away {
		policy = strings.Replace(policy, "form-action 'self'", "form-action http: https:", 1)
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
	return nil
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("sign-in pages: an answer of strings and options: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2 Jan 2006, 15:04 UTC")
}

// device names the browser and the system of a User-Agent, as far as people tell them apart. The order matters: most
// browsers claim to be the others, too.
func device(agent string) string {
	find := func(names [][2]string) string {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser := find([][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}})
	system := find([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}})
	switch {
	case browser == "" && system == "":
		return "Unknown device"
	case browser == "" || system == "":
		return browser + system
	}
	return browser + " on " + system
}

// local is where to go on to, if that is a path of this server other than the sign-in itself; else "".
func local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || len(next) > 2048 ||
		strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return ""
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return ""
	}
	clean := path.Clean(u.Path)
	if clean != "/" && clean != strings.TrimSuffix(u.Path, "/") { // dot segments and the like: somebody hides something
		return ""
	}
	if clean == "/signin" || strings.HasPrefix(clean, "/signin/") || clean == "/signout" {
		return ""
	}
	return next
}
