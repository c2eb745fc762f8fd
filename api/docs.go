package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	swagger "github.com/swaggest/swgui/v5/static"

	"espalier.dev/contract"
)

// documentSuffix follows the name of an API in the address of its document.
const documentSuffix = ".openapi.json"

const (
	// pagePolicy is for pages without scripts.
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	// docsPolicy is for the API reference: scripts and styles from this server only, none inline; data: for the small
	// pictures of its style sheet; requests to this server, to try an operation out.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

//go:embed viewer
var viewer embed.FS

// docs is the API reference: one page per document, with a list of all, the documents themselves, and the viewer.
type docs struct {
	first string            // name of the document that /docs/ leads to
	files map[string]packed // path below /docs/ → what is sent
}

// packed is a file as it is kept: gzipped once.
type packed struct {
	contentType string
	etag        string
	policy      string // content security policy; "" for the one of data
	gzipped     []byte
}

// document is what the list shows.
type document struct {
	Name  string // of the API, e.g. msp
	Title string // from the document, e.g. MSP Customer API
	text  []byte
}

// newDocs checks that the contract has the documents. Reading and packing a megabyte of them takes longer than the rest of
// a start, so it waits for the first reader.
func newDocs(names []string, logger *slog.Logger) (http.Handler, error) {
	for _, name := range names {
		if !slices.Contains(contract.Names(), name) {
			return nil, fmt.Errorf("api: Config.Documents names %q, and the contract has only %v", name, contract.Names())
		}
	}
	build := sync.OnceValues(func() (*docs, error) { return buildDocs(names) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := build()
		if err != nil {
			logger.Error("build the API reference", "error", err)
			http.Error(w, "the API reference cannot be shown; the log says why", http.StatusInternalServerError)
			return
		}
		d.ServeHTTP(w, r)
	}), nil
}

// buildDocs reads the documents, and packs everything.
func buildDocs(names []string) (*docs, error) {
	list, err := readDocuments(names)
	if err != nil {
		return nil, err
	}
	d := &docs{first: list[0].Name, files: make(map[string]packed)}
	for _, add := range []func() error{
		func() error { return d.addDocuments(list) },
		func() error { return d.addPages(list) },
		d.addViewer,
		d.addSwagger,
	} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *docs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/docs/")
	if path == "" {
		http.Redirect(w, r, "/docs/"+d.first, http.StatusFound)
		return
	}
	f, ok := d.files[path]
	if !ok {
		http.Error(w, "no such page: the list of APIs is at /docs/", http.StatusNotFound)
		return
	}
	f.send(w, r)
}

// send answers with the gzipped bytes as they are, and unpacks them for the rare client that cannot.
func (f packed) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache") // ask again with the ETag: a new binary shows at once
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", f.etag)
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
	if slices.Contains(r.Header.Values("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(f.gzipped) // a client that went away needs no answer
		return
	}
	plain, err := gzip.NewReader(bytes.NewReader(f.gzipped))
	if err != nil {
		http.Error(w, "the file is damaged", http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, plain)
}

// acceptsGzip reads Accept-Encoding as far as this needs: gzip named, and not refused by q=0.
func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(q, "q="), "0.") != "" || q == ""
		}
	}
	return false
}

func readDocuments(names []string) ([]document, error) {
	list := make([]document, 0, len(names))
	for _, name := range names {
		text, err := contract.Document(name)
		if err != nil {
			return nil, err
		}
		var head struct {
			Info struct{ Title string }
		}
		if err := json.Unmarshal(text, &head); err != nil {
			return nil, fmt.Errorf("read OpenAPI document %s: %w", name, err)
		}
		list = append(list, document{name, head.Info.Title, text})
	}
	return list, nil
}

func (d *docs) addDocuments(list []document) error {
	for _, doc := range list {
		if err := d.add(doc.Name+documentSuffix, "application/json", "", doc.text); err != nil {
			return err
		}
	}
	return nil
}

func (d *docs) addPages(list []document) error {
	page, err := template.ParseFS(viewer, "viewer/index.html")
	if err != nil {
		return err
	}
	for _, doc := range list {
		var out bytes.Buffer
		err := page.Execute(&out, struct {
			Shown document
			All   []document
		}{doc, list})
		if err != nil {
			return err
		}
		if err := d.add(doc.Name, "text/html; charset=utf-8", docsPolicy, out.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (d *docs) addViewer() error {
	for name, contentType := range map[string]string{
		"init.js":  "text/javascript; charset=utf-8",
		"page.css": "text/css; charset=utf-8",
		"icon.svg": "image/svg+xml",
	} {
		text, err := viewer.ReadFile("viewer/" + name)
		if err != nil {
			return err
		}
		if err := d.add("assets/"+name, contentType, "", text); err != nil {
			return err
		}
	}
	return nil
}

// addSwagger takes the viewer's files as its module packed them.
func (d *docs) addSwagger() error {
	for name, contentType := range map[string]string{
		"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"swagger-ui.css":       "text/css; charset=utf-8",
	} {
		gzipped, err := swagger.FS.ReadFile(name + ".gz")
		if err != nil {
			return err
		}
		d.files["assets/"+name] = packed{contentType: contentType, etag: etag(gzipped), gzipped: gzipped}
	}
	return nil
}

func (d *docs) add(path, contentType, policy string, text []byte) error {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(text); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	d.files[path] = packed{contentType, etag(text), policy, out.Bytes()}
	return nil
}

// etag is weak: the same tag stands for the packed and the plain bytes.
func etag(b []byte) string {
	sum := sha256.Sum256(b)
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`
}
