// Package page renders pages of the server: each a template within frame.html, in a folder templates.
package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"
)

const frame = "frame.html"

// Set is the pages of a folder. It is safe for concurrent use.
type Set struct {
	parsed func() (map[string]*template.Template, error) // when the first page is shown, and not at every start
}

// New makes a Set of the folder templates in files. The templates may call funcs.
func New(files fs.FS, funcs template.FuncMap) *Set {
	return &Set{parsed: sync.OnceValues(func() (map[string]*template.Template, error) { return parse(files, funcs) })}
}

func parse(files fs.FS, funcs template.FuncMap) (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		if path.Base(name) == frame {
			continue
		}
		t, err := template.New(frame).Funcs(funcs).ParseFS(files, "templates/"+frame, name)
		if err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return pages, nil
}

// Render writes the page templates/NAME.html with its data.
func (s *Set) Render(name string, data any) ([]byte, error) {
	pages, err := s.parsed()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := pages[name].Execute(&b, data); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return b.Bytes(), nil
}
