// Package source holds the text of a policy template and what is said about it: files, spans, positions, diagnostics.
//
// Read [File] first, then [Diagnostic]. Every stage of the language reads a File and returns diagnostics; none prints.
//
//	f := source.NewFile("idle.pt", text)
//	d := source.Diagnostic{File: f, Span: source.Span{Start: 10, End: 14}, Code: "unknown-statement", Message: `"hots" is no statement of request`, Suggestion: "host"}
//	source.Write(os.Stdout, d)
//
// prints
//
//	idle.pt:2:3: "hots" is no statement of request
//	  hots "api.example.com"
//	  ^^^^
//	  did you mean host?
//
// What a diagnostic means and when it is given is the business of the stages: syntax, resolve, check.
package source
