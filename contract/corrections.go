package contract

// Correction is one reviewed change to a document, made before anything is checked against it.
type Correction struct {
	API     string
	Pointer string // JSON pointer (RFC 6901) of the value
	Old     string // what stands there now, as JSON; "" is nothing
	New     string // what shall stand there, as JSON; "" removes it
	Reason  string
}

// Reasons that several corrections share.
const (
	anyValue   = `a string of format binary stands for any JSON value`
	undeclared = `required names members that are not declared, so that no client could ever satisfy it`
	tagTypo    = `the pattern says 0-1 where 0-9 is meant: a tag such as 99 has to pass`
	textID     = `an organization's id is a whole number from 1 everywhere else; here the bound is missing, or the type is text`
	noLimit    = `a page of no or fewer items is none`
	emptyPage  = `?status= filters results, and may leave none`
)

const binary = `{"format":"binary","type":"string"}`

// Corrections lists every place where a document is not taken at its word. A test applies each of them, so that one whose
// place has changed is noticed.
var Corrections = []Correction{
	{"policy", "/components/schemas/ConfigurationOption/properties/value", binary, `{}`, anyValue},
	{"policy", "/components/schemas/ConfigurationOptionCreateType/properties/value", binary, `{}`, anyValue},
	{"policy", "/components/schemas/FlexeraData/properties/data", binary, `{}`, anyValue},
	{"policy", "/components/schemas/Parameter/properties/allowedValues/items", binary, `{}`, anyValue},
	{"policy", "/components/schemas/Parameter/properties/default", binary, `{}`, anyValue},
	{"scim", "/components/schemas/SCIMOperations/properties/value", binary, `{}`, anyValue},

	{"msp", "/components/schemas/OwnerUser/required", `["email","id","kind","ref"]`, `["email"]`, undeclared},
	{"iam", "/components/schemas/CreateRequestBody8/required", `["name","id","createdBy","kind","ref"]`, `["name"]`, undeclared},
	{"iam", "/components/schemas/CreateRequestBody9/required", `["id","name"]`, `["name"]`, undeclared},
	{"iam", "/components/schemas/GenerateResponseBody/required",
		`["createdAt","expiresAt","id","identityProviderId","keyData","orgId","kind"]`,
		`["createdAt","expiresAt","id","identityProviderId","keyData","orgId"]`, undeclared},

	{"msp", "/components/schemas/MSPTagParameters/properties/tag/pattern", `"[a-zA-Z0-1\\:]"`, `"[a-zA-Z0-9:]"`, tagTypo},
	{"msp", "/paths/~1msp~1v1~1orgs~1{orgId}~1customers~1{customerId}~1tags~1{tag}/delete/parameters/2/schema/pattern",
		`"[a-zA-Z0-1\\:]"`, `"[a-zA-Z0-9:]"`, tagTypo},
	{"msp", "/components/schemas/MSPCustomerBulkCreateResponseV2/properties/results/minItems", `1`, ``, emptyPage},
	{"msp", "/components/schemas/MSPCustomerBulkDeleteResponseV2/properties/results/minItems", `1`, ``, emptyPage},

	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts/get/parameters/4/schema", `{"type":"string"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts/post/parameters/0/schema", `{"type":"string"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts~1{id}/delete/parameters/0/schema", `{"type":"string"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts~1{id}/get/parameters/1/schema", `{"type":"string"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts~1{id}/patch/parameters/0/schema", `{"type":"string"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts~1{id}~1activation/patch/parameters/0/schema", `{"type":"string"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts/get/parameters/1/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1contracts/get/parameters/2/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1refresh-tokens/delete/parameters/0/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1refresh-tokens/delete/parameters/1/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1refresh-tokens/get/parameters/0/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1refresh-tokens/get/parameters/1/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1refresh-tokens~1{id}/delete/parameters/0/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1refresh-tokens~1{id}/delete/parameters/1/schema", `{"type":"integer"}`, `{"minimum":1,"type":"integer"}`, textID},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1events/get/parameters/2/schema", `{"default":50,"maximum":200,"type":"integer"}`, `{"default":50,"maximum":200,"minimum":1,"type":"integer"}`, noLimit},
	{"iam", "/paths/~1iam~1v1~1orgs~1{orgId}~1api-events/get/parameters/2/schema", `{"default":50,"maximum":200,"type":"integer"}`, `{"default":50,"maximum":200,"minimum":1,"type":"integer"}`, noLimit},

	{"scim", "/components/schemas/SCIMOperations/required", `["op","path"]`, `["op"]`,
		`RFC 7644, section 3.5.2 makes path optional, and provisioners leave it out`},

	{"token", "/paths/~1oidc~1token/post/requestBody/content/application~1x-www-form-urlencoded", ``,
		`{"schema":{"$ref":"#/components/schemas/TokenRequestBody"}}`,
		`clients generated from the vendor's merged document send the token request as a form, RFC 6749 wants it so, and others send JSON`},
}
