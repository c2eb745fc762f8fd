package msp

import (
	"espalier.dev/api/door"
	"espalier.dev/org"
	"espalier.dev/signin"
)

// API is the name of the document that is served.
const API = "msp"

// Handlers is the operations of the API over the use cases of the tree, and those of domains.
func Handlers(orgs *org.Service, providers *signin.Providers) map[string]door.Handler {
	s := &server{orgs: orgs, providers: providers}
	return map[string]door.Handler{
		"MSP Customer#Index":  s.list(v1),
		"MSP Customer#Create": s.create(v1),
		"MSP Customer#Show":   s.show(v1),
		"MSP Customer#Update": s.update,
		"MSP Customer#Delete": s.delete,

		"MSP Customer V2#IndexV2":      s.list(v2),
		"MSP Customer V2#CreateV2":     s.create(v2),
		"MSP Customer V2#ShowV2":       s.show(v2),
		"MSP Customer V2#UpdateV2":     s.update,
		"MSP Customer V2#DeleteV2":     s.delete,
		"MSP Customer V2#BulkCreateV2": s.bulkCreate,
		"MSP Customer V2#BulkDeleteV2": s.bulkDelete,

		"MSP Customer Tag#Index Customers": s.listByTag,
		"MSP Customer Tag#Show":            s.showTags,
		"MSP Customer Tag#Create":          s.addTags,
		"MSP Customer Tag#Delete":          s.removeTag,

		"MSP Customer Domain#Verify": s.verifyDomain,
	}
}

type server struct {
	orgs      *org.Service
	providers *signin.Providers
}

// version is which of the two APIs an answer is written for.
type version int

const (
	v1 version = 1
	v2 version = 2
)
