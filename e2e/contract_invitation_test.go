package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"strings"
)

type invitation struct {
	ID, Status, InviteeEmail string
	InvitedBy                struct{ Email string }
	Org                      struct {
		ID    int64
		Roles []struct{ Name string }
	}
}

// invite makes an invitation through our own API and returns its id and the last part of its link.
func (m *msp) invite(email string, more object) (id, token string) {
	m.t.Helper()
	body := object{"inviteeEmail": email}
	for k, v := range more {
		body[k] = v
	}
	var made struct{ ID, Link string }
	m.do("POST", m.at("/espalier/v1", "/invitations"), body).want(201).into(&made)
	if made.Link == "" {
		m.t.Fatal("no mail leaves, and there is no link")
	}
	return made.ID, path.Base(made.Link)
}

func testInvitations(m *msp) {
	list := m.at("/iam/v1", "/invitations")
	at := m.do("POST", list, object{"inviteeEmail": "Zoe@invited.example", "orgRoleIds": []int{3}}).want(201).header.Get("Location")
	var shown invitation
	m.do("GET", at, nil).want(200).into(&shown)
	equal(m.t, "invitation", fmt.Sprintln(shown.Status, shown.InviteeEmail, shown.InvitedBy.Email, shown.Org.Roles[0].Name), fmt.Sprintln("pending Zoe@invited.example", m.root.Email, "org_viewer"))
	m.do("POST", list, object{"inviteeEmail": "zoe@INVITED.example"}).wantError(422, "unprocessable_entity", "has an invitation")
	m.do("POST", list, object{"inviteeEmail": m.root.Email}).wantError(422, "unprocessable_entity", "a member")
	m.do("POST", list, object{"inviteeEmail": "a@b.example", "orgRoleIds": []int{99}, "skipEmailNotification": true, "projects": []object{{"id": 1, "roleIds": []int{1}}}}).
		wantError(400, "bad_request", "orgRoleIds[0]", "skipEmailNotification", "projects[0]")
	m.do("POST", list, object{"inviteeEmail": "a@b.example", "groupIds": []int{999999}, "projects": []object{{"id": 999999, "roleIds": []int{10}}}}).
		wantError(422, "unprocessable_entity", "groupIds[0]", "projects[0].id")
	var all []invitation
	m.do("GET", list+"?status=pending&view=tiny", nil).want(200).into(&all)
	equal(m.t, "pending", len(all), 1)
	m.do("GET", list+"?status=accepted", nil).want(200).into(&all)
	equal(m.t, "accepted", len(all), 0)
	m.do("PATCH", at, nil).want(204)
	m.do("DELETE", at, nil).want(204)
	for _, method := range []string{"GET", "DELETE", "PATCH"} {
		m.do(method, at, nil).wantError(404, "not_found")
	}

	// Somebody who is a user elsewhere answers with the API; a stranger's invitation is not there.
	other := m.asOwnerOf(m.create("Elsewhere", object{"owners": []object{{"email": "ned@elsewhere.example"}}}), "ned@elsewhere.example")
	id, _ := m.invite("NED@elsewhere.example", object{"orgRoleIds": []int{2}})
	second, _ := m.invite("someone@else.example", nil)
	mine := "/iam/v1/invitations/"
	other.do("GET", "/iam/v1/invitations", nil).want(200).into(&all)
	equal(m.t, "mine", len(all), 1)
	other.do("GET", mine+second, nil).wantError(404, "not_found")
	other.do("PATCH", mine+second+"/accept", nil).wantError(404, "not_found")
	other.do("PATCH", mine+second+"/decline", nil).wantError(404, "not_found")
	other.do("GET", m.at("/iam/v1", ""), nil).wantError(404, "not_found")
	other.do("PATCH", mine+id+"/accept", nil).want(204)
	other.do("GET", m.at("/iam/v1", "/invitations"), nil).want(200) // at once, by the role it gave
	other.do("PATCH", mine+id+"/accept", nil).wantError(422, "unprocessable_entity", "accepted")
	other.do("PATCH", mine+id+"/decline", nil).wantError(422, "unprocessable_entity", "accepted")
	m.do("PATCH", m.at("/iam/v1", "/invitations/%s", id), nil).wantError(422, "unprocessable_entity", "accepted")
	m.do("POST", m.at("/espalier/v1", "/invitations/%s/resend", id), nil).wantError(422, "unprocessable_entity")
	m.do("POST", m.at("/espalier/v1", "/invitations/%s/resend", strings.Repeat("0", 24)), nil).wantError(404, "not_found")

	// Who is no owner makes none.
	other.root.OrgID = m.root.OrgID
	other.do("POST", list, object{"inviteeEmail": "x@y.example", "orgRoleIds": []int{1}}).wantError(403, "forbidden", "owner")
	m.do("POST", m.at("/espalier/v1", "/invitations"), object{"inviteeEmail": "ned@elsewhere.example"}).wantError(422, "unprocessable_entity", "member")
	declined, _ := m.invite("ann@acme.example", nil)
	m.create("Ann's", nil)
	ann := m.asOwnerOf(int64(m.root.OrgID), "ann@acme.example")
	ann.do("PATCH", mine+declined+"/decline", nil).want(204)
	ann.do("GET", mine+declined, nil).want(200).into(&shown)
	equal(m.t, "declined", shown.Status, "declined")
	testInvitationPage(m)
}

// testInvitationPage goes the way of a person who is no user yet: the page of the link, a first password, signed in. A link that
// was replaced, or used, leads nowhere.
func testInvitationPage(m *msp) {
	id, old := m.invite("paul@page.example", object{"inviteeFirstName": "Paul", "inviteeLastName": "Page", "orgRoleIds": []int{3}})
	var again struct{ Link string }
	m.do("POST", m.at("/espalier/v1", "/invitations/%s/resend", id), nil).want(200).into(&again)
	jar, err := cookiejar.New(nil)
	must(m, err)
	person := http.Client{Jar: jar}
	open := func(token string, form url.Values) (int, string) {
		m.t.Helper()
		var res *http.Response
		var err error
		if form == nil {
			res, err = person.Get(m.server.url + "/invitation/" + token)
		} else {
			res, err = person.PostForm(m.server.url+"/invitation/"+token, form)
		}
		must(m, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(m, err)
		return res.StatusCode, string(text)
	}
	token := path.Base(again.Link)
	for what, dead := range map[string]string{"the link before": old, "another secret": id + ".aaaa", "nonsense": "x"} {
		if status, text := open(dead, nil); status != 404 || !strings.Contains(text, "replaced by a newer one") {
			m.t.Errorf("%s: got %d %s", what, status, text)
		}
	}
	if status, text := open(token, nil); status != 200 || !strings.Contains(text, "paul@page.example") || !strings.Contains(text, "View organization") {
		m.t.Errorf("the page: got %d %s", status, text)
	}
	if status, text := open(token, url.Values{"password": {"short"}, "repeated": {"short"}}); status != 422 {
		m.t.Errorf("a weak password: got %d %s", status, text)
	}
	good := "orbit lemon anvil tundra"
	if status, text := open(token, url.Values{"password": {good}, "repeated": {good}}); status != 200 || !strings.Contains(text, "paul@page.example") {
		m.t.Errorf("accept: got %d %s", status, text)
	}
	if status, _ := open(token, nil); status != 404 {
		m.t.Errorf("a used link: got %d, want 404", status)
	}
	paul := m.asOwnerOf(int64(m.root.OrgID), "paul@page.example")
	paul.do("GET", m.at("/iam/v1", "/invitations"), nil).want(200)
}

func renewInvitations(w *world) {
	id, _ := w.invite(fmt.Sprintf("walk%d@invited.example", w.n), nil)
	// Invited into the customer that was made for this operation: who accepts is a member there, and of nothing else.
	own, _ := w.asOwnerOf(w.valid["customerId"].(int64), "ann@acme.example").invite(w.root.Email, nil)
	for _, op := range []string{"show", "resend", "delete"} {
		w.valid["iam Organization Invitation#"+op+" id"] = id
	}
	for _, op := range []string{"show", "accept_invitation", "decline_invitation"} {
		w.valid["iam User Invitation#"+op+" id"] = own
	}
	w.valid["invitationId"], w.valid["view"], w.valid["status"] = id, "default", "pending"
	for name, value := range map[string]any{
		"inviteeEmail": fmt.Sprintf("mutant%d@invited.example", w.n), "inviteeFirstName": "Mu", "inviteeLastName": "Tant", "groupIds": []any{},
		"orgRoleIds": []any{3}, "isSso": false, "skipEmailNotification": false, "projects": []any{},
	} {
		w.valid[name] = value
	}
}
