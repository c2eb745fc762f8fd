package e2e_test

import (
	"fmt"
	"net/url"
	"strings"

	"espalier.dev/contract/wire"
)

const (
	scimUserURN  = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimGroupURN = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// scimList is a list of users or groups, as far as tests look at it.
type scimList struct {
	TotalResults, StartIndex, ItemsPerPage int
	Resources                              []scimResource
}

type scimResource struct {
	ID, ExternalID, UserName, DisplayName string
	Active                                bool
	Name                                  struct{ GivenName, FamilyName string }
	Emails, PhoneNumbers                  []struct{ Value, Type string }
	Members                               *[]struct{ Value, Display, Type string }
	Meta                                  struct{ ResourceType, Location string }
}

// memberIDs are the values of the members.
func (r scimResource) memberIDs() (ids []string) {
	if r.Members != nil {
		for _, m := range *r.Members {
			ids = append(ids, m.Value)
		}
	}
	return ids
}

// names are the user names, or the display names, of a list.
func (l scimList) names() string {
	var names []string
	for _, r := range l.Resources {
		names = append(names, r.UserName+r.DisplayName)
	}
	return strings.Join(names, " ")
}

func (m *msp) scim(path string, args ...any) string { return m.at("/scim/v2", path, args...) }

// newSCIMUser is the body of a create.
func newSCIMUser(userName string, more object) object {
	body := object{"schemas": []string{scimUserURN}, "userName": userName, "name": object{"givenName": "Ann", "familyName": "Lee"}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// provision makes a user.
func (m *msp) provision(userName string, more object) (r scimResource) {
	m.t.Helper()
	m.do("POST", m.scim("/Users"), newSCIMUser(userName, more)).want(201).into(&r)
	return r
}

func (m *msp) provisionGroup(name string, members ...string) (r scimResource) {
	m.t.Helper()
	m.do("POST", m.scim("/Groups"), object{"schemas": []string{scimGroupURN}, "displayName": name, "members": memberList(members...)}).want(201).into(&r)
	return r
}

func memberList(ids ...string) []object {
	list := []object{}
	for _, id := range ids {
		list = append(list, object{"value": id})
	}
	return list
}

// patchOp is a PATCH of one operation; path "" leaves it out.
func patchOp(op, path string, value any) object {
	one := object{"op": op}
	if path != "" {
		one["path"] = path
	}
	if value != nil {
		one["value"] = value
	}
	return object{"schemas": []string{wire.SCIMPatchURN}, "Operations": []object{one}}
}

func (m *msp) find(kind, filter string) (l scimList) {
	m.t.Helper()
	m.do("GET", m.scim("/%s?filter=%s", kind, url.QueryEscape(filter)), nil).want(200).into(&l)
	return l
}

func testSCIMUsers(m *msp) {
	a := m.do("POST", m.scim("/Users"), newSCIMUser("Jo@acme.example", object{
		"externalId": "E-1", "emails": []object{{"value": "jo@acme.example", "type": "work", "primary": true}}, "phoneNumbers": []object{{"value": "+1", "type": "mobile"}},
	})).want(201)
	var jo, shown scimResource
	a.into(&jo)
	equal(m.t, "location", a.header.Get("Location"), jo.Meta.Location)
	m.do("GET", strings.TrimPrefix(jo.Meta.Location, publicURL), nil).want(200).into(&shown) // at once
	equal(m.t, "shown", shown, jo)
	equal(m.t, "made", fmt.Sprint(jo.UserName, jo.ExternalID, jo.Active, jo.Name, jo.Emails, jo.PhoneNumbers, jo.Meta.ResourceType),
		"Jo@acme.exampleE-1true {Ann Lee} [{jo@acme.example work}] [{+1 mobile}]User")
	path := m.scim("/Users/%s", jo.ID)

	// The same again is the same user; another key of the directory is another person.
	equal(m.t, "again", m.provision("jo@ACME.example", object{"externalId": "E-1", "emails": []object{{"value": "jo@acme.example", "type": "work"}}}).ID, jo.ID)
	m.do("POST", m.scim("/Users"), newSCIMUser("jo@acme.example", object{"externalId": "E-2"})).wantError(400, "400", "externalId")
	m.do("POST", m.scim("/Users"), newSCIMUser("jo", nil)).wantError(400, "400", "userName", "address")
	equal(m.t, "a name that is no address", m.provision("kim", object{"emails": []object{{"value": "kim@acme.example"}}}).UserName, "kim")

	m.do("PUT", path, object{"userName": "jo.lee@acme.example", "name": object{"givenName": "Jo", "familyName": "Lee"}, "active": false}).want(200).into(&shown)
	equal(m.t, "replaced", fmt.Sprint(shown.ID == jo.ID, shown.UserName, shown.Name.GivenName, shown.Active, shown.ExternalID), "truejo.lee@acme.exampleJofalseE-1")
	m.do("PUT", path, object{}).want(200).into(&shown)
	equal(m.t, "an empty replacement", shown.Active, true) // as the document says
	m.do("PUT", path, object{"userName": "kim"}).wantError(400, "400", "userName", "already")
	m.do("PATCH", path, object{"schemas": []string{wire.SCIMPatchURN}, "operations": []object{{"op": "replace", "path": "active", "value": "False"},
		{"op": "Add", "path": `emails[type eq "home"].value`, "value": "jo@home.example"}}}).want(200).into(&shown)
	equal(m.t, "patched", fmt.Sprint(shown.Active, shown.Emails), "false [{jo@acme.example work} {jo@home.example home}]")
	m.do("PATCH", path, patchOp("move", "active", true)).wantError(400, "400", "operations[0].op")
	m.do("PATCH", path, patchOp("replace", "active", "perhaps")).wantError(400, "400", "operations[0].value")
	m.do("PATCH", path, patchOp("replace", "userName", strings.Repeat("x", 400))).wantError(400, "400", "userName")
	m.do("PATCH", path, patchOp("remove", "userName", nil)).wantError(400, "400", "operations[0].value", "userName")
	m.do("PATCH", path, patchOp("replace", "emails[type eq", "x")).wantError(400, "400", "operations[0].path")

	var list scimList
	m.do("GET", m.scim("/Users"), nil).want(200).into(&list)
	equal(m.t, "list", fmt.Sprint(list.TotalResults, list.StartIndex, list.ItemsPerPage, " ", list.names()), "3 1 3 "+m.root.Email+" jo.lee@acme.example kim")
	m.do("GET", m.scim("/Users?startIndex=2&count=1"), nil).want(200).into(&list)
	equal(m.t, "page", fmt.Sprint(list.TotalResults, list.StartIndex, list.ItemsPerPage, " ", list.names()), "3 2 1 jo.lee@acme.example")
	m.do("GET", m.scim("/Users?startIndex=-5&count=0"), nil).want(200).into(&list)
	equal(m.t, "nothing but the number", fmt.Sprint(list.TotalResults, list.StartIndex, list.ItemsPerPage), "3 1 0")

	m.do("DELETE", path, nil).want(204)
	for _, gone := range []string{path, m.scim("/Users/none"), m.scim("/Users/999999999")} {
		m.do("GET", gone, nil).wantError(404, "404")
		m.do("PUT", gone, object{}).wantError(404, "404")
		m.do("PATCH", gone, patchOp("replace", "active", true)).wantError(404, "404")
		m.do("DELETE", gone, nil).wantError(404, "404")
	}
	equal(m.t, "who comes back", m.provision("jo@acme.example", nil).ID, jo.ID)
}

func testSCIMGroups(m *msp) {
	ann, bob := m.provision("ann@groups.example", nil), m.provision("bob@groups.example", nil)
	g := m.provisionGroup("Staff", ann.ID)
	path := m.scim("/Groups/%s", g.ID)
	read := func() (r scimResource) {
		m.t.Helper()
		m.do("GET", path, nil).want(200).into(&r)
		return r
	}
	equal(m.t, "members", fmt.Sprint(*g.Members), fmt.Sprintf("[{%s ann@groups.example User}]", ann.ID))
	equal(m.t, "again", m.provisionGroup("STAFF", ann.ID).ID, g.ID)
	m.do("PUT", path, object{"displayName": "Team", "members": memberList(ann.ID, bob.ID)}).want(200)
	equal(m.t, "replaced", fmt.Sprint(read().DisplayName, read().memberIDs()), fmt.Sprintf("Team[%s %s]", ann.ID, bob.ID))
	m.do("PUT", path, object{"displayName": "Team"}).want(200)
	equal(m.t, "members that are left out stay", len(read().memberIDs()), 2)
	for _, step := range []struct {
		patch object
		want  string
	}{
		{patchOp("remove", fmt.Sprintf(`members[value eq "%s"]`, ann.ID), nil), "[" + bob.ID + "]"},
		{patchOp("Add", "members", memberList(ann.ID, bob.ID)), "[" + ann.ID + " " + bob.ID + "]"},
		{patchOp("Remove", "members", memberList(bob.ID)), "[" + ann.ID + "]"},
		{patchOp("replace", "", object{"members": memberList(bob.ID), "displayName": "Crew"}), "[" + bob.ID + "]"},
		{patchOp("add", "", object{"members": object{"value": ann.ID}}), "[" + ann.ID + " " + bob.ID + "]"},
		{patchOp("remove", `members[display sw "bob"]`, nil), "[" + ann.ID + "]"},
		{patchOp("remove", "members", nil), "[]"},
	} {
		m.do("PATCH", path, step.patch).want(200)
		equal(m.t, fmt.Sprint("members after ", step.patch["Operations"]), fmt.Sprint(read().memberIDs()), step.want)
	}
	equal(m.t, "renamed", read().DisplayName, "Crew")

	var list scimList
	m.do("GET", m.scim("/Groups"), nil).want(200).into(&list)
	equal(m.t, "list", fmt.Sprint(list.TotalResults, list.names(), *list.Resources[0].Members), "1Crew[]")
	m.do("GET", path+"?excludedAttributes=members", nil).want(200).into(&g)
	var bare scimResource
	m.do("GET", path+"?attributes=displayName", nil).want(200).into(&bare)
	equal(m.t, "selected", fmt.Sprint(bare.ID == g.ID, bare.DisplayName, bare.Members == nil, bare.Meta.Location == ""), "trueCrewtrue true")

	// By hand it can no more be changed; one made by hand can be linked to, and not be made anew.
	m.do("POST", m.at("/iam/v1", "/groups/%s/memberships", g.ID), object{"userIds": []int64{int64(m.root.UserID)}}).want(400)
	var hand struct{ ID int64 }
	m.do("POST", m.at("/iam/v1", "/groups"), object{"name": "By hand"}).want(201).into(&hand)
	m.do("POST", m.scim("/Groups"), object{"schemas": []string{scimGroupURN}, "displayName": "By hand"}).wantError(400, "400", "displayName", "By hand")
	m.do("PATCH", m.scim("/Groups/%d", hand.ID), patchOp("add", "members", memberList(ann.ID))).want(200)
	m.do("PATCH", m.at("/iam/v1", "/groups/%d", hand.ID), object{"name": "Other"}).want(409)

	m.do("PATCH", path, patchOp("add", "members", memberList("999999999"))).wantError(400, "400", "members", "999999999")
	m.do("PATCH", path, patchOp("add", "members", memberList("x"))).wantError(400, "400", "operations[0].value[0].value")
	m.do("PATCH", path, patchOp("add", "members", []object{{"value": g.ID, "type": "Group"}})).wantError(400, "400", "type")
	m.do("PATCH", path, patchOp("replace", "displayName", "By hand")).wantError(400, "400", "By hand")
	m.do("DELETE", path, nil).want(204)
	for _, gone := range []string{path, m.scim("/Groups/none")} {
		m.do("GET", gone, nil).wantError(404, "404")
		m.do("PUT", gone, object{"displayName": "x"}).wantError(404, "404")
		m.do("PATCH", gone, patchOp("add", "members", memberList(ann.ID))).wantError(404, "404")
		m.do("DELETE", gone, nil).wantError(404, "404")
	}
}

func testSCIMFilters(m *msp) {
	ann := m.provision("ann@filters.example", object{"externalId": "A", "emails": []object{{"value": "Ann.Work@filters.example", "type": "work"}, {"value": "ann@home.example", "type": "home"}}})
	bob := m.provision("bob@filters.example", object{"externalId": "B", "active": false, "name": object{"givenName": "Bob", "familyName": "O'Hara \"é\""}})
	for filter, want := range map[string]string{
		``:                                     m.root.Email + " ann@filters.example bob@filters.example",
		`userName eq "ann@filters.example"`:    "ann@filters.example",
		`UserName EQ 'ANN@filters.example'`:    "ann@filters.example",
		`userName eq "nobody"`:                 "",
		`id eq "` + ann.ID + `"`:               "ann@filters.example",
		`id eq ` + ann.ID:                      "ann@filters.example",
		`externalId eq "b"`:                    "",
		`externalId eq "B" or id eq ` + ann.ID: "ann@filters.example bob@filters.example",
		`active eq "False"`:                    "bob@filters.example",
		`name.familyName co "hara \"É"`:        "bob@filters.example",
		`name.familyName co 'O\'HARA'`:         "bob@filters.example",
		`emails[type eq "work" and value eq "ann.work@filters.example"]`: "ann@filters.example",
		`emails[type eq "work"].value eq "ann@home.example"`:             "",
		`emails[type eq "home"].value eq "ann@home.example"`:             "ann@filters.example",
		`emails eq "ann@home.example"`:                                   "ann@filters.example",
		`emails.value eq "` + m.root.Email + `"`:                         m.root.Email,
		`not (userName sw "a") and userName ew "filters.example"`:        "bob@filters.example",
		`externalId pr and (active eq true or userName gt "x")`:          "ann@filters.example",
		`meta.created gt "2001-01-01T00:00:00Z" and externalId ne null`:  "ann@filters.example bob@filters.example",
		scimUserURN + `:userName eq "bob@filters.example"`:               "bob@filters.example",
	} {
		equal(m.t, "users by "+filter, m.find("Users", filter).names(), want)
	}
	a, b := m.provisionGroup("Ayes", ann.ID), m.provisionGroup("Bees", ann.ID, bob.ID)
	for filter, want := range map[string]string{
		`displayName eq "AYES"`:                                "Ayes",
		`id eq "` + b.ID + `"`:                                 "Bees",
		`id eq "` + b.ID + `" and members eq "` + bob.ID + `"`: "Bees",
		`id eq "` + a.ID + `" and members eq "` + bob.ID + `"`: "",
		`members[value eq "` + ann.ID + `"]`:                   "Ayes Bees",
		`members.value eq "` + bob.ID + `"`:                    "Bees",
		`displayName co "e" and not (displayName eq "ayes")`:   "Bees",
		`members.display co "BOB"`:                             "Bees",
		`externalId pr`:                                        "",
	} {
		equal(m.t, "groups by "+filter, m.find("Groups", filter).names(), want)
	}
	for _, filter := range []string{`userName`, `nope eq "x"`, `name eq "x"`, `userName eq "x`, `active gt true`, `meta.created gt "soon"`, `emails[type eq "x"`,
		`userName[a eq "b"]`, `v__0 pr`, `emails.v__0 pr`, `urn:x:User:userName eq "x"`, `userName eq "\q"`, strings.Repeat("(", 40) + `id pr` + strings.Repeat(")", 40)} {
		m.do("GET", m.scim("/Users?filter=%s", url.QueryEscape(filter)), nil).wantError(400, "400", "filter", "character")
	}
}

func testSCIMConfig(m *msp) {
	var types, schemas []struct{ ID, Endpoint string }
	m.do("GET", m.scim("/ResourceTypes"), nil).want(200).into(&types)
	m.do("GET", m.scim("/Schemas"), nil).want(200).into(&schemas)
	equal(m.t, "types", fmt.Sprint(types), "[{User /Users} {Group /Groups}]")
	for _, s := range schemas {
		m.do("GET", m.scim("/Schemas/%s", s.ID), nil).want(200)
	}
	m.do("GET", m.scim("/Schemas/nope"), nil).wantError(404, "404")
	m.do("GET", m.scim("/ResourceTypes/Group"), nil).want(200)
	m.do("GET", m.scim("/ResourceTypes/nope"), nil).wantError(404, "404")
	var config struct{ Patch, Filter, Bulk struct{ Supported bool } }
	m.do("GET", m.scim("/ServiceProviderConfig"), nil).want(200).into(&config)
	equal(m.t, "config", fmt.Sprint(config), "{{true} {true} {false}}")

	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "application/scim+json": "application/scim+json", "application/json": "application/json",
		"application/scim+json; charset=utf-8": "application/scim+json", "application/scim+json;q=0.5, application/json": "application/json",
	} {
		equal(m.t, "type for "+accept, m.do("GET", m.scim("/Users"), nil, "Accept", accept).want(200).header.Get("Content-Type"), want)
		equal(m.t, "type of an error for "+accept, m.do("GET", m.scim("/Users/0"), nil, "Accept", accept).want(404).header.Get("Content-Type"), want)
	}
}

// renewSCIM makes a user and a group, and says what bodies hold.
func renewSCIM(w *world) {
	u := w.provision(fmt.Sprintf("walk-%d@acme.example", w.n), nil)
	g := w.provisionGroup(fmt.Sprint("Walk ", w.n))
	for _, op := range []string{"show", "update", "replace", "delete"} {
		w.valid["scim SCIM User#"+op+" id"], w.valid["scim SCIM Group#"+op+" id"] = u.ID, g.ID
	}
	for _, op := range []string{"create", "replace"} {
		w.valid["scim SCIM User#"+op+" name"] = members{{"familyName", "Lee"}, {"givenName", "Ann"}}
		w.valid["scim SCIM User#"+op+" value"] = "ann@acme.example"
		w.valid["scim SCIM User#"+op+" type"] = "work"
		w.valid["scim SCIM Group#"+op+" value"] = u.ID
		w.valid["scim SCIM Group#"+op+" type"] = "User"
	}
	w.valid["scim SCIM User#update value"], w.valid["scim SCIM User#update path"] = "Lee", "name.familyName"
	w.valid["scim SCIM Group#update value"], w.valid["scim SCIM Group#update path"] = "Other "+fmt.Sprint(w.n), "displayName"
	w.valid["scim SCIM Config#show_resource_type id"], w.valid["scim SCIM Config#show_schema id"] = "User", scimUserURN
	w.valid["scim SCIM User#index filter"], w.valid["scim SCIM Group#index filter"] = `userName eq "x"`, `displayName eq "x"`
	w.valid["schemas[]"], w.valid["userName"], w.valid["displayName"], w.valid["active"] = scimUserURN, fmt.Sprintf("new-%d@acme.example", w.n), fmt.Sprint("New ", w.n), true
	w.valid["op"], w.valid["display"], w.valid["$ref"], w.valid["startIndex"], w.valid["count"] = "replace", "x", "x", "1", "10"
}
