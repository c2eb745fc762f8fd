package scim

import (
	"math"
	"net/http"
	"slices"
	"strings"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/scim"
)

func (s *server) resourceTypes(org ref.OrgID) []wire.SCIMResourceType {
	one := func(name, endpoint, about, schema string) wire.SCIMResourceType {
		return wire.SCIMResourceType{
			Schemas: []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, ID: name, Name: name, Endpoint: endpoint, About: about, Schema: schema,
			Meta: wire.SCIMConfigMeta{ResourceType: "ResourceType", Location: s.location(org, "ResourceTypes", name)},
		}
	}
	return []wire.SCIMResourceType{
		one("User", "/Users", "A member of the organization.", scim.UserURN),
		one("Group", "/Groups", "A user group of the organization.", scim.GroupURN),
	}
}

// attribute is one that may be read and written, and says nothing of uniqueness.
func attribute(name, kind, about string, change func(*wire.SCIMAttribute)) wire.SCIMAttribute {
	a := wire.SCIMAttribute{Name: name, Type: kind, About: about, Mutability: "readWrite", Returned: "default", Uniqueness: "none"}
	if change != nil {
		change(&a)
	}
	return a
}

func required(a *wire.SCIMAttribute)    { a.Required, a.Returned, a.Uniqueness = true, "always", "server" }
func readOnly(a *wire.SCIMAttribute)    { a.Mutability, a.CaseExact = "readOnly", true }
func multiValued(a *wire.SCIMAttribute) { a.MultiValued = true }
func caseExact(a *wire.SCIMAttribute)   { a.CaseExact = true }
func needed(a *wire.SCIMAttribute)      { a.Required = true }

// common are the attributes of every resource.
var common = []wire.SCIMAttribute{
	attribute("id", "string", "Names the resource, for ever.", func(a *wire.SCIMAttribute) {
		readOnly(a)
		a.Returned, a.Uniqueness = "always", "server"
	}),
	attribute("externalId", "string", "The directory's own key.", caseExact),
	attribute("meta", "complex", "Kind, times and location.", readOnly),
}

func (s *server) schemas(org ref.OrgID) []wire.SCIMSchema {
	one := func(urn, name, about string, attributes ...wire.SCIMAttribute) wire.SCIMSchema {
		return wire.SCIMSchema{
			Schemas: []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, ID: urn, Name: name, About: about,
			Attributes: slices.Concat(common, attributes),
			Meta:       wire.SCIMConfigMeta{ResourceType: "Schema", Location: s.location(org, "Schemas", urn)},
		}
	}
	return []wire.SCIMSchema{
		one(scim.UserURN, "User", "A member of the organization.",
			attribute("userName", "string", "Names the user in the organization; its e-mail address, or emails has one.", required),
			attribute("name", "complex", "givenName and familyName.", needed),
			attribute("active", "boolean", "False shuts the user out of the organization.", nil),
			attribute("emails", "complex", "Addresses, each with a value and a type.", multiValued),
			attribute("phoneNumbers", "complex", "Numbers, each with a value and a type.", multiValued)),
		one(scim.GroupURN, "Group", "A user group of the organization.",
			attribute("displayName", "string", "Names the group in the organization.", required),
			attribute("members", "complex", "The users in it; empty in lists.", multiValued)),
	}
}

func (s *server) providerConfig(org ref.OrgID) wire.SCIMProviderConfig {
	yes := wire.SCIMSupport{Supported: true}
	return wire.SCIMProviderConfig{
		Schemas: []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		Patch:   yes,
		Filter:  wire.SCIMFilterBounds{Supported: true, MaxResults: math.MaxInt32}, // a list without count is whole
		Authentication: []wire.SCIMWayIn{{Type: "oauthbearertoken", Name: "OAuth Bearer Token", SpecURI: "https://www.rfc-editor.org/info/rfc6750",
			About: "An access token of POST /oidc/token, of a client of a service account."}},
		Meta: wire.SCIMConfigMeta{ResourceType: "ServiceProviderConfig", Location: s.location(org, "ServiceProviderConfig", "")},
	}
}

func (s *server) listResourceTypes(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.MayRead(r.Context(), r.Caller(), access.SCIMConfigIndex, r.OrgID()); err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.resourceTypes(r.OrgID()))
}

func (s *server) showResourceType(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.MayRead(r.Context(), r.Caller(), access.SCIMConfigShow, r.OrgID()); err != nil {
		return err
	}
	all := s.resourceTypes(r.OrgID())
	i := slices.IndexFunc(all, func(t wire.SCIMResourceType) bool { return strings.EqualFold(t.ID, r.String("id")) })
	if i < 0 {
		return errs.NotFoundf("there is no resource type %.64q: want User or Group", r.String("id"))
	}
	return door.JSON(w, http.StatusOK, all[i])
}

func (s *server) listSchemas(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.MayRead(r.Context(), r.Caller(), access.SCIMConfigIndex, r.OrgID()); err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.schemas(r.OrgID()))
}

func (s *server) showSchema(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.MayRead(r.Context(), r.Caller(), access.SCIMConfigShow, r.OrgID()); err != nil {
		return err
	}
	all := s.schemas(r.OrgID())
	i := slices.IndexFunc(all, func(t wire.SCIMSchema) bool { return strings.EqualFold(t.ID, r.String("id")) })
	if i < 0 {
		return errs.NotFoundf("there is no schema %.128q: want %s or %s", r.String("id"), scim.UserURN, scim.GroupURN)
	}
	return door.JSON(w, http.StatusOK, all[i])
}

func (s *server) showProviderConfig(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.MayRead(r.Context(), r.Caller(), access.SCIMConfigShow, r.OrgID()); err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.providerConfig(r.OrgID()))
}
