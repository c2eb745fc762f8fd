package egress

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Map sends requests for a host to a base URL: a gateway, a test double. A key is a host, as api.example.com, or a suffix of
// hosts, as *.example.com, which does not stand for example.com itself. An exact host goes before a suffix, a longer suffix
// before a shorter one. The zero value sends nothing elsewhere.
type Map struct {
	exact    map[string]*url.URL
	suffixes []suffix // longest first
}

type suffix struct {
	dotted string // .example.com
	base   *url.URL
}

// ParseMap reads a map from YAML, `host: base URL` a line. The error names every wrong line.
func ParseMap(text []byte) (Map, error) {
	var lines yaml.MapSlice
	if err := yaml.Unmarshal(text, &lines); err != nil {
		return Map{}, fmt.Errorf("egress map: %s", yaml.FormatError(err, false, false))
	}
	m := Map{exact: make(map[string]*url.URL)}
	var wrong []error
	for _, l := range lines {
		host, isText := l.Key.(string)
		target, isText2 := l.Value.(string)
		if !isText || !isText2 {
			wrong = append(wrong, fmt.Errorf("egress map: %v: a host and a base URL are needed, as api.example.com: https://gateway.example.com", l.Key))
			continue
		}
		if err := m.add(host, target); err != nil {
			wrong = append(wrong, fmt.Errorf("egress map: %s: %w", host, err))
		}
	}
	slices.SortFunc(m.suffixes, func(a, b suffix) int { return len(b.dotted) - len(a.dotted) })
	if err := errors.Join(wrong...); err != nil {
		return Map{}, err
	}
	return m, nil
}

func (m *Map) add(host, target string) error {
	base, err := url.Parse(target)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no URL", target)
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return fmt.Errorf("%q is no base URL: it begins with http:// or https:// and a host", target)
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return fmt.Errorf("%q has more than a host and a path", target)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	name, wild := strings.CutPrefix(strings.ToLower(host), "*.")
	if name == "" || strings.ContainsAny(name, "*/:@ ") {
		return errors.New("it is no host, as api.example.com or *.example.com")
	}
	if wild {
		m.suffixes = append(m.suffixes, suffix{"." + name, base})
	} else {
		m.exact[name] = base
	}
	return nil
}

// base finds where requests for a host go.
func (m Map) base(host string) (*url.URL, bool) {
	host = canonical(host)
	if b, ok := m.exact[host]; ok {
		return b, true
	}
	for _, s := range m.suffixes {
		if strings.HasSuffix(host, s.dotted) {
			return s.base, true
		}
	}
	return nil, false
}

// canonical is a host in small letters and without the dot of the root, which name the same.
func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// redirected is the URL that a request for u goes to.
func redirected(u, base *url.URL) *url.URL {
	to := *u
	to.Scheme, to.Host = base.Scheme, base.Host
	if base.Path != "" {
		to.Path = base.Path + ensureSlash(u.Path)
		if u.RawPath != "" {
			to.RawPath = base.EscapedPath() + ensureSlash(u.RawPath)
		}
	}
	return &to
}

func ensureSlash(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}
