package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/value"
)

// World is what there is outside of an evaluation.
type World struct {
	// Now is the time that it is for the whole of an evaluation.
	Now time.Time `json:"now"`
	// Exchanges are the requests that are answered.
	Exchanges []Exchange `json:"-"`
}

// Exchange is a request and its answer.
type Exchange struct {
	Request  Request  `json:"request"`
	Response Response `json:"response"`
	// Times is how often it happens, 0 for any number.
	Times int `json:"times,omitempty"`
}

// Request says which requests an exchange is for.
type Request struct {
	Method string `json:"method,omitempty"` // GET if it is empty
	// URL is the whole address; a * in it stands for any text.
	URL string `json:"url"`
	// Header are headers that the request must have; it may have others.
	Header map[string]string `json:"header,omitempty"`
	// Body is what the body must be; nil lets it be anything.
	Body *Body `json:"body,omitempty"`
	// Auth is the name of the credentials that must sign, "-" for none; empty lets it be any.
	Auth string `json:"auth,omitempty"`
}

// Response is an answer.
type Response struct {
	Status int               `json:"status,omitempty"` // 200 if it is 0
	Header map[string]string `json:"header,omitempty"`
	Body   *Body             `json:"body,omitempty"`
	// Error is for a request that gets no answer.
	Error string `json:"error,omitempty"`
}

// Body is what travels, in one of several forms.
type Body struct {
	Text     string          `json:"text,omitempty"`
	JSON     json.RawMessage `json:"json,omitempty"`
	Base64   string          `json:"base64,omitempty"`
	Contains []string        `json:"contains,omitempty"` // of requests: what must be in it
}

// Load reads a world from a folder.
func Load(folder fs.FS) (World, error) {
	var w World
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return w, err
	}
	slices.Sort(names)
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return w, err
		}
		if name == worldFile {
			err = read(text, &w)
		} else {
			var list []Exchange
			err = read(text, &list)
			w.Exchanges = append(w.Exchanges, list...)
		}
		if err != nil {
			return w, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(names) == 0 {
		return w, errors.New("the folder holds no JSON file of a recorded world")
	}
	return w, nil
}

const worldFile = "world.json"

// read refuses members that nobody knows: they are misspelt.
func read(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// bytes is the body as it travels.
func (b *Body) bytes() ([]byte, error) {
	switch {
	case b == nil:
		return nil, nil
	case b.JSON != nil:
		var text bytes.Buffer
		err := json.Compact(&text, b.JSON)
		return text.Bytes(), err
	case b.Base64 != "":
		return base64.StdEncoding.DecodeString(b.Base64)
	}
	return []byte(b.Text), nil
}

// bodyOf is a body as it is written down: so that people can read it, and that the same bytes come out of it again.
func bodyOf(text []byte) *Body {
	var compact bytes.Buffer
	switch {
	case len(text) == 0:
		return nil
	case json.Compact(&compact, text) == nil && bytes.Equal(compact.Bytes(), text):
		return &Body{JSON: text}
	case utf8.Valid(text):
		return &Body{Text: string(text)}
	}
	return &Body{Base64: base64.StdEncoding.EncodeToString(text)}
}

// fits says why a request is not the one of the exchange, "" if it is.
func (want Request) fits(got eval.Request) string {
	method := want.Method
	if method == "" {
		method = "GET"
	}
	switch {
	case method != got.Method:
		return "its method is " + method
	case !wildcard(want.URL).MatchString(got.URL):
		return "its address is " + want.URL
	case want.Auth == "-" && got.Auth != nil:
		return "it goes unsigned"
	case want.Auth != "" && want.Auth != "-" && (got.Auth == nil || got.Auth.Name != want.Auth):
		return "it is signed by " + want.Auth
	case !want.Body.fits(got.Body):
		return "its body is another"
	}
	for name, text := range want.Header {
		if got.Header.Get(name) != text {
			return fmt.Sprintf("its header %s is %q", name, text)
		}
	}
	return ""
}

// wildcard matches an address in which a * stands for any text.
var wildcard = func() func(string) *regexp.Regexp {
	var known sync.Map
	return func(address string) *regexp.Regexp {
		if re, ok := known.Load(address); ok {
			return re.(*regexp.Regexp)
		}
		parts := strings.Split(address, "*")
		for i, p := range parts {
			parts[i] = regexp.QuoteMeta(p)
		}
		re := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
		known.Store(address, re)
		return re
	}
}()

func (b *Body) fits(got []byte) bool {
	if b == nil {
		return true
	}
	for _, part := range b.Contains {
		if !bytes.Contains(got, []byte(part)) {
			return false
		}
	}
	if len(b.Contains) > 0 {
		return true
	}
	if b.JSON != nil {
		want, err := value.Decode(b.JSON)
		is, err2 := value.Decode(got)
		return err == nil && err2 == nil && value.Equal(want, is)
	}
	want, err := b.bytes()
	return err == nil && bytes.Equal(want, got)
}

func header(from map[string]string) http.Header {
	h := make(http.Header, len(from))
	for name, text := range from {
		h.Set(name, text)
	}
	return h
}

// Exchanges reads a list of exchanges from JSON.
func Exchanges(text []byte) ([]Exchange, error) {
	var list []Exchange
	err := read(text, &list)
	return list, err
}
