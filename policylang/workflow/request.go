package workflow

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Request is what a program asks the host to send.
type Request struct {
	Method string // upper case
	URL    string
	Header http.Header
	Body   []byte
	Signer string // name of the credential, "" for none
	// Signature is what the program says about the signing, null if nothing.
	Signature Value
	// NoRedirect returns a redirect as it is; Insecure accepts any certificate, if the host allows it.
	NoRedirect, Insecure bool
}

// Response is the answer to a Request.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// buildRequest makes the request of http_request and its kin; verb is "" for http_request.
func buildRequest(verb string, args Hash) (Request, error) {
	get := func(name string) Value { v, _ := args.Get(name); return v }
	if verb == "" {
		verb = Text(get("verb"))
	}
	q := Request{Method: strings.ToUpper(verb), Header: http.Header{}}
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"}, q.Method) {
		return q, fault("http_request: verb is %s: expected get, post, put, patch, delete, head, options or trace", Inspect(get("verb")))
	}
	var err error
	if q.URL, err = requestURL(args); err != nil {
		return q, err
	}
	if h, ok := get("headers").(Hash); ok {
		for k, v := range h.All() {
			k = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(k, "_", "-"))
			if list, many := v.(Array); many {
				for _, item := range list.Items() {
					q.Header.Add(k, joinText(item))
				}
			} else {
				q.Header.Set(k, joinText(v))
			}
		}
	}
	requestBody(&q, get("body"))
	requestCookies(&q, get("cookies"))
	if err := requestAuth(&q, get("auth"), get("basic_auth")); err != nil {
		return q, err
	}
	q.Signature = get("signature")
	q.NoRedirect, q.Insecure = Truth(get("noredirect")), Truth(get("insecure"))
	return q, nil
}

// requestURL joins url, or scheme, host and href, with the query. The scheme is http unless https is true.
func requestURL(args Hash) (string, error) {
	get := func(name string) Value { v, _ := args.Get(name); return v }
	raw := joinText(get("url"))
	if raw == "" {
		host := joinText(get("host"))
		if host == "" {
			return "", fault("http_request: host is missing")
		}
		href := joinText(get("href"))
		if href != "" && href[0] != '/' && href[0] != '?' {
			href = "/" + href
		}
		scheme := "http://"
		if Truth(get("https")) {
			scheme = "https://"
		}
		raw = scheme + host + href
	}
	if q, ok := get("query_strings").(Hash); ok && q.Len() > 0 {
		raw += joiner(raw) + queryText(q)
	}
	u, err := url.Parse(percent(raw, "-_.~:/?#[]@!$&'()*+,;=%"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fault("http_request: %q is no URL", raw)
	}
	return u.String(), nil
}

func joiner(raw string) string {
	if strings.Contains(raw, "?") {
		return "&"
	}
	return "?"
}

func queryText(q Hash) string {
	var parts []string
	for k, v := range q.All() {
		text := Text(v)
		if _, isText := v.(String); !isText {
			text = JSON(v)
		}
		parts = append(parts, percent(k, "-_.~")+"="+percent(text, "-_.~"))
	}
	return strings.Join(parts, "&")
}

// requestBody sends text as it is and anything else as JSON.
func requestBody(q *Request, body Value) {
	switch b := body.(type) {
	case nil:
	case String:
		q.Body = []byte(b)
	default:
		q.Body = []byte(JSON(body))
		if q.Header.Get("Content-Type") == "" {
			q.Header.Set("Content-Type", "application/json")
		}
	}
}

// requestCookies takes a hash of names and values, or an array of hashes as an answer has them.
func requestCookies(q *Request, v Value) {
	var parts []string
	switch c := v.(type) {
	case Hash:
		for k, v := range c.All() {
			parts = append(parts, k+"="+joinText(v))
		}
	case Array:
		for _, item := range c.Items() {
			if h, ok := item.(Hash); ok {
				parts = append(parts, joinText(member(h, String("name")))+"="+joinText(member(h, String("value"))))
			}
		}
	}
	if len(parts) > 0 {
		q.Header.Set("Cookie", strings.Join(parts, "; "))
	}
}

func requestAuth(q *Request, auth, basic Value) error {
	switch a := auth.(type) {
	case nil:
	case Signer:
		q.Signer = string(a)
	case String:
		q.Signer = strings.TrimLeft(string(a), "$")
	default:
		return fault("http_request: auth is %s: expected a credential such as $$auth_x", article(auth))
	}
	if h, ok := basic.(Hash); ok {
		pair := joinText(member(h, String("username"))) + ":" + joinText(member(h, String("password")))
		q.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return nil
}

// responseValue is the hash that a program gets: code, headers, cookies, body.
func responseValue(p Response, raw bool) Value {
	headers := Hash{}
	names := make([]string, 0, len(p.Header))
	for k := range p.Header {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		headers = headers.With(k, String(strings.Join(p.Header[k], ", ")))
	}
	cookies := Array{}
	for _, c := range (&http.Response{Header: p.Header}).Cookies() {
		cookies = cookies.Append(Hash{}.With("name", String(c.Name)).With("value", String(c.Value)).With("domain", String(c.Domain)).With("path", String(c.Path)))
	}
	var body Value = String(p.Body)
	if !raw {
		body = decodeBody(p)
	}
	return Hash{}.With("code", Int(p.Status)).With("headers", headers).With("cookies", cookies).With("body", body)
}

// decodeBody reads JSON and XML by the content type; what does not parse stays text.
func decodeBody(p Response) Value {
	kind, _, _ := strings.Cut(strings.ToLower(p.Header.Get("Content-Type")), ";")
	kind = strings.TrimSpace(kind)
	switch {
	case strings.HasSuffix(kind, "json"):
		if v, err := FromJSON(string(p.Body)); err == nil {
			return v
		}
	case strings.HasSuffix(kind, "xml"):
		if v, err := fromXML(string(p.Body)); err == nil {
			return v
		}
	}
	return String(p.Body)
}

// fromXML makes a hash of a document: elements and attributes by their local names, repeated ones as arrays, those
// without children as their text, which is "" for an empty one. Text beside attributes is the member content.
func fromXML(text string) (Value, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root, err := xmlChildren(d, Hash{}, 0)
	if err != nil {
		return nil, err
	}
	if _, ok := root.(Hash); !ok {
		return nil, errors.New("no element")
	}
	return root, nil
}

func xmlChildren(d *xml.Decoder, h Hash, level int) (Value, error) {
	if level >= maxValueDepth {
		return nil, errors.New("nested too deeply")
	}
	var text strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && level == 0 {
			return xmlResult(h, ""), nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			attrs := Hash{}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					attrs = attrs.With(a.Name.Local, String(a.Value))
				}
			}
			v, err := xmlChildren(d, attrs, level+1)
			if err != nil {
				return nil, err
			}
			h = addXML(h, t.Name.Local, v)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			return xmlResult(h, text.String()), nil
		}
	}
}

func xmlResult(h Hash, text string) Value {
	trimmed := strings.TrimSpace(text)
	switch {
	case h.Len() == 0 && trimmed == "":
		return String("")
	case h.Len() == 0:
		return String(text)
	case trimmed != "":
		return h.With("content", String(trimmed))
	}
	return h
}

func addXML(h Hash, name string, v Value) Hash {
	old, there := h.Get(name)
	if !there {
		return h.With(name, v)
	}
	if list, many := old.(Array); many {
		return h.With(name, list.Append(v))
	}
	return h.With(name, ArrayOf(old, v))
}

// answer is what became of the request of a task.
type answer struct {
	task     *task
	response Response
	err      error
	late     bool
}

// serve does what the tasks wait for: it wakes those whose sleep is over, ends blocks that took too long, and sends
// the requests, side by side. It returns an error, and has changed nothing, if the context ended meanwhile.
func (r *run) serve() error {
	var calls []*answer
	for _, t := range r.m.s.Tasks {
		if t.Wait.Kind == "http" {
			calls = append(calls, &answer{task: t})
		}
	}
	if err := r.send(calls); err != nil {
		return err
	}
	for _, a := range calls {
		r.deliver(a)
	}
	now := r.millis()
	for _, t := range slices.Clone(r.m.s.Tasks) {
		if len(t.Frames) == 0 || t.Wait == nil {
			continue
		}
		if r.late(t) {
			continue
		}
		if t.Wait != nil && t.Wait.Kind == "sleep" && now >= t.Wait.Until {
			t.Wait = nil
		}
	}
	return nil
}

// send performs requests, a few at once, each until its answer or the end of the time its blocks have.
func (r *run) send(calls []*answer) error {
	slots := make(chan struct{}, r.m.limits.Calls)
	var all sync.WaitGroup
	for _, a := range calls {
		args, _ := a.task.Wait.Args.Value.(Hash)
		q, err := buildRequest(a.task.Wait.Verb, args)
		if err != nil {
			a.err = err
			continue
		}
		left := r.timeLeft(a.task)
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(r.ctx, left)
			defer cancel()
			a.response, a.err = r.host.Do(ctx, q)
			a.late = a.err != nil && ctx.Err() != nil
		})
	}
	all.Wait()
	return r.ctx.Err()
}

// timeLeft is how long a request of t may take: until the first deadline of its blocks or of those that wait for it.
func (r *run) timeLeft(t *task) time.Duration {
	now := r.millis()
	first := r.m.s.Started + r.m.limits.Wall.Milliseconds()
	for t != nil {
		for _, at := range t.deadlines() {
			first = min(first, at)
		}
		fk := r.forkOf(t.Fork)
		if fk == nil || fk.Detached {
			break
		}
		t = r.taskOf(fk.Parent)
	}
	return time.Duration(max(first-now, 0)) * time.Millisecond
}

// deliver gives a task the answer to its request. One that ran out of time is dealt with as a timeout.
func (r *run) deliver(a *answer) {
	t := a.task
	if len(t.Frames) == 0 || t.Wait == nil || t.Wait.Kind != "http" {
		return
	}
	args, _ := t.Wait.Args.Value.(Hash)
	f := t.Frames[len(t.Frames)-1]
	i := r.m.codeOf(f).instrs[f.PC-1]
	if a.late {
		return // its block is late, or soon is: the request is sent again only if it is not
	}
	t.Wait = nil
	if r.m.s.Requests++; r.m.s.Requests > r.m.limits.Requests {
		r.over("requests: the run sent more than %d", r.m.limits.Requests)
		return
	}
	if a.err != nil {
		var bad *Fault
		if !errors.As(a.err, &bad) {
			bad = &Fault{Type: "http", Message: a.err.Error()}
		}
		r.raise(t, r.placed(bad, i))
		return
	}
	raw, _ := args.Get("raw_response")
	if err := r.made(f, responseValue(a.response, Truth(raw)), nil); err != nil {
		r.raise(t, r.placed(err, i))
	}
}
