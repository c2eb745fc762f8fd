package source

import (
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
)

// The members of SARIF 2.1.0 (OASIS standard) that we fill.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     Severity        `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
)

// WriteSARIF writes sorted diagnostics as one SARIF 2.1.0 run of the tool named, for code scanning services.
func WriteSARIF(w io.Writer, tool, version string, list []Diagnostic) error {
	run := sarifRun{
		Tool:       sarifTool{Driver: sarifDriver{Name: tool, Version: version, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	rules := &run.Tool.Driver.Rules
	for _, d := range list {
		index := slices.Index(*rules, sarifRule{d.Code})
		if index < 0 {
			index = len(*rules)
			*rules = append(*rules, sarifRule{d.Code})
		}
		run.Results = append(run.Results, d.sarif(index))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func (d Diagnostic) sarif(rule int) sarifResult {
	text := d.Message
	if d.Suggestion != "" {
		text += "; did you mean " + d.Suggestion + "?"
	} else if d.Expected != "" {
		text += "; expected " + d.Expected
	}
	start, end := d.File.Position(d.Span.Start), d.File.Position(d.Span.End)
	return sarifResult{
		RuleID: d.Code, RuleIndex: rule, Level: d.Severity, Message: sarifText{text},
		Locations: []sarifLocation{{sarifPhysical{
			Artifact: sarifArtifact{filepath.ToSlash(d.File.Name)},
			Region:   sarifRegion{start.Line, start.Column, end.Line, end.Column},
		}}},
	}
}
