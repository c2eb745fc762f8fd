package door

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"espalier.dev/errs"
	"espalier.dev/filter"
)

// Filter reads a filter parameter against what its list may be filtered by. One that was not given matches everything.
func (r *Request) Filter(name string, s *filter.Schema) (*filter.Expr, error) {
	e, err := filter.Parse(r.String(name), s)
	if wrong, ok := errors.AsType[*filter.SyntaxError](err); ok {
		return nil, errs.Invalidf("%s", wrong.Message(name))
	}
	return e, err
}

// SkipToken reads into position what NextPage wrote; it leaves it alone on the first page.
func (r *Request) SkipToken(position any) error {
	token := r.String("skipToken")
	if token == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, position)
	}
	if err != nil {
		return errWrongToken
	}
	return nil
}

var errWrongToken = errs.Invalidf("skipToken: is none that this list gave out; follow nextPage as it stands")

// OnePage refuses the token of a list that has one page and so gave out none.
func (r *Request) OnePage() error {
	if r.String("skipToken") != "" {
		return errWrongToken
	}
	return nil
}

// NextPage is the path and query of the page after a position, which is any JSON value.
func (r *Request) NextPage(position any) string {
	text, err := json.Marshal(position)
	if err != nil {
		panic(err) // positions are numbers and strings
	}
	q := r.URL.Query()
	q.Set("skipToken", base64.RawURLEncoding.EncodeToString(text))
	return r.URL.Path + "?" + q.Encode()
}

// Position is the last row of a page: its sort key, a number or a text, and its id.
type Position struct {
	Of     string `json:"of"` // a mark of what the list was asked for
	Number int64  `json:"n,omitempty"`
	Text   string `json:"t,omitempty"`
	ID     int64  `json:"id"`
}

// After is where the page before ended, nil for the first page. params are those that make another list of it: a position in
// one order or filter means nothing in another.
func (r *Request) After(params ...string) (*Position, error) {
	var p Position
	if err := r.SkipToken(&p); err != nil || !r.Given("skipToken") {
		return nil, err
	}
	if p.Of != r.question(params) || strings.ContainsRune(p.Text, 0) { // no database takes a NUL
		return nil, errs.Invalidf("skipToken: is of another list, filter or order; follow nextPage as it stands")
	}
	return &p, nil
}

// PageAfter is the path and query of the page after a row, for After with the same params.
func (r *Request) PageAfter(p Position, params ...string) string {
	p.Of = r.question(params)
	return r.NextPage(p)
}

func (r *Request) question(params []string) string {
	h := sha256.New()
	io.WriteString(h, r.URL.Path)
	for _, name := range params {
		io.WriteString(h, "\n"+strings.TrimSuffix(r.String(name), " asc")) // asc is what an order is without saying so
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// streamBuffer is how many bytes of a streamed list are gathered before they are sent.
const streamBuffer = 32 << 10

// Listing is an answer of 200 with a JSON array that is sent as it grows, so that a list of any length needs little memory.
type Listing struct {
	w      http.ResponseWriter
	buf    *bufio.Writer
	json   *json.Encoder
	before string // the array
	n      int
}

// Stream begins a list. Nothing is sent before the first buffer is full, so that an early error is still a clean answer.
func Stream(w http.ResponseWriter) *Listing {
	l := &Listing{w: w}
	l.buf = bufio.NewWriterSize(begin{w}, streamBuffer)
	l.json = json.NewEncoder(l.buf)
	l.json.SetEscapeHTML(false)
	return l
}

// begin sends the header before the first bytes.
type begin struct{ w http.ResponseWriter }

func (b begin) Write(p []byte) (int, error) {
	b.w.Header().Set("Content-Type", jsonType(b.w)) // again before each buffer, to no effect
	return b.w.Write(p)
}

// Add appends an item. Its error is that the client is gone.
func (l *Listing) Add(item any) error {
	separator := ","
	if l.n == 0 {
		separator = l.before + "["
	}
	l.n++
	if _, err := l.buf.WriteString(separator); err != nil {
		return err
	}
	return l.json.Encode(item)
}

// StreamIn begins a list that is a member of an object.
func StreamIn(w http.ResponseWriter, member string) *Listing {
	l := Stream(w)
	l.before = `{"` + member + `":`
	return l
}

// EndIn closes the list and the object, after the members of rest, or hands on the error that ended it early. rest may count
// what was sent: JSON has no order of members.
func (l *Listing) EndIn(rest any, err error) error {
	if err != nil {
		return err
	}
	text, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	return l.close("]," + strings.TrimPrefix(string(text), "{") + "\n")
}

// Len is how many items were added.
func (l *Listing) Len() int { return l.n }

// End closes the list, or hands on the error that ended it early.
func (l *Listing) End(err error) error {
	if err != nil {
		return err
	}
	return l.close("]\n")
}

func (l *Listing) close(text string) error {
	if l.n == 0 {
		text = l.before + "[" + text
	}
	if _, err := l.buf.WriteString(text); err != nil {
		return err
	}
	return l.buf.Flush()
}
