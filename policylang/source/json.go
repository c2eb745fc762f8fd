package source

import "encoding/json"

// diagnosticJSON is how a diagnostic travels:
//
//	{"file":"a.pt","start":{"line":2,"column":3},"end":{"line":2,"column":7},"severity":"error",
//	 "code":"unknown-statement","message":"…","expected":"…","suggestion":"host"}
type diagnosticJSON struct {
	File       string   `json:"file"`
	Start      Position `json:"start"`
	End        Position `json:"end"`
	Severity   Severity `json:"severity"`
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Expected   string   `json:"expected,omitempty"`
	Suggestion string   `json:"suggestion,omitempty"`
}

// MarshalJSON writes the diagnostic with places instead of offsets; the end is not included.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	return json.Marshal(diagnosticJSON{
		File: d.File.Name, Start: d.File.Position(d.Span.Start), End: d.File.Position(d.Span.End),
		Severity: d.Severity, Code: d.Code, Message: d.Message, Expected: d.Expected, Suggestion: d.Suggestion,
	})
}
