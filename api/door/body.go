package door

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"espalier.dev/contract/check"
	"espalier.dev/errs"
)

const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// Body returns the request body, checked against the contract, in the shape T. It is the zero value when the operation's
// body may be left out and was.
func Body[T any](r *Request) (T, error) {
	var v T
	if r.body == nil {
		return v, nil
	}
	err := json.Unmarshal(r.body, &v)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return v, errs.Invalidf("%s: must be of another type, is a %s", t.Field, t.Value)
	}
	if err != nil {
		return v, errs.Invalidf("body: %v", err)
	}
	return v, nil
}

// readBody reads and checks a JSON body. A body of another kind is left to the handler, capped.
func (r *Request) readBody(w http.ResponseWriter, rt *route) error {
	if r.ContentLength > rt.maxBody {
		return tooLarge(rt.maxBody)
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return errs.Invalidf("header Content-Encoding: bodies are taken as they are, not in %q", e)
	}
	media, err := r.mediaType()
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, rt.maxBody)
	if !rt.json {
		return rawMedia(rt, media)
	}
	return r.readJSON(rt, media)
}

func (r *Request) readJSON(rt *route, media string) error {
	body, err := r.readAll(rt.maxBody)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		if rt.Operation.Body.Required {
			return errs.Invalidf("body: is needed, as %s", mediaJSON)
		}
		return nil
	}
	if body, err = toJSON(rt, media, body); err != nil {
		return err
	}
	if err := rt.checker.JSON(rt.Operation.Body.Schema, body); err != nil {
		return errs.Invalidf("%s", err)
	}
	r.body = body
	return nil
}

// mediaType returns the media type without parameters, "" if none is given.
func (r *Request) mediaType() (string, error) {
	text := r.Header.Get("Content-Type")
	if text == "" || text == mediaJSON {
		return text, nil
	}
	media, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "", errs.Invalidf("header Content-Type: %q is no media type: %v", text, err)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return "", errs.Invalidf("header Content-Type: charset %q: bodies are in utf-8", charset)
	}
	return media, nil
}

// rawMedia refuses what the operation does not read. A missing type and the form type that curl sends unasked say nothing
// about the body.
func rawMedia(rt *route, media string) error {
	if media == "" || media == mediaForm || slices.Contains(rt.Operation.Body.Media, media) {
		return nil
	}
	return wrongMedia(rt, media)
}

func wrongMedia(rt *route, media string) error {
	return errs.Invalidf("header Content-Type: %s is not taken here, want %s", media, strings.Join(rt.Operation.Body.Media, " or "))
}

// toJSON makes JSON of the body. Real clients leave the type out, or send JSON under the form type without knowing (curl
// -d), so it is the body that decides between the two; a true form is taken where the operation declares one.
func toJSON(rt *route, media string, body []byte) ([]byte, error) {
	switch {
	case media == "" || media == mediaJSON || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
		return body, nil
	case media != mediaForm:
		return nil, wrongMedia(rt, media)
	}
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return body, nil
	}
	if !rt.form {
		return nil, wrongMedia(rt, media)
	}
	return formJSON(body)
}

// formJSON writes a form as a JSON object of strings.
func formJSON(body []byte) ([]byte, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errs.Invalidf("body: is not a form: %v", err)
	}
	var wrong check.Violations
	members := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if n := len(form[name]); n > 1 {
			wrong.Add(name, "is given %d times, want once", n)
		}
		members[name] = form[name][0]
	}
	if err := wrong.Err(); err != nil {
		return nil, errs.Invalidf("%s", err)
	}
	return json.Marshal(members)
}

func (r *Request) readAll(limit int64) ([]byte, error) {
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, limit)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(r.Body); err != nil {
		return nil, readFault(err)
	}
	return b.Bytes(), nil
}

// readFault explains a body that could not be read to its end.
func readFault(err error) error {
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(big.Limit)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &errs.Error{Kind: errs.Invalid, Msg: "body: ends before its announced length", Err: err}
	}
	return &errs.Error{Kind: errs.Invalid, Msg: "body: could not be read", Err: err}
}

func tooLarge(limit int64) error { return errs.Invalidf("body: must have at most %d bytes", limit) }
