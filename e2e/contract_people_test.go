package e2e_test

import (
	"fmt"
	"net/url"
	"strings"
)

// person is a user of any API, as far as tests look at it.
type person struct {
	ID                                   int64
	Email, FirstName, Status, State      string
	AccessSource                         string
	HasActiveRefreshToken                bool
	CreatedAt, LastUILogin, LastAPILogin string
}

type userPage struct {
	Kind, NextPage string
	Total          int
	Values         []person
}

// newTeam makes a customer with two owners, ann and bo, and returns it as ann sees it, with bo's id.
func (m *msp) newTeam(name string) (ann *msp, bo int64) {
	m.t.Helper()
	host := strings.ToLower(strings.ReplaceAll(name, " ", "-")) + ".example"
	id := m.create(name, object{"capabilities": []object{{"name": "policy"}, {"name": "msp"}}, "owners": []object{
		{"email": "ann@" + host, "firstName": "Ann", "lastName": "Lee"}, {"email": "bo@" + host, "firstName": "Bo", "lastName": "Dahl"}}})
	ann = m.asOwnerOf(id, "ann@"+host)
	var c customer
	m.do("GET", m.at("/msp/v2", "/customers/%d", id), nil).want(200).into(&c)
	for _, o := range c.Owners {
		if strings.HasPrefix(o.Email, "bo@") {
			bo = o.ID
		}
	}
	return ann, bo
}

func testUsers(m *msp) {
	ann, bo := m.newTeam("Users")
	list := ann.at("/iam/v1", "/users")
	var page userPage
	for query, want := range map[string]string{
		"": "Ann Bo", "?orderBy=" + url.QueryEscape("firstName desc"): "Bo Ann", "?orderBy=email": "Ann Bo", "?accessSource=org_member": "Ann Bo",
		"?accessSource=external_access_policy": "", "?filter=" + url.QueryEscape("firstName co 'b'"): "Bo",
		"?filter=" + url.QueryEscape(`lastUILogin gt "2020-01-01T00:00:00Z" or hasActiveRefreshToken eq true`): "Ann",
		"?filter=" + url.QueryEscape("hasActiveRefreshToken eq false and email co 'USERS.example'"):            "Bo",
	} {
		page = userPage{}
		ann.do("GET", list+query, nil).want(200).into(&page)
		var got []string
		for _, u := range page.Values {
			got = append(got, u.FirstName)
		}
		equal(m.t, query, strings.Join(got, " "), want)
		equal(m.t, "kind", page.Kind, "iam#org-user-list")
	}
	for _, filter := range []string{"email gt 'x'", "lastUILogin eq '2026-01-01'", "nope eq 'x'"} {
		ann.do("GET", list+"?filter="+url.QueryEscape(filter), nil).wantError(400, "bad_request", "filter")
	}
	ann.do("GET", list+"?orderBy=nope", nil).wantError(400, "bad_request", "orderBy")
	ann.do("GET", list+"?accessSource=nope", nil).wantError(400, "bad_request", "accessSource")

	one := ann.at("/iam/v1", "/users/%d", bo)
	var u person
	ann.do("GET", one, nil).want(200).into(&u)
	equal(m.t, "shown", fmt.Sprint(u.FirstName, u.Status, u.AccessSource), "Boactiveorg_member")
	ann.do("GET", ann.at("/iam/v1", "/users/%d", m.root.UserID), nil).wantError(404, "not_found", "has no user") // of the parent
	var made struct{ ID int64 }
	ann.do("POST", list, object{"email": u.Email}).want(200).into(&made) // a member stays one
	equal(m.t, "id", made.ID, bo)
	ann.do("POST", list, object{"email": "new@users.example", "first_name": "New", "last_name": "One"}).wantError(400, "bad_request", "users.example", "verified")

	own := ann.at("/espalier/v1", "/users")
	ann.do("POST", own+fmt.Sprintf("/%d/deactivate", bo), nil).want(204)
	ann.do("GET", one, nil).want(200).into(&u)
	equal(m.t, "shut out", u.Status, "inactive")
	ann.do("POST", list, object{"email": u.Email}).wantError(400, "bad_request", "reactivate")
	me := ann.userID()
	ann.do("POST", own+fmt.Sprintf("/%d/deactivate", me), nil).wantError(422, "owner_required", ann.root.OrgID.String())
	ann.do("DELETE", ann.at("/iam/v1", "/users/%d", me), nil).wantError(400, "owner_required", ann.root.OrgID.String())
	ann.do("POST", own+fmt.Sprintf("/%d/reactivate", bo), nil).want(204)
	for _, verb := range []string{"deactivate", "reactivate"} {
		ann.do("POST", own+"/999999/"+verb, nil).wantError(404, "not_found")
	}

	var names []string
	total := 0
	for path := own + "?limit=1&orderBy=" + url.QueryEscape("email desc"); path != ""; {
		page = userPage{}
		ann.do("GET", path, nil).want(200).into(&page)
		names, total, path = append(names, page.Values[0].FirstName+" "+page.Values[0].State), page.Total, page.NextPage
	}
	equal(m.t, "a page each", fmt.Sprint(names, total), "[Bo invited Ann invited] 2")

	ann.do("DELETE", one, nil).want(204)
	ann.do("DELETE", one, nil).wantError(404, "not_found")
	ann.do("GET", one, nil).wantError(404, "not_found")
	ann.do("GET", one+"/groups", nil).wantError(404, "not_found")
}

type group struct {
	ID          int64
	Ref, Name   string
	Description string
	UserCount   *int
}

type groupMembership struct {
	ID, Ref string
	User    person
}

func testUserGroups(m *msp) {
	ann, bo := m.newTeam("User groups")
	path := ann.at("/iam/v1", "/groups")
	var g group
	ann.do("POST", path, object{"name": "Desk", "description": "text"}).want(201).into(&g)
	equal(m.t, "made", fmt.Sprint(g.Ref, g.Name, g.Description, g.UserCount), fmt.Sprintf("ref:nam:%d::iam:group:%dDesktext<nil>", ann.root.OrgID, g.ID))
	ann.do("POST", path, object{"name": "DESK"}).wantError(400, "bad_request", "already")
	ann.do("POST", path, object{"name": ""}).wantError(400, "bad_request", "name")
	one := fmt.Sprintf("%s/%d", path, g.ID)
	ann.do("PATCH", one, object{"name": "Help desk"}).want(200).into(&g)
	equal(m.t, "changed", g.Name+" "+g.Description, "Help desk text")
	ann.do("POST", path, object{"name": "Other"}).want(201)
	ann.do("PATCH", one, object{"name": "other"}).wantError(409, "conflict", "already")

	var in []groupMembership
	ann.do("POST", one+"/memberships", object{"userIds": []int64{bo, bo}}).want(201).into(&in)
	equal(m.t, "joined", fmt.Sprint(len(in), in[0].ID, in[0].Ref, in[0].User.FirstName),
		fmt.Sprintf("1%d:%dref:nam:%d::iam:membership:%d:%dBo", g.ID, bo, ann.root.OrgID, g.ID, bo))
	ann.do("POST", one+"/memberships", object{"userIds": []any{m.root.UserID}}).wantError(400, "bad_request", "userIds", m.root.UserID.String())
	me := ann.userID()
	ann.do("PUT", one+"/memberships", object{"userIds": []int64{me}}).want(204)
	ann.do("GET", one+"/memberships", nil).want(200).into(&in)
	equal(m.t, "replaced", fmt.Sprint(len(in), in[0].User.ID), fmt.Sprint(1, me))
	var list struct{ Values []group }
	ann.do("GET", path+"?view=extended", nil).want(200).into(&list)
	equal(m.t, "users in each", fmt.Sprint(len(list.Values), *list.Values[0].UserCount, *list.Values[1].UserCount), "2 1 0")
	ann.do("GET", one+"?view=extended", nil).want(200).into(&g)
	equal(m.t, "users", *g.UserCount, 1)
	ann.do("GET", ann.at("/iam/v1", "/users/%d/groups", me), nil).want(200).into(&list)
	equal(m.t, "groups of a user", fmt.Sprintln(len(list.Values), list.Values[0].Name), "1 Help desk\n")
	ann.do("DELETE", one+fmt.Sprintf("/memberships/%d:%d", g.ID, bo), nil).wantError(404, "not_found")
	ann.do("DELETE", one+fmt.Sprintf("/memberships/%d:%d", g.ID+1, me), nil).wantError(404, "not_found", "GROUP:USER")
	ann.do("DELETE", one+fmt.Sprintf("/memberships/%d:%d", g.ID, me), nil).want(204)

	ann.do("DELETE", one, nil).want(204)
	for _, r := range []struct {
		method, path string
		body         any
	}{
		{"GET", one, nil}, {"PATCH", one, object{"name": "x"}}, {"DELETE", one, nil}, {"GET", one + "/memberships", nil},
		{"POST", one + "/memberships", object{"userIds": []int64{bo}}}, {"PUT", one + "/memberships", object{"userIds": []int64{}}},
		{"DELETE", one + fmt.Sprintf("/memberships/%d:%d", g.ID, me), nil},
	} {
		ann.do(r.method, r.path, r.body).wantError(404, "not_found")
	}
}

func testRoles(m *msp) {
	type role struct {
		ID                   int64
		Name, Description    string
		Capability, Category string
		Privileges           []string
	}
	id := m.create("Roles", object{"capabilities": []object{{"name": "iam"}}, "owners": []object{{"email": "ann@roles.example"}}})
	ann := m.asOwnerOf(id, "ann@roles.example")
	var list []role
	ann.do("GET", ann.at("/iam/v1", "/roles?view=extended"), nil).want(200).into(&list)
	equal(m.t, "roles that iam unlocks", len(list), 3)
	if list[0].Name != "org_owner" || list[0].Description == "" || list[0].Category == "" || len(list[0].Privileges) == 0 {
		m.t.Errorf("shown whole: %+v", list[0])
	}
	list = nil
	m.do("GET", m.at("/iam/v1", "/roles?view=index"), nil).want(200).into(&list)
	equal(m.t, "roles of an MSP with policies", fmt.Sprint(len(list), list[0].Description, list[0].Privileges), "11[]")
	var one role
	m.do("GET", m.at("/iam/v1", "/roles/4"), nil).want(200).into(&one)
	equal(m.t, "one", one.Name+" "+one.Capability, "msp_admin msp")
	ann.do("GET", ann.at("/iam/v1", "/roles/4"), nil).wantError(404, "not_found", "capability")
	ann.do("GET", ann.at("/iam/v1", "/roles/99"), nil).wantError(404, "not_found")
}

type accessRule struct {
	Role    struct{ Name, DisplayName string }
	Scope   struct{ Kind, Ref string }
	Subject struct{ Kind, Ref, Email, Name string }
}

func testAccessRules(m *msp) {
	ann, bo := m.newTeam("Rules")
	grant, revoke := ann.at("/iam/v1", "/access-rules/grant"), ann.at("/iam/v1", "/access-rules/revoke")
	var project, g struct{ ID int64 }
	ann.do("POST", ann.at("/espalier/v1", "/projects"), object{"name": "Cloud"}).want(201).into(&project)
	ann.do("POST", ann.at("/iam/v1", "/groups"), object{"name": "Desk"}).want(201).into(&g)
	a := ann.newAccount("robot")
	robot := a[strings.LastIndexByte(a, '/')+1:]
	subject := func(ref string) object { return object{"ref": ref} }
	user, inProject := subject(fmt.Sprintf("ref:nam:::iam:user:%d", bo)), subject(fmt.Sprintf("ref:nam:%d::iam:project:%d", ann.root.OrgID, project.ID))
	for range 2 { // granting again is harmless
		for _, ref := range []string{fmt.Sprintf("iam#user:%d", bo), fmt.Sprintf("ref:nam:%d::iam:group:%d", ann.root.OrgID, g.ID),
			fmt.Sprintf("ref:nam:::iam:group:%d", g.ID), "iam#service-account:" + robot} {
			ann.do("PUT", grant, object{"subject": subject(ref), "role": object{"name": "org_viewer"}}).want(204)
		}
		ann.do("PUT", grant, object{"subject": user, "role": object{"id": 6}, "scope": inProject}).want(204)
		ann.do("PUT", grant, object{"subject": user, "role": object{"id": 2, "name": "iam_admin"}, "scope": subject(fmt.Sprintf("ref:nam:::iam:org:%d", ann.root.OrgID))}).want(204)
	}
	for what, body := range map[string]object{
		"subject.ref":  {"subject": subject(fmt.Sprintf("ref:::::iam:user:%d", bo)), "role": object{"id": 3}},
		"zone":         {"subject": subject(fmt.Sprintf("ref:eu:::iam:user:%d", bo)), "role": object{"id": 3}},
		"organization": {"subject": subject(fmt.Sprintf("ref:nam:%d::iam:group:%d", m.root.OrgID, g.ID)), "role": object{"id": 3}},
		"service":      {"subject": subject(fmt.Sprintf("ref:nam:::policy:user:%d", bo)), "role": object{"id": 3}},
		"has no user":  {"subject": subject(fmt.Sprintf("ref:nam:::iam:user:%d", m.root.UserID)), "role": object{"id": 3}},
		"no role":      {"subject": user, "role": object{"name": "nope"}},
		"and not":      {"subject": user, "role": object{"name": "org_viewer", "id": 4}},
		"want the id":  {"subject": user, "role": object{}},
		"scope: is of": {"subject": user, "role": object{"id": 3}, "scope": subject(fmt.Sprintf("ref:nam:::iam:org:%d", m.root.OrgID))},
		"no project":   {"subject": user, "role": object{"id": 6}, "scope": subject(fmt.Sprintf("ref:nam:::iam:project:%d", m.root.ProjectID))},
		"in a project": {"subject": user, "role": object{"id": 2}, "scope": inProject},
		"directly":     {"subject": subject("iam#service-account:" + robot), "role": object{"id": 1}},
	} {
		ann.do("PUT", grant, body).wantError(400, "bad_request", what)
	}
	ruled := func(filter string) (got []string) {
		var list struct{ Values []accessRule }
		ann.do("GET", ann.at("/iam/v1", "/access-rules?view=extended&filter=%s", url.QueryEscape(filter)), nil).want(200).into(&list)
		for _, r := range list.Values {
			got = append(got, strings.TrimPrefix(r.Subject.Kind, "iam:")+" "+r.Role.Name)
		}
		return got
	}
	equal(m.t, "of the organization", ruled(""), []string{"user org_owner", "user org_owner", "user org_viewer", "group org_viewer", "service-account org_viewer", "user iam_admin"})
	equal(m.t, "of a project", ruled(fmt.Sprintf("scopeRef eq '%s'", inProject["ref"])), []string{"user policy_manager"})
	equal(m.t, "of a subject", ruled(fmt.Sprintf("subjectRef eq 'iam#user:%d'", bo)), []string{"user org_owner", "user org_viewer", "user iam_admin"})
	equal(m.t, "and a role", ruled(fmt.Sprintf("subjectRef eq '%s' and roleName eq 'iam_admin'", user["ref"])), []string{"user iam_admin"})
	equal(m.t, "no such role", len(ruled("roleName eq 'nope'")), 0)
	equal(m.t, "two roles at once", len(ruled("roleName eq 'iam_admin' and roleName eq 'org_viewer'")), 0)
	for _, filter := range []string{"roleName eq 'x' or roleName eq 'y'", "roleName co 'x'", "subjectRef eq 'x'"} {
		ann.do("GET", ann.at("/iam/v1", "/access-rules?filter=%s", url.QueryEscape(filter)), nil).wantError(400, "bad_request", "filter")
	}
	other := url.QueryEscape(fmt.Sprintf("scopeRef eq 'ref:nam:::iam:org:%d'", m.root.OrgID))
	ann.do("GET", ann.at("/iam/v1", "/access-rules?filter=%s", other), nil).wantError(400, "bad_request", "scope")

	for range 2 { // so is revoking
		ann.do("PUT", revoke, object{"subject": user, "role": object{"name": "iam_admin"}}).want(204)
	}
	equal(m.t, "one less", ruled(fmt.Sprintf("subjectRef eq '%s'", user["ref"])), []string{"user org_owner", "user org_viewer"})
	ann.do("PUT", revoke, object{"subject": user, "role": object{"all": true, "id": 3}}).wantError(400, "bad_request", "all")
	ann.do("PUT", revoke, object{"subject": user, "role": object{"all": true}}).want(204)
	equal(m.t, "in its projects too", len(ruled(fmt.Sprintf("scopeRef eq '%s'", inProject["ref"]))), 0)
	ann.do("PUT", revoke, object{"subject": subject(fmt.Sprintf("iam#user:%d", ann.userID())), "role": object{"name": "org_owner"}}).wantError(400, "owner_required", ann.root.OrgID.String())
	ann.do("GET", ann.at("/iam/v1", "/access-rules"), nil).want(200)
}

func testUserReports(m *msp) {
	ann, bo := m.newTeam("Reports")
	me := ann.userID()
	type list struct {
		Values []struct {
			ID        int64
			Name, Ref string
			Org       *struct{ ID int64 }
		}
	}
	var orgs list
	ann.do("GET", fmt.Sprintf("/iam/v1/users/%d/orgs", me), nil).want(200).into(&orgs)
	equal(m.t, "own organizations", fmt.Sprint(len(orgs.Values), orgs.Values[0].Name, orgs.Values[0].Ref), fmt.Sprintf("1Reportsref:nam:::iam:org:%d", ann.root.OrgID))
	ann.do("GET", fmt.Sprintf("/iam/v1/users/%d/orgs", bo), nil).want(200).into(&orgs)
	equal(m.t, "a colleague's", len(orgs.Values), 1)
	var projects list
	for view, shown := range map[string]bool{"default": false, "extended": true} {
		projects = list{}
		ann.do("GET", fmt.Sprintf("/iam/v1/users/%d/projects?view=%s", bo, view), nil).want(200).into(&projects)
		equal(m.t, "projects", fmt.Sprint(len(projects.Values), projects.Values[0].Name, projects.Values[0].Org != nil), fmt.Sprint(1, "main", shown))
	}
	scope := fmt.Sprintf("ref:nam:::iam:org:%d", ann.root.OrgID)
	var report struct {
		Privileges []struct {
			PrivilegeID     string
			ScopePrivileges []struct {
				Scope   string
				RoleIDs []int64
			}
		}
		Roles []struct{ Name string }
	}
	query := "?prefix=msp:customer:create&view=extended&scopeRefs=" + url.QueryEscape(scope) +
		"&scopeRefs=" + url.QueryEscape(fmt.Sprintf("ref:nam:%d::iam:project:%d", ann.root.OrgID, projects.Values[0].ID))
	ann.do("GET", fmt.Sprintf("/iam/v1/users/%d/privileges-report%s", bo, query), nil).want(200).into(&report)
	equal(m.t, "one privilege in two scopes by the owner's role", fmt.Sprint(len(report.Privileges), len(report.Privileges[0].ScopePrivileges), report.Privileges[0].ScopePrivileges[0].RoleIDs, report.Roles),
		"1 2 [1] [{org_owner}]")
	for what, query := range map[string]string{"scopeRefs": "", "scopeRefs[0]": "?scopeRefs=x", "prefix": "?prefix=a&prefix=b&scopeRefs=" + url.QueryEscape(scope)} {
		ann.do("GET", fmt.Sprintf("/iam/v1/users/%d/privileges-report%s", bo, query), nil).wantError(400, "bad_request", what)
	}
	ann.do("GET", fmt.Sprintf("/iam/v1/users/%d/privileges-report?scopeRefs=%s", me, url.QueryEscape("ref:nam:::iam:org:"+m.root.OrgID.String())), nil).wantError(404, "not_found")
	m.do("GET", fmt.Sprintf("/iam/v1/users/%d/privileges-report?scopeRefs=%s", bo, url.QueryEscape(scope)), nil).wantError(403, "forbidden", "iam:org_user:show")
	for _, what := range []string{"orgs", "projects"} {
		m.do("GET", fmt.Sprintf("/iam/v1/users/%d/%s", bo, what), nil).wantError(404, "not_found") // the parent's owner sees nobody there
		m.do("GET", fmt.Sprintf("/iam/v1/users/999999/%s", what), nil).wantError(404, "not_found")
	}

	ann.do("GET", ann.at("/iam/v1", "/msp/%d", m.root.OrgID), nil).want(200)
	ann.do("GET", ann.at("/iam/v1", "/msp/%d", ann.root.OrgID), nil).want(200)
	ann.do("GET", ann.at("/iam/v1", "/msp/999999"), nil).wantError(404, "not_found", "MSP")
}

func testProjects(m *msp) {
	path := m.at("/espalier/v1", "/projects")
	m.do("POST", path, object{"name": "Cloud"}).want(201)
	m.do("POST", path, object{"name": "Cloud"}).wantError(409, "conflict", "already")
	m.do("POST", path, object{"name": " "}).wantError(400, "bad_request", "name")
	var list struct{ Values []struct{ Name string } }
	m.do("GET", path, nil).want(200).into(&list)
	equal(m.t, "projects", fmt.Sprint(list.Values), "[{main} {Cloud}]")
}

// renewPeople makes a team in which the walk's own user is an owner, so that there is somebody to take things from.
func renewPeople(w *world) {
	id := w.create(fmt.Sprint("Team ", w.n), object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}, "owners": []object{
		{"email": w.root.Email}, {"email": fmt.Sprintf("bo%d@walk.example", w.n), "firstName": "Bo"}}})
	var page userPage
	w.do("GET", fmt.Sprintf("/espalier/v1/orgs/%d/users?orderBy=firstName%%20desc", id), nil).want(200).into(&page)
	bo := page.Values[0].ID
	var g group
	w.do("POST", fmt.Sprintf("/iam/v1/orgs/%d/groups", id), object{"name": "Desk"}).want(201).into(&g)
	w.do("POST", fmt.Sprintf("/iam/v1/orgs/%d/groups/%d/memberships", id, g.ID), object{"userIds": []int64{bo}}).want(201)
	team := values{
		"orgId": id, "userId": bo, "groupId": g.ID, "userIds[]": bo, "name": fmt.Sprint("Mutant group ", w.n), "first_name": "Mo", "last_name": "Tant",
		"view": "extended", "orderBy": "email desc", "accessSource": "org_member", "targetOrgId": id,
		"subject": members{{"ref", fmt.Sprintf("ref:nam:::iam:user:%d", bo)}}, "role": members{{"name", "policy_viewer"}},
		"scope": members{{"ref", fmt.Sprintf("ref:nam:::iam:org:%d", id)}}, "scopeRefs": fmt.Sprintf("ref:nam:::iam:org:%d", id), "prefix": "iam:",
		"iam User#create email": w.root.Email, "iam Access Rule#index filter": "roleName eq 'org_owner'", "iam User#index filter": "email ne 'x'",
		"espalier User#index filter": "email ne 'x'", "iam Role#show id": 3, "iam Group Membership#delete id": fmt.Sprintf("%d:%d", g.ID, bo),
	}
	for _, op := range []string{"User#show", "User#Delete", "User#user_groups", "User Memberships#index", "User Memberships#indexProjects", "User Memberships#showPrivilegesReport"} {
		team["iam "+op+" id"] = bo
	}
	for _, op := range []string{"show", "update", "Delete"} {
		team["iam Group#"+op+" id"] = g.ID
	}
	for name, value := range team {
		w.valid[name] = value
	}
}
