package check

import (
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/syntax"
)

func datasourceForm() *form {
	return block("datasource", "a named step that yields data",
		field("iterate", refTo(resolve.Datasource, resolve.Resources), "make the request once for each element"),
		requestForm(),
		resultForm(),
		runScript(),
		&form{word: "field", doc: "a member of the objects made", args: []slot{filled, {types: unknown, adds: inField}}, repeat: true},
		field("batch", yesNo, "stream the rows rather than hold them"),
	).with(func(f *form) {
		f.anyKeys = &term // two published templates carry a type, to no effect
		f.scope = iterateScope
		f.rule = datasourceRule
	})
}

// iterateScope adds iter_item where there is an iterate.
func iterateScope(s *syntax.Statement, around scope) scope {
	if s.Find("iterate") != nil {
		return around | inIterate
	}
	return around
}

func runScript() *form {
	return &form{word: "run_script", doc: "a script, then a value for each of its parameters", args: []slot{refTo(resolve.Script)}, rest: &term, rule: runScriptRule}
}

func requestForm() *form {
	return &form{word: "request", doc: "an HTTP request", body: needsBody, rule: requestRule, fields: []*form{
		runScript(),
		field("auth", refTo(resolve.Credentials, resolve.Auth), "credentials that sign the request"),
		field("pagination", refTo(resolve.Pagination), "how to get further pages"),
		field("verb", oneOf("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"), "GET if absent"),
		field("scheme", oneOf("https", "http"), "https if absent"),
		field("host", textTerm, "name of the server"),
		field("path", textTerm, "/ if absent"),
		pair("query", slot{types: scalar}, "a query parameter"),
		pair("header", slot{types: scalar}, "a header"),
		pair("body_field", term, "a member of a JSON body"),
		field("body", term, "the whole body"),
		{word: "ignore_status", doc: "statuses that are no errors", args: []slot{{types: number | list}}, rest: &amount},
	}}
}

func resultForm() *form {
	member := &form{word: "field", doc: "a member of the objects made", args: []slot{filled, {types: unknown, adds: inField}}, optional: 1, body: mayHaveBody, repeat: true, rule: fieldRule}
	collect := &form{word: "collect", doc: "an object for each element of a list", args: []slot{term}, body: needsBody, adds: inCollect, rule: collectRule, fields: []*form{member}}
	member.fields = []*form{collect}
	return &form{word: "result", doc: "what is made of the response", body: needsBody, adds: inResponse, rule: resultRule, fields: []*form{
		field("encoding", oneOf("json", "xml", "csv", "text"), "json if absent; csv is a list of rows, named by the first"),
		member,
		collect,
	}}
}
