package contract

import "slices"

// API is one document of the contract as tables.
type API struct {
	Name       string // "msp": the document is msp.openapi.json
	Title      string
	Operations []Operation // by path, then method
	Schemas    []Schema    // what request bodies and parameters refer to by index; index 0 is any JSON value
}

// Operation is one method on one path.
type Operation struct {
	ID         string // operationId, unique in its API only: "MSP Customer#Show"
	Method     string
	Path       string // in the form of http.ServeMux: /msp/v1/orgs/{orgId}/customers/{customerId}
	NoSecurity bool   // answers without a bearer token
	Params     []Param
	Body       *Body // nil: takes none
	Responses  []Response
}

// Response returns what the operation declares for a status; false if it declares nothing.
func (o *Operation) Response(status int) (Response, bool) {
	i := slices.IndexFunc(o.Responses, func(r Response) bool { return r.Status == status })
	if i < 0 {
		return Response{}, false
	}
	return o.Responses[i], true
}

// Place is where a parameter travels.
type Place string

// The places of parameters.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
)

// Param is one parameter of an operation.
type Param struct {
	Name       string
	In         Place
	Required   bool
	AllowEmpty bool   // given empty it counts as absent
	Repeated   bool   // may be given several times; Schema is that of one value
	MinItems   int    // of a repeated one
	Default    string // as it would be written in the URL; "" is none
	Schema     int    // index into API.Schemas
}

// Body is the request body of an operation.
type Body struct {
	Required bool
	Media    []string // declared media types
	Schema   int      // of the JSON form, index into API.Schemas
	MaxBytes int64    // declared by x-max-bytes; 0 leaves it to the server
}

// ErrorShape is the form of an error body.
type ErrorShape uint8

// The forms of error bodies in the contract.
const (
	NoError     ErrorShape = iota // not an error, or an error without a body
	SixFields                     // name, id, message, temporary, timeout, fault
	NameMessage                   // name and message only
	SCIMError                     // schemas, status, detail
	OtherError                    // a form of one operation's own, written by its handler
)

// Response is what an operation declares for one status.
type Response struct {
	Status   int
	Media    []string // empty: no body is declared
	Location bool     // declares a Location header
	Error    ErrorShape
}

// Type is the type of a JSON value. The zero value is any.
type Type uint8

// The types of values in the documents.
const (
	Any Type = iota
	Object
	Array
	String
	Integer // an int64
	Number
	Boolean
)

// Format narrows a string.
type Format uint8

// The formats of strings that are checked.
const (
	NoFormat Format = iota
	DateTime        // RFC 3339
	Email
	URI
)

// Schema is what a value must be. Every keyword that the documents use is here; there are no alternatives or negations
// in them, and the generator refuses a document that begins to use some.
type Schema struct {
	Type             Type
	Format           Format
	HasMin, HasMax   bool // of a number
	Min, Max         int64
	MinLen, MaxLen   int // of a string, in characters; MaxLen 0 is none
	MinItems         int
	MaxItems         int // 0 is none
	Pattern          string
	Enum             []string   // as written in a URL: numbers without quotes
	Properties       []Property // of an object, by name
	Items            int        // of an array, index into API.Schemas
	AdditionalValues int        // of an object used as a map, index into API.Schemas
}

// Property is one declared member of an object.
type Property struct {
	Name     string
	Required bool
	Schema   int // index into API.Schemas
}
