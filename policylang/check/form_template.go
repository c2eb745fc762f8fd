package check

import (
	"sync"

	"espalier.dev/policylang/resolve"
)

// whole is the form of a whole file, made when the first one is checked: a server that checks none need not wait for it.
var whole = sync.OnceValue(func() *form {
	return &form{
		word: "the template",
		need: []string{"name", "rs_pt_ver", "short_description", "policy"},
		fields: []*form{
			field("name", filled, "name of the template, by which uploads replace one another"),
			field("rs_pt_ver", slot{types: number, written: true, oneOf: []string{"20180301"}}, "version of the language: 20180301"),
			field("type", oneOf("policy"), "always policy"),
			field("short_description", phrase, "what the template is for, in Markdown"),
			field("long_description", phrase, "no longer shown"),
			field("doc_link", phrase, "address of the template's documentation"),
			field("default_frequency", oneOf("15 minutes", "hourly", "daily", "weekly", "monthly"), "how often it runs if the user does not say"),
			field("severity", oneOf("low", "medium", "high", "critical"), "severity if the user does not say"),
			field("category", phrase, "heading under which the template is listed"),
			field("tenancy", oneOf("single", "multi"), "whether it may be applied in many projects at once").with(func(f *form) { f.rule = tenancyRule }),
			{word: "info", doc: "further facts for those who list templates", anyKeys: &slot{types: boolean | number | text, written: true}},
			{word: "required_roles", doc: "roles that a user should have", args: []slot{{types: text | list, written: true}}, rest: &phrase},
			parameterForm(),
			block("credentials", "credentials that whoever applies the policy chooses",
				fields("schemes", oneOf("aws", "aws_sts", "basic", "ntlm", "api_key", "jwt", "oauth2", "oracle"), "kinds of credentials that fit"),
				field("label", filled, "what users see"),
				field("description", phrase, "help for users"),
				fields("tags", slot{types: text, written: true, kind: tagLiteral}, "key=value; only credentials with these tags are offered"),
				field("aws_account_number", term, "account to assume the same role in; empty for the credentials' own"),
			).with(func(f *form) { f.need = []string{"schemes", "label"} }),
			authForm(),
			paginationForm(),
			{word: "permission", doc: "privileges of products that are no more", args: []slot{blockName}, optional: 1, body: needsBody, repeat: true, named: true, fields: []*form{
				field("label", phrase, "what users see"),
				fields("resources", slot{types: text | list}, "kinds of resources"),
				fields("actions", slot{types: text | list}, "what is done with them"),
			}},
			resourcesForm(),
			datasourceForm(),
			block("script", "JavaScript that makes a value of others",
				fields("parameters", filled, "names of the globals that get the arguments, in order").with(func(f *form) { f.rule = scriptParametersRule }),
				field("result", filled, "the global whose value is the result"),
				field("code", phrase, "the program"),
			).with(func(f *form) {
				f.keys = map[string]slot{"type": oneOf("javascript")}
				f.need = []string{"result", "code"}
				f.rule = scriptRule
			}),
			policyForm(),
			actionForm("escalation", "what is done about an incident"),
			actionForm("resolution", "what is done when an incident resolves"),
		},
		rule: templateRule,
	}
})

func parameterForm() *form {
	return block("parameter", "a value that whoever applies the policy chooses",
		field("type", oneOf("string", "number", "list"), "string, number or list (of strings)"),
		field("label", filled, "what users see"),
		field("description", phrase, "help for users"),
		field("category", phrase, "heading under which it is shown"),
		field("default", slot{types: text | number | list, written: true}, "the value if the user chooses none"),
		fields("allowed_values", slot{types: text | number | list, written: true}, "what the value, or each element, may be"),
		field("allowed_pattern", slot{types: regex, written: true}, "what the value, or each element, must match"),
		field("min_length", amount, "least number of characters or elements"),
		field("max_length", amount, "greatest number of characters or elements"),
		field("min_value", amount, "least value"),
		field("max_value", amount, "greatest value"),
		field("no_echo", yesNo, "hide the value"),
		field("constraint_description", phrase, "what users are told if the value is refused"),
	).with(func(f *form) {
		f.need = []string{"type", "label"}
		f.rule = parameterRule
	})
}

func authForm() *form {
	list := []*form{}
	for _, word := range []string{
		"access_key", "secret_key", "service", "region", "version", "role_arn", "role_session_name", "policy_json", "external_id",
		"username", "password", "key", "location", "field", "type", "token_url", "api_key", "basic_auth_username", "basic_auth_password",
		"client_id", "client_secret", "client_user", "client_password", "client", "scopes", "token", "iss", "signing_key", "sub", "aud",
		"alg", "max_minutes",
	} {
		list = append(list, &form{word: word, doc: "a field of the scheme", args: []slot{term}, rest: &term})
	}
	for _, word := range []string{"additional_headers", "additional_params", "additional_claims"} {
		list = append(list, &form{word: word, doc: "an object of further fields", args: []slot{{types: object}}, optional: 1, body: mayHaveBody, objects: true})
	}
	grant := &form{word: "grant", doc: "how the token is got", body: needsBody, open: true, fields: list,
		keys: map[string]slot{"type": oneOf("client_credentials", "refresh_token", "jwt_bearer")}}
	return &form{
		word: "auth", doc: "credentials in the old form, with stored secrets", args: []slot{blockName}, body: mayHaveBody, open: true,
		repeat: true, named: true, fields: append(list, grant), rule: authRule,
		keys: map[string]slot{"type": oneOf("aws", "aws_sts", "basic", "ntlm", "api_key", "jwt", "oauth2", "rightscale")},
	}
}

func paginationForm() *form {
	get := &form{word: "get_page_marker", doc: "where a response says how to go on", body: needsBody, adds: inResponse, rule: exactlyOne,
		fields: []*form{
			field("body_path", slot{types: unknown, kind: markerPath}, "a JMESPath, or an XPath for XML; or jmes_path, jq or xpath of the response"),
			field("header", filled, "a header of the response"),
		}}
	set := &form{word: "set_page_marker", doc: "where the next request says it", body: needsBody, rule: exactlyOne,
		fields: []*form{
			field("query", filled, "a query parameter"),
			field("header", filled, "a header of the request"),
			field("body_field", filled, "a member of the body"),
			field("uri", yesNo, "true: the marker is the whole address"),
		}}
	return block("pagination", "how to get the next page", get, set).with(func(f *form) {
		f.need = []string{"get_page_marker", "set_page_marker"}
	})
}

func resourcesForm() *form {
	return &form{
		word: "resources", doc: "objects of a product that is no more", args: []slot{blockName}, body: mayHaveBody, open: true, repeat: true, named: true,
		keys: map[string]slot{"type": phrase}, rule: resourcesRule,
		fields: []*form{
			field("iterate", refTo(resolve.Resources, resolve.Datasource), "once for each of these"),
			{word: "filter", doc: "which objects", body: needsBody, open: true},
			field("tags", slot{types: text | list, adds: inTags}, "which tags they have"),
		},
		scope: iterateScope,
	}
}
