package scim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
	"espalier.dev/scim"
)

// API is the name of the document that is served.
const API = "scim"

// Config is what the operations stand on.
type Config struct {
	Directory *scim.Service
	// PublicURL is what clients call the server, with which locations begin; "" leaves them paths.
	PublicURL string
}

// Handlers is the operations of the API.
func Handlers(cfg Config) map[string]door.Handler {
	s := &server{cfg}
	return map[string]door.Handler{
		"SCIM User#index":   s.listUsers,
		"SCIM User#show":    s.showUser,
		"SCIM User#create":  s.createUser,
		"SCIM User#replace": s.replaceUser,
		"SCIM User#update":  s.patchUser,
		"SCIM User#delete":  s.deleteUser,

		"SCIM Group#index":   s.listGroups,
		"SCIM Group#show":    s.showGroup,
		"SCIM Group#create":  s.createGroup,
		"SCIM Group#replace": s.replaceGroup,
		"SCIM Group#update":  s.patchGroup,
		"SCIM Group#delete":  s.deleteGroup,

		"SCIM Config#index_resource_types":          s.listResourceTypes,
		"SCIM Config#show_resource_type":            s.showResourceType,
		"SCIM Config#index_schemas":                 s.listSchemas,
		"SCIM Config#show_schema":                   s.showSchema,
		"SCIM Config#index_service_provider_config": s.showProviderConfig,
	}
}

type server struct{ Config }

// location is the address of a resource.
func (s *server) location(org ref.OrgID, kind, id string) string {
	path := fmt.Sprintf("%s/scim/v2/orgs/%d/%s", strings.TrimSuffix(s.PublicURL, "/"), org, kind)
	if id != "" {
		path += "/" + id
	}
	return path
}

func (s *server) meta(org ref.OrgID, kind, id string, created, updated time.Time) *wire.SCIMMeta {
	return &wire.SCIMMeta{ResourceType: kind, Created: created, LastModified: updated, Location: s.location(org, kind+"s", id)}
}

// id is the number in the path, 0 where it is none: no resource has it.
func id(r *door.Request) int64 {
	n, err := strconv.ParseInt(r.String("id"), 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// page reads what part of a list is asked for. Source: RFC 7644, section 3.4.2.4: numbers below the least are the least.
func page(r *door.Request, match *scim.Filter) scim.Page {
	p := scim.Page{Match: match, From: 1, Count: -1}
	if r.Given("startIndex") {
		p.From = max(1, number(r, "startIndex"))
	}
	if r.Given("count") {
		p.Count = max(0, number(r, "count"))
	}
	return p
}

func number(r *door.Request, name string) int {
	n, _ := strconv.Atoi(r.String(name)) // the contract's pattern holds it to nine digits
	return n
}

func listed(p scim.Page, l *door.Listing, total int) wire.SCIMListRest {
	return wire.SCIMListRest{Schemas: []string{wire.SCIMListURN}, TotalResults: total, StartIndex: p.From, ItemsPerPage: l.Len()}
}

func operations(ops []wire.SCIMOperation) []scim.Operation {
	list := make([]scim.Operation, len(ops))
	for i, op := range ops {
		list[i] = scim.Operation{Op: op.Op, Path: op.Path, Value: op.Value}
	}
	return list
}

// created answers 201 with the resource and where it is.
func created(w http.ResponseWriter, location string, resource any) error {
	w.Header().Set("Location", location)
	return door.JSON(w, http.StatusCreated, resource)
}

// selection is which attributes an answer has, by names in small letters. Source: RFC 7644, section 3.9. A part of an attribute that is
// named brings the whole of it.
type selection struct {
	only   map[string]bool // nil: all
	except map[string]bool
}

// always are the attributes without which the contract knows no resource.
var always = map[string]bool{"schemas": true, "id": true, "username": true, "displayname": true}

func selected(r *door.Request) selection {
	return selection{only: attributeNames(r.String("attributes"), true), except: attributeNames(r.String("excludedAttributes"), false)}
}

// attributeNames reads names between commas; a part counts as its attribute where that is asked for, and else not at all.
func attributeNames(text string, parts bool) map[string]bool {
	if text == "" {
		return nil
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		for _, urn := range []string{scim.UserURN, scim.GroupURN} {
			name = strings.TrimPrefix(name, strings.ToLower(urn)+":")
		}
		attribute, _, part := strings.Cut(name, ".")
		if !part || parts {
			names[attribute] = true
		}
	}
	return names
}

// has reports whether an attribute is in the answer.
func (s selection) has(attribute string) bool {
	return always[attribute] || (s.only == nil || s.only[attribute]) && !s.except[attribute]
}

// of is a resource with what was selected of it.
func (s selection) of(resource any) any {
	if s.only == nil && s.except == nil {
		return resource
	}
	text, err := json.Marshal(resource)
	if err != nil {
		return resource // to fail where it is written
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return resource
	}
	for name := range members {
		if !s.has(strings.ToLower(name)) {
			delete(members, name)
		}
	}
	return members
}
