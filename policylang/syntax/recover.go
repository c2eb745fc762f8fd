package syntax

import (
	"strings"
)

// What follows is no grammar: it is what a reader sees at a glance when a do, an end or a quote is missing, so that one
// mistake gives one diagnostic.

// topLevel are the words of the blocks that stand by themselves and have a name in quotes.
var topLevel = map[string]bool{
	"parameter": true, "credentials": true, "auth": true, "pagination": true, "permission": true, "resources": true,
	"datasource": true, "script": true, "policy": true, "escalation": true, "resolution": true,
}

// bodied are the words that hardly ever stand without a body.
var bodied = map[string]bool{
	"parameter": true, "credentials": true, "pagination": true, "permission": true, "datasource": true, "script": true,
	"policy": true, "escalation": true, "resolution": true, "request": true, "result": true, "validate": true,
	"validate_each": true, "get_page_marker": true, "set_page_marker": true, "export": true, "collect": true,
	"request_approval": true,
}

// opensBlock reports whether a line begins in its first column and opens a block: datasource "ds_x" do.
func opensBlock(line string) bool {
	if strings.HasPrefix(line, "define ") {
		return true
	}
	n := 0
	for n < len(line) && letter(line[n]) {
		n++
	}
	rest := strings.TrimLeft(line[n:], " ")
	if !topLevel[line[:n]] || rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return false
	}
	code, _, _ := strings.Cut(rest, "#")
	return strings.HasSuffix(strings.TrimRight(code, " \t"), " do")
}

// lostEnd reports whether the current token begins a block that can only stand at the top, while another is still open.
func (p *parser) lostEnd() bool {
	if p.tok.kind != kindIdent || len(p.open) == 0 {
		return false
	}
	start := p.tok.span.Start
	if start > 0 && p.s.src[start-1] != '\n' || !opensBlock(p.s.src[start:p.s.lineEnd(start)]) {
		return false
	}
	if p.tok.text != "parameter" {
		return true
	}
	for _, s := range p.open {
		if w := s.Keyword.Name; w == "escalation" || w == "resolution" || w == "request_approval" {
			return false
		}
	}
	return true
}

// lostDo reports whether a statement without a do was meant to have one: its word asks for it, and the next line is
// indented more than its own.
func (p *parser) lostDo(s *Statement) bool {
	if p.tok.kind != kindNewline || !bodied[s.Keyword.Name] {
		return false
	}
	switch s.Keyword.Name { // of these there are namesakes without a body
	case "pagination", "parameter":
		if s.Name() == nil {
			return false
		}
	case "result":
		if len(s.Args) > 0 {
			return false
		}
	}
	rest := strings.TrimLeft(p.s.src[p.s.pos:], "\n")
	return indent(rest) > p.s.file.Position(s.Keyword.Span.Start).Column-1
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
