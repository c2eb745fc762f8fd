package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"espalier.dev/contract"
)

// servedOperations finds out by asking which operations of the contract a server answers: what it does not know is "nothing".
func servedOperations(t *testing.T, s *server) []operation {
	t.Helper()
	var list []operation
	for _, op := range allOperations() {
		path := op.Path
		for _, p := range op.Params {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "1")
		}
		req, err := http.NewRequest(op.Method, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusMethodNotAllowed {
			list = append(list, op)
		}
	}
	if len(list) < 31 {
		t.Fatalf("the server answers %d operations, fewer than it did", len(list))
	}
	return list
}

// documents is the OpenAPI documents by API, read at first use.
var documents sync.Map

func document(t *testing.T, api string) *openapi3.T {
	t.Helper()
	if doc, ok := documents.Load(api); ok {
		return doc.(*openapi3.T)
	}
	text, err := contract.Corrected(api)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	documents.Store(api, doc)
	return doc
}

// request is a request of an operation, of which each part can be changed.
type request struct {
	op     operation
	params map[string]*openapi3.Parameter // declared, by name
	schema *openapi3.Schema               // of the JSON body; nil if it takes none
	path   map[string]string              // escaped
	query  url.Values
	raw    string // instead of query, as it stands
	tree   any    // JSON body
	body   []byte // as it is sent
	header []string
}

func (r *request) target() string {
	path := r.op.Path
	for name, value := range r.path {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	switch {
	case r.raw != "":
		return path + "?" + r.raw
	case len(r.query) > 0:
		return path + "?" + r.query.Encode()
	}
	return path
}

// clone is a copy whose parameters can be changed.
func (r *request) clone() *request {
	c := *r
	c.path, c.query = maps.Clone(r.path), maps.Clone(r.query)
	return &c
}

// values is what is valid in the world of a test, by the name of a parameter or member, or by operation and name where a name
// means different things. Whoever serves an operation with a new kind of value adds it here.
type values map[string]any

// filterOfTags is the one filter that is not by name.
const filterOfTags = "msp MSP Customer Tag#Index Customers filter"

func (v values) of(op operation, name string) (any, bool) {
	if value, ok := v[op.String()+" "+name]; ok {
		return value, true
	}
	value, ok := v[name]
	return value, ok
}

// validRequest makes a request of everything that an operation declares.
func validRequest(t *testing.T, op operation, v values) *request {
	t.Helper()
	declared := document(t, op.api).Paths.Value(op.Path).GetOperation(op.Method)
	r := &request{op: op, params: map[string]*openapi3.Parameter{}, path: map[string]string{}, query: url.Values{}}
	item := document(t, op.api).Paths.Value(op.Path)
	for _, p := range slices.Concat(item.Parameters, declared.Parameters) {
		r.params[p.Value.Name] = p.Value
		value, ok := v.of(op, p.Value.Name)
		switch {
		case ok && p.Value.In == "path":
			r.path[p.Value.Name] = url.PathEscape(fmt.Sprint(value))
		case ok && p.Value.In == "query":
			r.query.Set(p.Value.Name, fmt.Sprint(value))
		case p.Value.Required:
			t.Fatalf("%s: say in values what is valid for the parameter %s", op, p.Value.Name)
		}
	}
	if declared.RequestBody != nil {
		r.setBody(t, declared.RequestBody.Value, v)
	}
	return r
}

func (r *request) setBody(t *testing.T, declared *openapi3.RequestBody, v values) {
	t.Helper()
	media := declared.Content["application/json"]
	if media == nil {
		text, ok := v.of(r.op, "body")
		if !ok {
			t.Fatalf("%s: say in values what is a valid body", r.op)
		}
		r.body, r.header = []byte(text.(string)), []string{"Content-Type", slices.Min(slices.Collect(maps.Keys(declared.Content)))}
		return
	}
	r.schema = media.Schema.Value
	r.tree = sample(t, r.op, v, "", r.schema)
	r.body = encode(r.tree)
}

// sample is a value that a schema takes, with every member.
func sample(t *testing.T, op operation, v values, name string, s *openapi3.Schema) any {
	t.Helper()
	if value, ok := v.of(op, name); ok {
		return value
	}
	switch {
	case s.Type.Is("object"):
		var o members
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			o = append(o, member{name, sample(t, op, v, name, s.Properties[name].Value)})
		}
		return o
	case s.Type.Is("array"):
		return []any{sample(t, op, v, name+"[]", s.Items.Value)}
	}
	t.Fatalf("%s: say in values what is valid for the member %s", op, name)
	return nil
}
