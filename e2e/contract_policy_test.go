package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
)

type accessPolicy struct {
	ID, Kind, Name, Description string
	GroupIDs, CustomerOrgIDs    []int64
	NumberOfIAMRoles            int
	IAMRoles                    []object
	CreatedBy                   int64
}

// granularRole is a role with everything in it, new.
func granularRole(node any) object {
	return object{"name": "Helpers", "scopedPermissions": []object{{
		"name": "Read", "permissionCategory": "DataAccess", "permissions": []string{"iam:org_user:index"}, "roleNames": []string{"policy_viewer", "org_viewer"},
		"granularScope": object{"name": "Some", "selectedScope": object{"nodeIds": []string{fmt.Sprint(node)}, "nodePaths": []string{"/a"}}},
	}}}
}

func testAccessPolicies(m *msp) {
	id := m.create("Opened", object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}})
	inner := m.asOwnerOf(id, "ann@acme.example")
	grandchild := inner.create("Inner", nil)
	path := m.at("/iam/v1", "/access-policies")
	body := func(more object) object {
		o := object{"name": "Technicians", "description": "text", "customerOrgIds": []int64{id}, "iamRoles": []object{granularRole(id)}}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	var made struct{ ID string }
	m.do("POST", path, body(nil)).want(201).into(&made)
	at := path + "/" + made.ID
	var shown accessPolicy
	m.do("GET", at, nil).want(200).into(&shown)
	equal(m.t, "policy", fmt.Sprint(shown.Kind, shown.Name, shown.Description, shown.GroupIDs, shown.CustomerOrgIDs, shown.NumberOfIAMRoles, shown.CreatedBy == m.userID()),
		fmt.Sprint("iam:access-policy", "Technicians", "text", []int64{}, []int64{id}, 1, true))

	// What was read can be written back, and shared by its id; what has an id does not change.
	m.do("PUT", at, body(object{"name": "Renamed", "iamRoles": shown.IAMRoles})).want(200)
	role := shown.IAMRoles[0]["id"]
	m.do("POST", path, body(object{"name": "Second", "iamRoles": []object{{"id": role}}})).want(201)
	m.do("PUT", at, body(object{"iamRoles": []object{{"id": role, "name": "Other"}}})).wantError(400, "bad_request", "iamRoles[0]", "leave the id out")
	m.do("PUT", at, body(object{"name": "SECOND"})).wantError(409, "conflict", "Second")
	m.do("POST", path, body(object{"name": "second"})).wantError(409, "conflict", "Second")

	// Everything that is wrong is said at once.
	m.do("POST", path, body(object{"name": " ", "groupIds": []int64{77}, "customerOrgIds": []int64{id, grandchild, 999999, int64(m.root.OrgID)},
		"iamRoles": []object{{"scopedPermissions": []object{{"roleNames": []string{"org_owner", "nosuch"}}}}, {"id": "none"}}})).
		wantError(400, "bad_request", "name", "77", fmt.Sprint(grandchild), "999999", fmt.Sprint(m.root.OrgID), "org_owner", "nosuch", "iamRoles[1].id")

	var list struct {
		Kind   string
		Values []accessPolicy
	}
	m.do("GET", path+"?filter="+url.QueryEscape("name co 'RENAMED' or name eq 'Second'"), nil).want(200).into(&list)
	equal(m.t, "list", fmt.Sprint(list.Kind, len(list.Values), len(list.Values[0].IAMRoles)), "iam:access-policy-list2 0")
	m.do("GET", path+"?view=extended&filter="+url.QueryEscape("name eq 'Second'"), nil).want(200).into(&list)
	equal(m.t, "extended list", fmt.Sprint(len(list.Values), len(list.Values[0].IAMRoles)), "1 1")

	var reaching struct {
		UserID         int64
		AccessPolicies []accessPolicy
	}
	m.do("GET", path+fmt.Sprintf("/users/%d?view=extended", m.userID()), nil).want(200).into(&reaching)
	equal(m.t, "of a user without groups", fmt.Sprint(reaching.UserID == m.userID(), len(reaching.AccessPolicies)), "true 0")
	m.do("GET", path+"/users/999999", nil).wantError(404, "not_found")

	// Of another organization they cannot be seen or shared.
	foreign := inner.at("/iam/v1", "/access-policies")
	inner.do("GET", foreign+"/"+made.ID, nil).wantError(404, "not_found")
	inner.do("DELETE", foreign+"/"+made.ID, nil).wantError(404, "not_found")
	inner.do("PUT", foreign+"/"+made.ID, object{"name": "x"}).wantError(404, "not_found")
	inner.do("POST", foreign, object{"name": "x", "iamRoles": []object{{"id": role}}}).wantError(400, "bad_request", "iamRoles[0].id")
	inner.do("POST", path, body(nil)).wantError(404, "not_found")

	m.do("DELETE", at, nil).want(204)
	m.do("DELETE", at, nil).wantError(404, "not_found")
	m.do("GET", at, nil).wantError(404, "not_found")
}

func testAccess(m *msp) {
	id := m.create("Asked about", nil)
	c := m.asOwnerOf(id, "ann@acme.example")
	type reason struct {
		Kind, Role string
		Counts     bool
	}
	type explanation struct {
		Principal struct {
			Kind string
			ID   int64
			Name string
		}
		Allowed    bool
		Refusal    string
		Capability string
		Member     string
		Reasons    []reason
	}
	ask := func(by *msp, org int64, who, privilege string) answer {
		query := url.Values{"user": {who}, "privilege": {privilege}}
		return by.do("GET", fmt.Sprintf("/espalier/v1/orgs/%d/access/explain?%s", org, query.Encode()), nil)
	}
	var e explanation
	ask(c, id, "ANN@acme.example", "iam:org_user:create").want(200).into(&e)
	equal(m.t, "an owner", fmt.Sprint(e.Principal.Kind, e.Principal.Name, e.Allowed, e.Member, e.Reasons), "userann@acme.exampletrueinvited[{rule org_owner true}]")
	ask(c, id, "ann@acme.example", "msp:customer:index").want(200).into(&e)
	equal(m.t, "without the capability", fmt.Sprint(e.Allowed, ": ", e.Refusal), fmt.Sprintf("false: organization %d does not hold the capability msp, which this operation needs", id))
	ask(c, id, fmt.Sprint(m.userID()), "iam:org:show").want(200).into(&e)
	equal(m.t, "somebody of the parent", e.Allowed, false)
	ask(m, id, fmt.Sprint(m.userID()), "iam:org:show").want(200).into(&e)
	equal(m.t, "oneself, of the parent", e.Allowed, false)

	ask(m, id, "ann@acme.example", "iam:org:show").wantError(403, "forbidden")
	ask(c, int64(m.root.OrgID), "ann@acme.example", "iam:org:show").wantError(404, "not_found")
	ask(c, int64(m.root.OrgID), m.root.Email, "iam:org:show").wantError(404, "not_found")
	ask(c, id, m.root.Email, "iam:org:show").wantError(404, "not_found", m.root.Email)
	ask(c, id, "nobody@nowhere.example", "iam:org:show").wantError(404, "not_found", "nobody@nowhere.example")
	ask(c, id, "ann", "iam:org:show").wantError(400, "bad_request", "user")
	ask(c, id, "1", "iam:org:sell").wantError(400, "bad_request", "privilege")

	var page struct {
		Values   []explanation
		Total    int
		NextPage string
	}
	who := fmt.Sprintf("/espalier/v1/orgs/%d/access/who?privilege=iam:org:show", id)
	var account = c.newAccount("robot")
	c.do("GET", who+"&limit=1", nil).want(200).into(&page)
	equal(m.t, "first page", fmt.Sprint(page.Total, len(page.Values), page.Values[0].Principal.Name), "2 1ann@acme.example")
	next := page.NextPage
	page.NextPage = ""
	c.do("GET", next, nil).want(200).into(&page)
	equal(m.t, "second page", fmt.Sprint(page.Total, len(page.Values), page.Values[0].Principal.Kind, page.Values[0].Principal.Name, page.NextPage), "2 1service-accountrobot")
	c.do("DELETE", account, nil).want(204)
	m.do("GET", who, nil).wantError(403, "forbidden")
	c.do("GET", fmt.Sprintf("/espalier/v1/orgs/%d/access/who?privilege=iam:org:show", m.root.OrgID), nil).wantError(404, "not_found")
	c.do("GET", who+"&projectId=999999", nil).wantError(404, "not_found", "999999")
}

func renewPolicies(w *world) {
	var made struct{ ID string }
	body := object{"name": fmt.Sprint("Walk ", w.n), "customerOrgIds": []any{w.valid["customerId"]}, "iamRoles": []object{granularRole(1)}}
	w.do("POST", w.at("/iam/v1", "/access-policies"), body).want(201).into(&made)
	valid := values{
		"accessPolicyId": made.ID, "userId": w.root.UserID, "view": "extended", "name": fmt.Sprint("Mutant policy ", w.n), "groupIds": []any{},
		"customerOrgIds": []any{w.valid["customerId"]},
		"iamRoles": []any{members{{"name", "Helpers"}, {"scopedPermissions", []any{members{{"permissionCategory", "DataAccess"}, {"roleNames", []any{"policy_viewer"}},
			{"permissions", []any{"iam:org:show"}}, {"granularScope", members{{"selectedScope", members{{"nodeIds", []any{"1"}}}}}}}}}}},
	}
	for name, value := range valid {
		w.valid[name] = value
	}
}

func renewAccess(w *world) {
	w.valid["user"], w.valid["privilege"] = 999999, "iam:org:show" // of oneself everybody may ask, who has a tie
	w.valid["projectId"] = w.root.ProjectID
	delete(w.valid, "skipToken")
}

// testVisits looks into a customer from outside: the customer sees who came, from where and by which policies, once an hour.
func testVisits(m *msp) {
	id := m.create("Visited", nil)
	c := m.asOwnerOf(id, "ann@acme.example")
	u := m.provision("tech@visits.example", nil)
	var g group
	m.do("POST", m.at("/iam/v1", "/groups"), object{"name": "Visitors"}).want(201).into(&g)
	m.do("POST", m.at("/iam/v1", "/groups/%d/memberships", g.ID), object{"userIds": []json.Number{json.Number(u.ID)}}).want(201)
	tech := m.server.user(m.t, "tech@visits.example")
	path := fmt.Sprintf("/iam/v1/orgs/%d", id)
	tech.do("GET", path, nil).wantError(403, "forbidden") // a member of the parent, let in nowhere
	var policy struct{ ID string }
	m.do("POST", m.at("/iam/v1", "/access-policies"), object{"name": "Visits", "groupIds": []int64{g.ID}, "customerOrgIds": []int64{id}, "iamRoles": []object{
		{"name": "View", "scopedPermissions": []object{{"name": "View", "permissionCategory": "DataAccess", "roleNames": []string{"org_viewer"}}}}}}).want(201).into(&policy)
	tech.do("GET", path, nil).want(200)
	tech.do("GET", path, nil).want(200)
	c.do("GET", path, nil).want(200)

	var page struct {
		Values []struct {
			ViaOrgID int64
			Actor    struct{ ID json.Number }
			After    struct{ AccessPolicies []string }
		}
	}
	list := fmt.Sprintf("/espalier/v1/orgs/%d/audit?filter=%s", id, url.QueryEscape("action eq 'organization.visit'"))
	c.do("GET", list, nil).want(200).into(&page)
	equal(m.t, "visits", fmt.Sprint(page.Values), fmt.Sprintf("[{%d {%s} {[%s]}}]", m.root.OrgID, u.ID, policy.ID))
}
