package e2e_test

import (
	"fmt"
	"net/url"
	"strings"

	"espalier.dev/ref"
)

// Directories as they are: the requests that the large identity providers send, in their order and with what is odd about them, after
// their public documentation. They ask as a service account, in SCIM's own media type.

type directory struct {
	*msp
	steps int
}

// directory is the client of a service account that may administer the organization.
func (m *msp) directory() *directory {
	m.t.Helper()
	return &directory{m.robot("iam_admin"), 0}
}

// robot asks as a service account with a role.
func (m *msp) robot(role string) *msp {
	m.t.Helper()
	account := m.newAccount("directory")
	var c accountClient
	m.do("POST", account+"/clients", nil).want(201).into(&c)
	id := account[strings.LastIndexByte(account, '/')+1:]
	m.do("PUT", m.at("/iam/v1", "/access-rules/grant"), object{"subject": object{"ref": fmt.Sprintf("ref:nam:%d::iam:service-account:%s", m.root.OrgID, id)},
		"role": object{"name": role}}).want(204)
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	none := m.server.nobody(m.t)
	none.do("POST", "/oidc/token", object{"grant_type": "client_credentials", "client_id": c.ClientID, "client_secret": c.ClientSecret}).want(200).into(&granted)
	none.bearer = granted.AccessToken
	return &msp{none, m.server, m.root}
}

// send sends a body written as JSON, in which %s stands for args.
func (d *directory) send(method, path string, status int, body string, args ...any) (r scimResource) {
	d.t.Helper()
	d.steps++
	headers := []string{"Accept", "application/scim+json"}
	var from any
	if body != "" {
		from, headers = fmt.Sprintf(body, args...), append(headers, "Content-Type", "application/scim+json; charset=utf-8")
	}
	a := d.do(method, d.scim("%s", path), from, headers...).want(status)
	if a.body != "" {
		if got := a.header.Get("Content-Type"); got != "application/scim+json" {
			d.t.Errorf("step %d, %s: answered as %q", d.steps, a.what, got)
		}
		a.into(&r)
	}
	return r
}

// look asks for a list.
func (d *directory) look(path, filter, more string) (l scimList) {
	d.t.Helper()
	a := d.do("GET", d.scim("%s?filter=%s%s", path, url.QueryEscape(filter), more), nil, "Accept", "application/scim+json").want(200)
	a.into(&l)
	return l
}

func testEntraID(m *msp) {
	d := m.directory()
	equal(m.t, "the test of the connection", d.look("/Users", `userName eq "3f5c1d6e-0f7d-4d0e-9f3a-3a4b8a1b2c3d"`, "").TotalResults, 0)

	made := d.send("POST", "/Users", 201, `{
		"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Mia.Berg@entra.example", "active": true,
		"emails": [{"primary": true, "type": "work", "value": "Mia.Berg@entra.example"}], "meta": {"resourceType": "User"},
		"name": {"formatted": "Mia Berg", "familyName": "Berg", "givenName": "Mia"}, "roles": [], "displayName": "Mia Berg", "title": "Engineer",
		"addresses": [{"primary": false, "type": "work", "country": "SE"}], "preferredLanguage": null,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Lab", "manager": {"value": "9"}}}`)
	user := "/Users/" + made.ID
	equal(m.t, "found by name", d.look("/Users", `userName eq "mia.berg@entra.example"`, "").Resources[0].ID, made.ID)
	equal(m.t, "found by key", d.look("/Users", `externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"`, "").Resources[0].ID, made.ID)
	equal(m.t, "found by address", d.look("/Users", `emails[type eq "work"].value eq "mia.berg@entra.example"`, "").Resources[0].ID, made.ID)
	d.send("GET", user, 200, "")

	now := d.send("PATCH", user, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
		{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "mia@entra.example"},
		{"op": "Replace", "path": "name.familyName", "value": "Lund"},
		{"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+46 70"},
		{"op": "Add", "path": "addresses[type eq \"work\"].formatted", "value": "Road 1"},
		{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Field"},
		{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": [{"$ref": "../Users/9", "value": "9"}]}]}`)
	equal(m.t, "after PATCH", fmt.Sprint(now.Name, now.Emails, now.PhoneNumbers), "{Mia Lund} [{mia@entra.example work}] [{+46 70 mobile}]")
	now = d.send("PATCH", user, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
		{"op": "Add", "value": {"name.givenName": "Maria", "userName": "maria.lund@entra.example", "emails[type eq \"work\"].primary": "True",
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Lab"}}]}`)
	equal(m.t, "after PATCH without a path", now.UserName+" "+now.Name.GivenName, "maria.lund@entra.example Maria")
	for value, want := range map[string]bool{`"False"`: false, `true`: true, `false`: false, `"True"`: true} {
		now = d.send("PATCH", user, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "active", "value": %s}]}`, value)
		equal(m.t, "active after "+value, now.Active, want)
	}

	g := d.send("POST", "/Groups", 201, `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
		"externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "Lab staff", "meta": {"resourceType": "Group"}}`)
	group := "/Groups/" + g.ID
	d.send("GET", group+"?excludedAttributes=members", 200, "")
	equal(m.t, "group by name", d.look("/Groups", `displayName eq "Lab staff"`, "&excludedAttributes=members").Resources[0].ID, g.ID)
	equal(m.t, "group by key", d.look("/Groups", `externalId eq "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159"`, "&excludedAttributes=members").Resources[0].ID, g.ID)
	d.send("PATCH", group, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "%s"}]}]}`, made.ID)
	asks := fmt.Sprintf(`id eq "%s" and members eq "%s"`, g.ID, made.ID)
	equal(m.t, "is in it", d.look("/Groups", asks, "&excludedAttributes=members").TotalResults, 1)
	d.send("PATCH", group, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "%s"}]}]}`, made.ID)
	equal(m.t, "is in it no more", d.look("/Groups", asks, "&excludedAttributes=members").TotalResults, 0)
	renamed := d.send("PATCH", group, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "displayName", "value": "Lab"}]}`)
	equal(m.t, "renamed", renamed.DisplayName, "Lab")
	d.send("DELETE", group, 204, "")
	d.send("DELETE", user, 204, "")
	d.send("GET", user, 404, "")
}

func testOkta(m *msp) {
	d := m.directory()
	equal(m.t, "the test of the connection", d.look("/Users", "", "&startIndex=1&count=2").TotalResults, 1)
	d.look("/Groups", "", "&startIndex=1&count=100")
	const query = "&startIndex=1&count=100"
	equal(m.t, "nobody yet", d.look("/Users", `userName eq "tom.ek@okta.example"`, query).TotalResults, 0)
	const profile = `"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "tom.ek@okta.example", "externalId": "00ujl29u0le5T6Aj10h7",
		"name": {"givenName": "%s", "familyName": "Ek"}, "emails": [{"primary": true, "value": "tom.ek@okta.example", "type": "work"}],
		"phoneNumbers": [{"value": "555-1", "type": "mobile", "primary": true}], "displayName": "Tom Ek", "locale": "en-US", "groups": []`
	made := d.send("POST", "/Users", 201, `{`+profile+`, "password": "1mz050nq", "active": true}`, "Tom")
	user := "/Users/" + made.ID
	equal(m.t, "found", d.look("/Users", `userName eq "tom.ek@okta.example"`, query).Resources[0].ID, made.ID)
	d.send("GET", user, 200, "")
	now := d.send("PUT", user, 200, `{`+profile+`, "id": "%s", "active": true, "meta": {"resourceType": "User", "location": "x"}}`, "Thomas", made.ID)
	equal(m.t, "after PUT", fmt.Sprint(now.Name, now.PhoneNumbers, now.Active), "{Thomas Ek} [{555-1 mobile}] true")
	for _, active := range []bool{false, true} {
		now = d.send("PATCH", user, 200, `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"active": %t}}]}`, active)
		equal(m.t, "active", now.Active, active)
	}
	now = d.send("PUT", user, 200, `{`+profile+`, "active": false}`, "Thomas")
	equal(m.t, "shut out by PUT", now.Active, false)
	d.send("PUT", user, 200, `{`+profile+`, "active": true}`, "Thomas")

	equal(m.t, "no group yet", d.look("/Groups", `displayName eq "Test SCIMv2"`, query).TotalResults, 0)
	g := d.send("POST", "/Groups", 201, `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Test SCIMv2", "members": []}`)
	group := "/Groups/" + g.ID
	equal(m.t, "linked", d.look("/Groups", `displayName eq "Test SCIMv2"`, query).Resources[0].ID, g.ID)
	d.send("GET", group, 200, "")
	const operations = `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [%s]}`
	now = d.send("PATCH", group, 200, operations, `{"op": "replace", "value": {"id": "`+g.ID+`", "displayName": "Test SCIMv2 renamed"}}`)
	equal(m.t, "renamed", now.DisplayName, "Test SCIMv2 renamed")
	member := `{"value": "` + made.ID + `", "display": "tom.ek@okta.example"}`
	now = d.send("PATCH", group, 200, operations, `{"op": "add", "path": "members", "value": [`+member+`]}`)
	equal(m.t, "pushed", fmt.Sprint(now.memberIDs()), "["+made.ID+"]")
	now = d.send("PATCH", group, 200, operations, `{"op": "remove", "path": "members[value eq \"`+made.ID+`\"]"}, {"op": "add", "path": "members", "value": [`+member+`]}`)
	equal(m.t, "taken out and put in", fmt.Sprint(now.memberIDs()), "["+made.ID+"]")
	now = d.send("PATCH", group, 200, operations, `{"op": "replace", "path": "members", "value": []}`)
	equal(m.t, "emptied", fmt.Sprint(now.memberIDs()), "[]")
	now = d.send("PUT", group, 200, `{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "%s", "displayName": "Test SCIMv2", "members": [%s]}`, g.ID, member)
	equal(m.t, "after PUT", now.DisplayName+fmt.Sprint(now.memberIDs()), "Test SCIMv2["+made.ID+"]")
	d.send("DELETE", group, 204, "")
}

// testSCIMBackDoor goes through SCIM for what SCIM does not give: the role of an owner, and people of other organizations.
func testSCIMBackDoor(m *msp) {
	robot, stranger := m.robot("iam_admin"), newMSP(m.t, m.server, "scim stranger")
	owners := func(of *msp) string {
		of.t.Helper()
		return of.do("GET", of.at("/iam/v1", "/access-rules?filter=%s", url.QueryEscape("roleName eq 'org_owner'")), nil).want(200).body
	}
	before, theirs := owners(m), owners(stranger)

	// What a resource says of roles and groups is passed over.
	admin := m.provisionGroup("Admins")
	eve := robot.provision("eve@backdoor.example", object{"roles": []object{{"value": "org_owner"}}, "groups": []object{{"value": admin.ID}}, "entitlements": []string{"org_owner"}})
	for _, path := range []string{"roles", "groups", "entitlements", `roles[value eq "org_owner"].value`, "userType", "org_id", "home_org_id", "state", "id", "meta.location"} {
		robot.do("PATCH", m.scim("/Users/%s", eve.ID), patchOp("add", path, "1")).want(200)
	}
	equal(m.t, "groups of eve", m.find("Groups", `members eq "`+eve.ID+`"`).TotalResults, 0)

	// An owner is not shut out, removed or taken over by who is none, and the last one by nobody.
	owner := m.scim("/Users/%d", m.root.UserID)
	robot.do("PATCH", owner, patchOp("replace", "active", false)).wantError(403, "403", "owner")
	robot.do("PUT", owner, object{"active": false}).wantError(403, "403", "owner")
	robot.do("DELETE", owner, nil).wantError(403, "403", "owner")
	robot.do("POST", m.scim("/Users"), newSCIMUser(m.root.Email, object{"active": false})).wantError(403, "403", "owner")
	for _, refused := range []answer{m.do("PATCH", owner, patchOp("replace", "active", "False")), m.do("DELETE", owner, nil), m.do("PUT", owner, object{"active": false})} {
		refused.wantError(400, "400", "at least one owner", m.root.OrgID.String())
	}
	robot.do("PATCH", owner, patchOp("replace", "userName", "eve2@backdoor.example")).want(200) // in the directory's own book
	equal(m.t, "account of the owner", m.me().Email, m.root.Email)
	robot.do("PATCH", owner, patchOp("replace", "userName", m.root.Email)).want(200)

	// Somebody of another organization is made a member, and is nobody's to change.
	equal(m.t, "the stranger's id", robot.provision(stranger.root.Email, object{"name": object{"givenName": "Not", "familyName": "Me"}}).ID, stranger.root.UserID.String())
	account := stranger.me()
	path := m.scim("/Users/%d", stranger.root.UserID)
	m.do("PATCH", path, patchOp("replace", "name", object{"givenName": "Mal", "familyName": "Ory"})).want(200)
	m.do("PATCH", path, patchOp("replace", "userName", "eve3@backdoor.example")).want(200)
	m.do("PATCH", path, patchOp("replace", "emails", []object{{"value": "eve3@backdoor.example", "primary": true}})).want(200)
	m.do("PATCH", path, patchOp("replace", "active", false)).want(200)
	equal(m.t, "account of the stranger", stranger.me(), account)
	stranger.do("GET", stranger.scim("/Users"), nil).want(200)
	stranger.do("GET", m.scim("/Users"), nil).wantError(404, "404") // shut out there
	m.do("DELETE", path, nil).want(204)
	equal(m.t, "account of the stranger", stranger.me(), account)

	// Ids of another organization lead nowhere, in path, body and filter.
	victim := stranger.provision("victim@stranger.example", nil)
	group := stranger.provisionGroup("Theirs", victim.ID)
	for _, kind := range []string{"Users/" + victim.ID, "Groups/" + group.ID} {
		m.do("GET", m.scim("/%s", kind), nil).wantError(404, "404")
		m.do("PATCH", m.scim("/%s", kind), patchOp("replace", "externalId", "x")).wantError(404, "404")
		m.do("PUT", m.scim("/%s", kind), object{"displayName": "x"}).wantError(404, "404")
		m.do("DELETE", m.scim("/%s", kind), nil).wantError(404, "404")
		m.do("GET", stranger.scim("/%s", kind), nil).wantError(404, "404")
	}
	m.do("PATCH", m.scim("/Groups/%s", admin.ID), patchOp("add", "members", memberList(victim.ID))).wantError(400, "400", victim.ID)
	for _, filter := range []string{`id eq "` + victim.ID + `"`, `userName eq "victim@stranger.example"`, `emails eq "victim@stranger.example"`} {
		equal(m.t, "users by "+filter, m.find("Users", filter).TotalResults, 0)
	}
	equal(m.t, "groups", m.find("Groups", `id eq "`+group.ID+`" or displayName eq "Theirs" or members eq "`+victim.ID+`"`).TotalResults, 0)
	robot.do("GET", stranger.scim("/Users"), nil).wantError(404, "404")
	customer := m.create("Scim customer", nil)
	m.do("GET", fmt.Sprintf("/scim/v2/orgs/%d/Users", customer), nil).wantError(403, "403")
	robot.do("POST", fmt.Sprintf("/scim/v2/orgs/%d/Users", customer), newSCIMUser("eve@backdoor.example", nil)).wantError(403, "403")

	// Nobody raises itself: not into a group that holds more, and not back in.
	ida := m.provision("ida@backdoor.example", nil)
	m.grant("user", "", ida.ID, "iam_admin")
	m.grant("group", m.root.OrgID.String(), admin.ID, "msp_admin")
	asIda := &msp{m.server.user(m.t, "ida@backdoor.example"), m.server, m.root}
	for _, join := range []object{patchOp("add", "members", memberList(ida.ID)), patchOp("replace", "", object{"members": memberList(eve.ID, ida.ID)})} {
		asIda.do("PATCH", m.scim("/Groups/%s", admin.ID), join).want(403)
	}
	asIda.do("PUT", m.scim("/Groups/%s", admin.ID), object{"displayName": "Admins", "members": memberList(ida.ID)}).want(403)
	asIda.do("POST", m.scim("/Groups"), object{"schemas": []string{scimGroupURN}, "displayName": "admins", "members": memberList(ida.ID)}).want(403)
	m.do("PATCH", m.scim("/Users/%s", ida.ID), patchOp("replace", "active", "False")).want(200)
	asIda.do("PATCH", m.scim("/Users/%s", ida.ID), patchOp("replace", "active", "True")).wantError(404, "404") // at once

	equal(m.t, "owners", owners(m), before)
	equal(m.t, "owners of the stranger", owners(stranger), theirs)
}

// account is a user as it sees itself.
type account struct {
	ID                         ref.UserID
	Email, FirstName, LastName string
}

func (m *msp) me() (a account) {
	m.t.Helper()
	m.do("GET", "/espalier/v1/me", nil).want(200).into(&a)
	return a
}

// grant gives a role in the organization; org is empty for users.
func (m *msp) grant(kind, org, id, role string) {
	m.t.Helper()
	m.do("PUT", m.at("/iam/v1", "/access-rules/grant"), object{"subject": object{"ref": fmt.Sprintf("ref:nam:%s::iam:%s:%s", org, kind, id)}, "role": object{"name": role}}).want(204)
}
