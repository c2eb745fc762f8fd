package contract

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Every correction meets what it expects, and leaves a document that an independent loader accepts.
func TestCorrected(t *testing.T) {
	t.Parallel()
	for _, api := range Names() {
		text, err := Corrected(api)
		if err != nil {
			t.Errorf("Corrected(%s): %v", api, err)
			continue
		}
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Errorf("%s: %v", api, err)
			continue
		}
		// The policy documents name privileges as scopes of an http scheme, which loaders accept and 3.0.3 does not speak of.
		if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", api, err)
		}
	}
}

func TestCorrectionsAreExplained(t *testing.T) {
	t.Parallel()
	for _, c := range Corrections {
		if c.Reason == "" || !slices.Contains(Names(), c.API) {
			t.Errorf("correction of %s at %s: want a reason and an API of the contract", c.API, c.Pointer)
		}
	}
}

// A correction whose place has changed is refused, not applied.
func TestCorrectionThatNoLongerApplies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pointer, old string
		want               string // part of the error
	}{
		{"other value", "/a/b", `2`, "expected 2, found 1"},
		{"gone", "/a/c", `1`, "expected 1, found <nil>"},
		{"leads nowhere", "/a/b/c", `1`, "leads nowhere"},
		{"outside a list", "/l/7/x", `1`, "a list of 1"},
		{"not a pointer", "a", `1`, "begins with a slash"},
	}
	for _, tt := range tests {
		doc, err := parse([]byte(`{"a":{"b":1},"l":[{"x":1}]}`))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Correction{Pointer: tt.pointer, Old: tt.old, New: `3`}.apply(doc)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestDocumentOfNoAPI(t *testing.T) {
	t.Parallel()
	if _, err := Document("crm"); err == nil || !strings.Contains(err.Error(), `no API "crm"`) {
		t.Errorf("Document(crm): got %v, want an error that names it", err)
	}
}

// Our own document describes everything a client meets in it.
func TestEspalierIsDescribed(t *testing.T) {
	t.Parallel()
	text, err := Document("espalier")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.Description == "" {
				t.Errorf("%s %s: want a summary and a description", method, path)
			}
			for _, p := range op.Parameters {
				if p.Value.Description == "" {
					t.Errorf("%s %s: parameter %s has no description", method, path, p.Value.Name)
				}
			}
		}
	}
	for name, s := range doc.Components.Schemas {
		for member, m := range s.Value.Properties {
			if m.Ref == "" && m.Value.Description == "" {
				t.Errorf("%s.%s has no description", name, member)
			}
		}
	}
}
