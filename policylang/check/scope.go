package check

// scope is what may be named in a place, besides what may be named everywhere.
type scope uint16

const (
	inData     scope = 1 << iota // data
	inItem                       // item
	inResponse                   // response, header()
	inIterate                    // iter_item, iter_index
	inCollect                    // col_item, col_index
	inField                      // from()
	inTags                       // any(), all(), none()

	everywhere scope = 0
)

// places says for each scope where it is, for messages.
var places = map[scope]string{
	inData:     "in the checks of a policy and in escalations",
	inItem:     "in the checks of a validate_each",
	inResponse: "in result and in pagination",
	inIterate:  "in a datasource that has an iterate",
	inCollect:  "inside of collect",
	inField:    "in the term of a field",
	inTags:     "in tags of resources",
}
