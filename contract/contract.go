package contract

import (
	"embed"
	"fmt"
)

//go:embed *.openapi.json
var documents embed.FS

// names is the order in which the APIs are listed everywhere.
var names = [...]string{"msp", "iam", "scim", "policy", "credential", "governance", "token", "espalier"}

// Names lists the APIs, which are also the first parts of the documents' file names.
func Names() []string { return names[:] }

// Document returns the OpenAPI document of an API as it was published.
func Document(api string) ([]byte, error) {
	text, err := documents.ReadFile(api + ".openapi.json")
	if err != nil {
		return nil, fmt.Errorf("the contract has no API %q: want one of %v", api, names)
	}
	return text, nil
}
