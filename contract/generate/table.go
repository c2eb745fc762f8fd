package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"espalier.dev/contract"
)

// generate returns the files of contract/opgen by name.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range contract.Names() {
		text, err := contract.Corrected(name)
		if err != nil {
			return nil, err
		}
		api, err := tables(name, text)
		if err != nil {
			return nil, fmt.Errorf("%s.openapi.json: %w", name, err)
		}
		if files[name+"_gen.go"], err = printAPI(api); err != nil {
			return nil, err
		}
	}
	var err error
	files["opgen_gen.go"], err = printIndex()
	return files, err
}

// builder collects the tables of one document.
type builder struct {
	doc  document
	api  contract.API
	open map[string]bool // references on the way from the root: a table cannot be recursive
}

func tables(name string, text []byte) (contract.API, error) {
	b := builder{open: map[string]bool{}}
	if err := json.Unmarshal(text, &b.doc); err != nil {
		return contract.API{}, err
	}
	b.api = contract.API{Name: name, Title: b.doc.Info.Title, Schemas: []contract.Schema{{}}}
	for _, path := range slices.Sorted(maps.Keys(b.doc.Paths)) {
		methods := b.doc.Paths[path]
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			op, err := b.operation(method, path, methods[method])
			if err != nil {
				return contract.API{}, fmt.Errorf("%s %s: %w", method, path, err)
			}
			b.api.Operations = append(b.api.Operations, op)
		}
	}
	return b.api, nil
}

func (b *builder) operation(method, path string, o opObject) (contract.Operation, error) {
	op := contract.Operation{ID: o.OperationID, Method: strings.ToUpper(method), Path: path, NoSecurity: b.unsecured(o)}
	for _, p := range o.Parameters {
		param, err := b.param(p)
		if err != nil {
			return op, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		op.Params = append(op.Params, param)
	}
	var err error
	if op.Body, err = b.body(o.RequestBody); err != nil {
		return op, fmt.Errorf("request body: %w", err)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		r, err := b.response(status, o.Responses[status])
		if err != nil {
			return op, fmt.Errorf("response %s: %w", status, err)
		}
		op.Responses = append(op.Responses, r)
	}
	return op, nil
}

// unsecured tells whether an operation answers without a token: it says so itself, or it says nothing and nor does the
// document.
func (b *builder) unsecured(o opObject) bool {
	if o.Security != nil {
		return len(*o.Security) == 0
	}
	return len(b.doc.Security) == 0
}

func (b *builder) param(p paramObject) (contract.Param, error) {
	param := contract.Param{Name: p.Name, In: contract.Place(p.In), Required: p.Required, AllowEmpty: p.AllowEmptyValue}
	s := *p.Schema
	if s.Default != nil {
		param.Default = plain(s.Default)
	}
	if s.Type == "array" {
		param.Repeated, param.MinItems = true, s.MinItems
		s = *s.Items
	}
	if s.Type == "integer" && p.In == "path" && s.Minimum == nil {
		one := int64(1) // ids are positive; some documents leave it out
		s.Minimum = &one
	}
	if s.Type == "object" || s.Type == "array" || s.Ref != "" {
		return param, fmt.Errorf("only scalars and lists of scalars are understood")
	}
	var err error
	param.Schema, err = b.schema(&s)
	return param, err
}

func (b *builder) body(o *bodyObject) (*contract.Body, error) {
	if o == nil {
		return nil, nil
	}
	body := &contract.Body{Required: o.Required, Media: slices.Sorted(maps.Keys(o.Content)), MaxBytes: o.MaxBytes}
	media, ok := o.Content["application/json"]
	if !ok {
		return body, nil
	}
	var err error
	body.Schema, err = b.schema(media.Schema)
	return body, err
}

func (b *builder) response(status string, o responseObject) (contract.Response, error) {
	code, err := strconv.Atoi(status)
	if err != nil {
		return contract.Response{}, err
	}
	r := contract.Response{Status: code, Media: slices.Sorted(maps.Keys(o.Content))}
	for name := range o.Headers {
		r.Location = r.Location || strings.EqualFold(name, "Location")
	}
	if code >= 400 && len(r.Media) > 0 {
		r.Error, err = b.errorShape(r.Media[0], o.Content[r.Media[0]].Schema)
	}
	return r, err
}

// errorShape tells the forms of error bodies apart by their members. Under the six-field media type the six fields satisfy
// the short schema as well: README of the contract, section 2.3.
func (b *builder) errorShape(media string, s *schemaObject) (contract.ErrorShape, error) {
	s, err := b.resolve(s)
	if err != nil {
		return 0, err
	}
	has := func(members ...string) bool {
		return len(s.Properties) == len(members) && !slices.ContainsFunc(members, func(m string) bool { return s.Properties[m] == nil })
	}
	switch {
	case media == "application/vnd.goa.error" || has("name", "id", "message", "temporary", "timeout", "fault"):
		return contract.SixFields, nil
	case has("name", "message"):
		return contract.NameMessage, nil
	case has("schemas", "status", "detail"):
		return contract.SCIMError, nil
	default:
		return contract.OtherError, nil
	}
}

func (b *builder) resolve(s *schemaObject) (*schemaObject, error) {
	for s.Ref != "" {
		name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/")
		if s = b.doc.Components.Schemas[name]; !ok || s == nil {
			return nil, fmt.Errorf("the reference to %q leads nowhere", name)
		}
	}
	return s, nil
}

// schema adds a schema and what it is made of to the table, equal ones once, and returns its index.
func (b *builder) schema(o *schemaObject) (int, error) {
	if o.Ref != "" {
		if b.open[o.Ref] {
			return 0, fmt.Errorf("%s contains itself", o.Ref)
		}
		b.open[o.Ref] = true
		defer delete(b.open, o.Ref)
	}
	o, err := b.resolve(o)
	if err != nil {
		return 0, err
	}
	s, err := scalar(o)
	if err != nil {
		return 0, err
	}
	if s.Properties, err = b.properties(o); err != nil {
		return 0, err
	}
	if o.Items != nil {
		if s.Items, err = b.schema(o.Items); err != nil {
			return 0, err
		}
	}
	if o.AdditionalProperties != nil {
		if s.AdditionalValues, err = b.schema(o.AdditionalProperties); err != nil {
			return 0, err
		}
	}
	same := func(t contract.Schema) bool { return reflect.DeepEqual(s, t) }
	if i := slices.IndexFunc(b.api.Schemas, same); i >= 0 {
		return i, nil
	}
	b.api.Schemas = append(b.api.Schemas, s)
	return len(b.api.Schemas) - 1, nil
}

// properties refuses a required member that is not declared: no client could send it, so the document needs a correction.
func (b *builder) properties(o *schemaObject) ([]contract.Property, error) {
	for _, name := range o.Required {
		if o.Properties[name] == nil {
			return nil, fmt.Errorf("member %s is required and not declared: add a correction", name)
		}
	}
	var list []contract.Property
	for _, name := range slices.Sorted(maps.Keys(o.Properties)) {
		i, err := b.schema(o.Properties[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, contract.Property{Name: name, Required: slices.Contains(o.Required, name), Schema: i})
	}
	return list, nil
}

var (
	types = map[string]contract.Type{"": contract.Any, "object": contract.Object, "array": contract.Array, "string": contract.String,
		"integer": contract.Integer, "number": contract.Number, "boolean": contract.Boolean}
	formats = map[string]contract.Format{"": contract.NoFormat, "date-time": contract.DateTime, "email": contract.Email, "uri": contract.URI,
		"int64": contract.NoFormat, "double": contract.NoFormat}
)

func scalar(o *schemaObject) (contract.Schema, error) {
	t, knownType := types[o.Type]
	f, knownFormat := formats[o.Format]
	if !knownType || !knownFormat {
		return contract.Schema{}, fmt.Errorf("type %q, format %q: the tables hold neither; a binary string needs a correction", o.Type, o.Format)
	}
	s := contract.Schema{
		Type: t, Format: f, Pattern: o.Pattern,
		MinLen: o.MinLength, MaxLen: o.MaxLength, MinItems: o.MinItems, MaxItems: o.MaxItems,
	}
	if o.Minimum != nil {
		s.HasMin, s.Min = true, *o.Minimum
	}
	if o.Maximum != nil {
		s.HasMax, s.Max = true, *o.Maximum
	}
	for _, e := range o.Enum {
		s.Enum = append(s.Enum, plain(e))
	}
	return s, nil
}

// plain writes a value as it would stand in a URL.
func plain(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
