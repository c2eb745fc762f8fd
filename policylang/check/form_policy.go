package check

import "espalier.dev/policylang/resolve"

func policyForm() *form {
	return block("policy", "what is checked, and what is done about it",
		validateForm("validate", "check the whole value", inData),
		validateForm("validate_each", "check each element", inData|inItem),
	).with(func(f *form) { f.rule = policyRule })
}

func validateForm(word, doc string, adds scope) *form {
	column := &form{word: "field", doc: "a column of the table", args: []slot{filled}, body: mayHaveBody, repeat: true, fields: []*form{
		field("label", phrase, "heading of the column"),
		field("path", path, "what stands in it: a JMESPath on the row; the field's name if absent"),
		field("format", phrase, "left, right, center or link-external"),
	}}
	return &form{
		word: word, doc: doc, args: []slot{refTo(resolve.Datasource, resolve.Resources)}, body: needsBody, repeat: true, adds: adds,
		need: []string{"summary_template", "check"}, rule: validateRule,
		fields: []*form{
			field("summary_template", message, "heading of the incident"),
			field("detail_template", message, "text of the incident"),
			{word: "check", doc: "what must be truthy", args: []slot{truth}, repeat: true},
			{word: "escalate", doc: "what is done about an incident", args: []slot{refTo(resolve.Escalation)}, repeat: true},
			{word: "resolve", doc: "what is done when it resolves", args: []slot{refTo(resolve.Resolution)}, repeat: true},
			fields("hash_include", filled, "only these fields tell whether the violation changed").with(several),
			fields("hash_exclude", filled, "these fields do not tell whether the violation changed").with(several),
			{word: "export", doc: "the table of the incident", args: []slot{path}, optional: 1, body: needsBody, rule: exportRule, fields: []*form{
				field("resource_level", yesNo, "whether actions may run on chosen rows"),
				column,
			}},
		},
	}
}

// actionForm is the form of escalation and resolution, which hold the same.
func actionForm(word, doc string) *form {
	parameter := parameterForm()
	approval := &form{word: "request_approval", doc: "wait until somebody says yes", body: needsBody, repeat: true, fields: []*form{
		field("label", phrase, "what approvers see"),
		field("description", phrase, "help for approvers"),
		parameter,
	}}
	email := &form{word: "email", doc: "send a message", args: []slot{{types: text | list | null}}, body: mayHaveBody, repeat: true, fields: []*form{
		field("subject_template", message, "subject; the incident's summary if absent"),
		field("body_template", message, "text; the incident's detail and table if absent"),
		field("attach_export_table", truth, "attach the table as CSV"),
		field("body_table_max_rows", term, "rows of the table shown in the text"),
	}}
	return block(word, doc,
		field("automatic", truth, "whether it is done at once; true if absent"),
		field("label", phrase, "what users see"),
		field("description", phrase, "help for users"),
		parameter,
		email,
		&form{word: "run", doc: "a definition's name, then its arguments", args: []slot{filled}, rest: &term, repeat: true, rule: runRule},
		approval,
		&form{word: "resolve_incident", doc: "close the incident", repeat: true},
	).with(func(f *form) { f.adds = inData })
}
