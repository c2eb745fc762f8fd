package doortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"espalier.dev/contract"
	"espalier.dev/contract/opgen"
	"github.com/getkin/kin-openapi/openapi3"
)

const mediaError = "application/vnd.goa.error"

// Transport returns a transport that checks every answer of base. Answers are read whole before they are passed on; one
// that breaks off is passed on unchecked, as it came.
func Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	return transport{t, base}
}

type transport struct {
	t    testing.TB
	base http.RoundTripper
}

// RoundTrip sends the request and checks the answer.
func (tr transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := tr.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
		return resp, nil
	}
	Check(tr.t, req, resp, body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Check fails the test for each point in which an answer is not what the contract says. Answers at paths of no API are not
// its business.
func Check(t testing.TB, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	j := theJudge()
	if !j.concerns(req.URL.Path) {
		return
	}
	for _, problem := range j.problems(req, resp, body) {
		t.Errorf("%s %s: answer %d: %s", req.Method, req.URL.Path, resp.StatusCode, problem)
	}
}

// judge finds the operation of a request and loads documents at their first use. There is one for all tests of a binary,
// since it never changes and takes 30 ms a document.
type judge struct {
	mux  *http.ServeMux
	docs map[string]func() (*openapi3.T, error) // by API
}

var theJudge = sync.OnceValue(func() *judge {
	j := &judge{http.NewServeMux(), map[string]func() (*openapi3.T, error){}}
	for _, api := range opgen.All() {
		for i := range api.Operations {
			op := &api.Operations[i]
			j.mux.Handle(op.Method+" "+op.Path, route{api.Name, op})
		}
		j.docs[api.Name] = sync.OnceValues(func() (*openapi3.T, error) { return load(api.Name) })
	}
	return j
})

// route stands in the mux as a handler that is found and never called.
type route struct {
	api string
	op  *contract.Operation
}

// ServeHTTP is never called.
func (route) ServeHTTP(http.ResponseWriter, *http.Request) {}

func load(api string) (*openapi3.T, error) {
	text, err := contract.Corrected(api)
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(text)
}

// concerns tells whether a path begins as all paths of some API do.
func (j *judge) concerns(path string) bool {
	return slices.ContainsFunc(opgen.All(), func(api *contract.API) bool {
		common := api.Operations[0].Path
		for _, op := range api.Operations {
			for !strings.HasPrefix(op.Path, common) {
				common = common[:len(common)-1]
			}
		}
		return strings.HasPrefix(path, common)
	})
}

func (j *judge) problems(req *http.Request, resp *http.Response, body []byte) []string {
	var out []string
	if resp.Header.Get("X-Request-Id") == "" {
		out = append(out, "it has no X-Request-Id")
	}
	h, _ := j.mux.Handler(req)
	rt, ok := h.(route)
	if !ok {
		return append(out, outsideProblems(req, resp, body)...)
	}
	declared, err := j.declared(rt, resp.StatusCode)
	if err != nil {
		return append(out, err.Error())
	}
	if declared == nil {
		if tolerated[resp.StatusCode] == "" {
			return append(out, fmt.Sprintf("operation %s does not declare this status", rt.op.ID))
		}
		bad, _ := rt.op.Response(http.StatusBadRequest) // undeclared errors take the form of the declared ones
		return append(out, sixFieldProblems(req, resp, body, bad.Media[0])...)
	}
	for name, header := range declared.Headers {
		if header.Value.Required && resp.Header.Get(name) == "" {
			out = append(out, "the declared header "+name+" is missing")
		}
	}
	if req.Method == http.MethodHead {
		return out
	}
	return append(out, bodyProblems(rt, declared, req, resp, body)...)
}

func (j *judge) declared(rt route, status int) (*openapi3.Response, error) {
	doc, err := j.docs[rt.api]()
	if err != nil {
		return nil, err
	}
	r := doc.Paths.Value(rt.op.Path).GetOperation(rt.op.Method).Responses.Status(status)
	if r == nil {
		return nil, nil
	}
	return r.Value, nil
}

// outsideProblems judges the answer to a request of no operation.
func outsideProblems(req *http.Request, resp *http.Response, body []byte) []string {
	switch {
	case resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") == "":
		return []string{"it does not say which methods are known: the header Allow is missing"}
	case resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode == http.StatusNotFound:
		return sixFieldProblems(req, resp, body, mediaError)
	default:
		return []string{"there is no such operation: want 404 or 405"}
	}
}

// sixFieldProblems judges an error that no document declares.
func sixFieldProblems(req *http.Request, resp *http.Response, body []byte, want string) []string {
	var out []string
	if media := mediaOf(resp); media != want {
		out = append(out, fmt.Sprintf("it is of type %q, want %s", media, want))
	}
	if req.Method == http.MethodHead {
		return out
	}
	return append(out, missingFields(body)...)
}

func missingFields(body []byte) []string {
	var e struct {
		Name, ID, Message         *string
		Temporary, Timeout, Fault *bool
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return []string{fmt.Sprintf("it is no error body: %v", err)}
	}
	if e.Name == nil || e.ID == nil || e.Message == nil || e.Temporary == nil || e.Timeout == nil || e.Fault == nil {
		return []string{fmt.Sprintf("not all six fields of an error are there: %s", body)}
	}
	return nil
}

func mediaOf(resp *http.Response) string {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return media
}

func bodyProblems(rt route, declared *openapi3.Response, req *http.Request, resp *http.Response, body []byte) []string {
	if len(declared.Content) == 0 {
		if len(body) > 0 && openAnswers[rt.op.ID] == "" {
			return []string{fmt.Sprintf("operation %s declares no body for it, and it has %d bytes", rt.op.ID, len(body))}
		}
		return nil
	}
	media := mediaOf(resp)
	if other := sameAs[media]; other != "" && declared.Content[other] != nil && strings.Contains(req.Header.Get("Accept"), media) {
		media = other
	}
	content := declared.Content[media]
	if content == nil {
		return []string{fmt.Sprintf("it is of type %q, want one of %v", media, slices.Sorted(maps.Keys(declared.Content)))}
	}
	var out []string
	if media == mediaError { // the six fields satisfy the short schema as well: contract, section 2.3
		out = missingFields(body)
	}
	for _, text := range documents(media, body) {
		out = append(out, jsonProblems(content.Schema.Value, text, resp.StatusCode < 400)...)
	}
	return out
}

// documents returns the JSON texts in a body: one, one a line, or none in a file of another kind.
func documents(media string, body []byte) [][]byte {
	switch media {
	case "application/json", mediaError:
		return [][]byte{body}
	case "application/x-ndjson":
		return bytes.Split(bytes.TrimRight(body, "\n"), []byte("\n"))
	}
	if strings.HasPrefix(media, "application/vnd.flexera.") {
		return [][]byte{body}
	}
	return nil
}

func jsonProblems(schema *openapi3.Schema, text []byte, strict bool) []string {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return []string{fmt.Sprintf("it is no JSON: %v", err)}
	}
	var out []string
	if err := schema.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.MultiErrors()); err != nil {
		out = append(out, err.Error())
	}
	if strict {
		out = append(out, undeclared(schema, v, "")...)
	}
	return out
}

// undeclared finds members that a schema does not know, which are mostly misspelt optional ones.
func undeclared(schema *openapi3.Schema, v any, path string) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if schema.Items != nil {
				out = append(out, undeclared(schema.Items.Value, item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	case map[string]any:
		for name, member := range v {
			at := strings.TrimPrefix(path+"."+name, ".")
			if p := schema.Properties[name]; p != nil {
				out = append(out, undeclared(p.Value, member, at)...)
			} else if len(schema.Properties) > 0 {
				out = append(out, "member "+at+" is not declared")
			}
		}
	}
	return out
}
