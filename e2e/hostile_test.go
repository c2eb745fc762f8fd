package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hostileTests is ways in which such systems were broken, each tried against a victim in another tree. The others are tried
// where they belong:
//
//	an id in the path that is another organization's       TestIsolation, proveIDs
//	ids in body, filter and cursor                         here
//	what hides behind one refusal tells by its cost        access.TestRefusalsCostTheSame
//	SCIM as a back door to owner or across organizations   testSCIMBackDoor, store.TestAccountsFollowTheirHome
//	a token of one organization used in another            TestIsolation, api/openid.TestHostile (audience, other organization)
//	signing keys readable through an API                   testSigningKeys
//	JWT none, confused algorithm, foreign or absent kid    token.TestAuthenticateRefuses, TestContract (bad input)
//	redirect matching, code and refresh token reuse        api/openid.TestHostile
//	SAML wrapping, comments, unsigned, replay              signin.TestWhatIsNotBelieved, TestAnAnswerIsGoodOnceHoweverManyComeAtOnce
//	identity provider mix-up, linking by unverified mail   signin.TestWhatIsNotBelievedOfOpenID, TestAnAnswerBelongsToABrowser
//	reset by a second address, by Host header              signin.TestReset, api/signin.TestResetLinkIgnoresTheHost
//	stale or colliding keys of remembered access           access.TestGuard, store.TestEveryChangeCountsAtOnce, TestServiceAccountIsNoUser
//	mass assignment of owner, organization, status         here
//	one-time values reused, raced, of another kind         here, signin.TestOneTimeValuesAreGoodOnce, TestOneTimeValuesOfAnotherKind
//	off in the pages and on in the API                     here
//	user enumeration by answer or time                     signin.TestNobodyLearnsWhoExists, TestAskResetTellsNothing
//	TOTP replay                                            signin.TestCodesAreNotReplayed
//	an organization changes or signs in as another's user  here, testSCIMBackDoor, signin.TestASessionThroughAnotherThanTheHome
//	a customer's identity provider asserts a parent's owner signin.TestASessionThroughAnotherThanTheHome
//	a service account reaches further                      TestIsolation, here
//	a session of one organization reaches further          token.TestASessionOfOneOrganizationHasNoRefreshTokens
//	the last owner, by every path, raced                   store.TestLastOwner, TestRaceOfOwnersByEveryPath
var hostileTests = map[string]func(m, victim *msp){
	"ids in bodies":           hostileBodies,
	"ids in filters":          hostileFilters,
	"questions":               hostileQuestions,
	"cursors":                 hostileCursors,
	"members nobody asked":    hostileMembers,
	"one-time values":         hostileOneTime,
	"off in the pages":        hostileOff,
	"users of others":         hostileUsers,
	"service accounts":        hostileAccounts,
	"two names for one thing": hostileNames,
}

func TestHostile(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		dns := startDNS(t)
		p := newPlace(t, e)
		s := p.serve(t, "--public-url", publicURL, "--dns", dns.address)
		s.dns = dns
		t.Run("ways", func(t *testing.T) {
			for name, test := range hostileTests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(newMSP(t, s, name), newMSP(t, s, "victim of "+name))
				})
			}
		})
	})
}

// things is ids of a thing of each kind in an organization, or of nothing.
type things struct {
	org, user, group, account, project, customer int64
	policy, role, idp, key, invitation           string
}

var noThings = things{999999999, 999999999, 999999999, 999999999, 999999999, 999999999,
	"00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000000", strings.Repeat("0", 24), strings.Repeat("0", 24), strings.Repeat("0", 24)}

// things makes one of each.
func (m *msp) things(name string) (x things) {
	x.org, x.project = int64(m.root.OrgID), int64(m.root.ProjectID)
	x.customer = m.create(name, nil)
	fmt.Sscan(m.provision(name+"@things.example", nil).ID, &x.user)
	var g struct{ ID int64 }
	m.do("POST", m.at("/iam/v1", "/groups"), object{"name": name}).want(201).into(&g)
	x.group = g.ID
	path := m.newAccount(name)
	fmt.Sscan(path[strings.LastIndexByte(path, '/')+1:], &x.account)
	var made struct{ ID string }
	m.do("POST", m.at("/iam/v1", "/access-policies"), object{"name": name, "customerOrgIds": []int64{x.customer}, "iamRoles": []object{granularRole(1)}}).want(201).into(&made)
	x.policy = made.ID
	var shown accessPolicy
	m.do("GET", m.at("/iam/v1", "/access-policies/%s", made.ID), nil).want(200).into(&shown)
	x.role = shown.IAMRoles[0]["id"].(string)
	var at string
	at, x.idp = m.idp(name, nil)
	m.do("POST", at+"/signing-keys/generate", object{"validityYears": 2}).want(201).into(&made)
	x.key = made.ID
	x.invitation, _ = m.invite(name+"@invited.example", nil)
	return x
}

// same fails the test unless a request with what is another's is refused word for word as with what is not there. Ids that the
// request has may come back.
func (m *msp) same(what, method, path string, body func(things) any, foreign things) {
	m.t.Helper()
	said := func(x things) (int, string) {
		sent, err := json.Marshal(body(x))
		must(m, err)
		a := m.do(method, path, string(sent), "X-Request-Id", fixedID)
		text := a.body
		for _, id := range append(x.texts(), m.root.OrgID.String()) {
			whole := regexp.MustCompile(`\b` + id + `\b([^.]|$)`) // not the 2 of a version 2.0
			if whole.Match(sent) || id == m.root.OrgID.String() {
				text = whole.ReplaceAllString(text, "ID$1")
			}
		}
		return a.status, text
	}
	theirs, text := said(foreign)
	none, absent := said(noThings)
	if theirs < 400 || theirs > 499 || theirs != none || text != absent {
		m.t.Errorf("%s: of another organization %d %s\nof none %d %s", what, theirs, text, none, absent)
	}
}

// texts is the ids, the longest first.
func (x things) texts() []string {
	var list []string
	for _, id := range []int64{x.org, x.user, x.group, x.account, x.project, x.customer} {
		list = append(list, fmt.Sprint(id))
	}
	list = append(list, x.policy, x.role, x.idp, x.key, x.invitation)
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

func hostileBodies(m, victim *msp) {
	own, theirs := m.things("own"), victim.things("theirs")
	iam := func(format string, args ...any) string { return m.at("/iam/v1", format, args...) }
	refTo := func(format string, args ...any) object { return object{"ref": fmt.Sprintf(format, args...)} }
	n := 0
	name := func() string { n++; return fmt.Sprint("new ", n) }
	for what, r := range map[string]struct {
		method, path string
		body         func(things) any
	}{
		"members of a user group":     {"POST", iam("/groups/%d/memberships", own.group), func(x things) any { return object{"userIds": []int64{x.user}} }},
		"all members of a user group": {"PUT", iam("/groups/%d/memberships", own.group), func(x things) any { return object{"userIds": []int64{x.user}} }},
		"a grant to a user":           {"PUT", iam("/access-rules/grant"), func(x things) any { return object{"subject": refTo("iam#user:%d", x.user), "role": object{"id": 3}} }},
		"a grant to a user group": {"PUT", iam("/access-rules/grant"), func(x things) any {
			return object{"subject": refTo("ref:nam:::iam:group:%d", x.group), "role": object{"id": 3}}
		}},
		"a grant to a group, named theirs": {"PUT", iam("/access-rules/grant"), func(x things) any {
			return object{"subject": refTo("ref:nam:%d::iam:group:%d", x.org, x.group), "role": object{"id": 3}}
		}},
		"a grant to a service account": {"PUT", iam("/access-rules/grant"), func(x things) any {
			return object{"subject": refTo("iam#service-account:%d", x.account), "role": object{"id": 3}}
		}},
		"a grant in an organization": {"PUT", iam("/access-rules/grant"), func(x things) any {
			return object{"subject": refTo("iam#user:%d", own.user), "role": object{"id": 3}, "scope": refTo("ref:nam:::iam:org:%d", x.org)}
		}},
		"a grant in a project": {"PUT", iam("/access-rules/grant"), func(x things) any {
			return object{"subject": refTo("iam#user:%d", own.user), "role": object{"id": 6}, "scope": refTo("ref:nam:::iam:project:%d", x.project)}
		}},
		"customers of a policy":   {"POST", iam("/access-policies"), func(x things) any { return object{"name": name(), "customerOrgIds": []int64{x.customer}} }},
		"roots as customers":      {"POST", iam("/access-policies"), func(x things) any { return object{"name": name(), "customerOrgIds": []int64{x.org}} }},
		"groups of a policy":      {"PUT", iam("/access-policies/%s", own.policy), func(x things) any { return object{"name": "own", "groupIds": []int64{x.group}} }},
		"roles of a policy":       {"POST", iam("/access-policies"), func(x things) any { return object{"name": name(), "iamRoles": []object{{"id": x.role}}} }},
		"groups of an invitation": {"POST", iam("/invitations"), func(x things) any { return object{"inviteeEmail": "x@y.example", "groupIds": []int64{x.group}} }},
		"projects of an invitation": {"POST", iam("/invitations"), func(x things) any {
			return object{"inviteeEmail": "x@y.example", "projects": []object{{"id": x.project, "roleIds": []int{10}}}}
		}},
		"the key of a provider":      {"PATCH", iam("/idps/%s", own.idp), func(x things) any { return object{"requestSigningKeyId": x.key} }},
		"the provider of the policy": {"PATCH", iam("/login-policy"), func(x things) any { return object{"loginPolicy": object{"defaultIdpId": x.idp}} }},
		"who breaks the glass":       {"PUT", m.at("/espalier/v1", "/break-glass"), func(x things) any { return object{"userId": x.user} }},
		"the target of a contract": {"POST", iam("/contracts"), func(x things) any {
			return object{"title": "x", "target_org_id": x.org, "allowed_capabilities": []object{{"capability": "policy", "roles": []string{}}}}
		}},
		"members by SCIM": {"POST", m.scim("/Groups"), func(x things) any {
			return object{"schemas": []string{scimGroupURN}, "displayName": name(), "members": memberList(fmt.Sprint(x.user))}
		}},
	} {
		m.same(what, r.method, r.path, r.body, theirs)
	}
	// A bulk call says what is wrong of each item.
	for what, id := range map[string]int64{"theirs": theirs.customer, "none": noThings.customer, "itself": own.org} {
		a := m.do("POST", m.at("/msp/v2", "/customers/bulk-delete"), object{"customerIds": []int64{id}}).want(200)
		if message, refused := a.itemRefusal(); !refused || strings.Contains(a.body, "theirs") {
			m.t.Errorf("bulk delete of %s: %s %s", what, message, a.body)
		}
	}
	victim.do("GET", victim.at("/msp/v2", "/customers/%d", theirs.customer), nil).want(200)
}

func hostileFilters(m, victim *msp) {
	m.things("own")
	theirs := victim.things("theirs")
	for path, filters := range map[string][]string{
		m.at("/iam/v1", "/access-rules"):    {fmt.Sprintf("subjectRef eq 'iam#user:%d'", victim.root.UserID), fmt.Sprintf("subjectRef eq 'ref:nam:::iam:user:%d'", theirs.user)},
		m.at("/iam/v1", "/users"):           {"email eq '" + victim.root.Email + "'", "email co 'theirs'"},
		m.at("/espalier/v1", "/users"):      {"email eq '" + victim.root.Email + "'", "email co 'theirs' or email eq 'theirs@things.example'"},
		m.at("/iam/v1", "/access-policies"): {"name eq 'theirs'"},
		m.at("/msp/v1", "/customers"):       {"name eq 'theirs'"},
		m.at("/msp/v2", "/customers"):       {"name eq 'theirs' or name co 'their'"},
		m.at("/espalier/v1", "/customers"):  {"name eq 'theirs'"},
		m.at("/scim/v2", "/Users"):          {fmt.Sprintf("id eq %q", fmt.Sprint(theirs.user)), `userName eq "theirs@things.example"`},
		m.at("/scim/v2", "/Groups"):         {fmt.Sprintf("id eq %q", fmt.Sprint(theirs.group)), `displayName eq "theirs"`},
	} {
		for _, filter := range filters {
			a := m.do("GET", path+"?filter="+url.QueryEscape(filter), nil).want(200)
			if strings.Contains(a.body, "theirs") || strings.Contains(a.body, victim.root.Email) || strings.Contains(a.body, fmt.Sprintf("user:%d", theirs.user)) {
				m.t.Errorf("%s?filter=%s: %s", path, filter, a.body)
			}
		}
	}
	scope := func(x things) string { return fmt.Sprintf("scopeRef eq 'ref:nam:::iam:org:%d'", x.org) }
	inProject := func(x things) string { return fmt.Sprintf("scopeRef eq 'ref:nam:::iam:project:%d'", x.project) }
	for _, of := range []func(things) string{scope, inProject} {
		a := m.do("GET", m.at("/iam/v1", "/access-rules?filter=%s", url.QueryEscape(of(theirs))), nil)
		b := m.do("GET", m.at("/iam/v1", "/access-rules?filter=%s", url.QueryEscape(of(noThings))), nil)
		equal(m.t, "status for another's scope and for none", a.status, b.status)
		if strings.Contains(a.body, "subject") && a.status == 200 {
			m.t.Errorf("rules of another's scope: %s", a.body)
		}
	}
}

// hostileQuestions asks who somebody is: of others' users there is no more to learn than of none.
func hostileQuestions(m, victim *msp) {
	answered := func(user string) string {
		a := m.do("GET", m.at("/espalier/v1", "/access/explain?privilege=iam:org:show&user=%s", url.QueryEscape(user)), nil, "X-Request-Id", fixedID)
		text := regexp.MustCompile(`"at":"[^"]*"`).ReplaceAllString(a.body, "")
		return fmt.Sprint(a.status, regexp.MustCompile(`\b`+regexp.QuoteMeta(user)+`\b`).ReplaceAllString(text, "USER"))
	}
	equal(m.t, "another's id", answered(victim.root.UserID.String()), answered("999999999"))
	equal(m.t, "another's address", answered(victim.root.Email), answered("nobody@nowhere.example"))
	asked := func(path, user string) string {
		a := m.do("GET", fmt.Sprintf(path, user), nil, "X-Request-Id", fixedID)
		return fmt.Sprint(a.status, regexp.MustCompile(`\b`+user+`\b`).ReplaceAllString(a.body, "USER"))
	}
	for _, path := range []string{"/iam/v1/users/%s/orgs", "/iam/v1/users/%s/projects", m.at("/iam/v1", "/users/%s", "%s"), m.at("/iam/v1", "/users/%s/groups", "%s"),
		m.at("/iam/v1", "/access-policies/users/%s", "%s"), "/iam/v1/refresh-tokens?orgId=" + m.root.OrgID.String() + "&userId=%s",
		"/iam/v1/users/%s/privileges-report?scopeRefs=" + strings.ReplaceAll(url.QueryEscape("ref:nam:::iam:org:"), "%", "%%") + m.root.OrgID.String()} {
		equal(m.t, path, asked(path, victim.root.UserID.String()), asked(path, "999999999"))
	}
}

// hostileCursors takes the cursor of the victim's list to its own: it is refused, or leads on in the own list.
func hostileCursors(m, victim *msp) {
	for _, c := range []*msp{m, victim} {
		for i := range 3 {
			id := c.create(fmt.Sprint(c.root.Email, i), nil)
			c.do("POST", c.at("/msp/v1", "/customers/%d/tags", id), tags(fmt.Sprintf("of:%s-%d", strings.Split(c.root.Email, "@")[0], i))).want(201)
			c.provision(fmt.Sprintf("u%d-%s", i, c.root.Email), nil)
		}
	}
	for _, list := range []string{"/customers?limit=1", "/users?limit=1", "/audit?limit=1", "/access/who?privilege=iam:org:show&limit=1"} {
		var page struct{ NextPage string }
		victim.do("GET", victim.at("/espalier/v1", "%s", list), nil).want(200).into(&page)
		if page.NextPage == "" {
			m.t.Fatalf("%s has one page", list)
		}
		m.do("GET", page.NextPage, nil).wantError(404, "not_found")
		mine := strings.Replace(page.NextPage, fmt.Sprintf("/orgs/%d/", victim.root.OrgID), fmt.Sprintf("/orgs/%d/", m.root.OrgID), 1)
		a := m.do("GET", mine, nil)
		if a.status != 200 && a.status != 400 || strings.Contains(a.body, victim.root.Email) || strings.Contains(a.body, fmt.Sprintf(`"orgId":%d`, victim.root.OrgID)) {
			m.t.Errorf("%s with the victim's cursor: %d %s", list, a.status, a.body)
		}
	}
}

// hostileMembers sends members that no request has, or that are not the caller's to say: of owner, organization and state.
func hostileMembers(m, victim *msp) {
	own, theirs := m.things("own"), victim.things("theirs")
	admin := m.robot("iam_admin")
	owners := func(of *msp) string {
		return of.do("GET", of.at("/iam/v1", "/access-rules?filter=%s", url.QueryEscape("roleName eq 'org_owner'")), nil).want(200).body
	}
	before, theirBefore := owners(m), owners(victim)
	more := func(body object) object {
		for name, value := range map[string]any{
			"id": theirs.group, "orgId": victim.root.OrgID, "org_id": victim.root.OrgID, "ORGID": nil, "organizationId": victim.root.OrgID, "parentId": victim.root.OrgID,
			"ownerId": own.user, "isOwner": true, "roleName": "org_owner", "orgRoles": []string{"org_owner"}, "state": "active", "status": "accepted", "createdBy": victim.root.UserID,
			"verifiedAt": "2020-01-01T00:00:00Z", "externalManaged": false, "accessSource": "org_member", "isDeletable": true, "privileges": []string{"*:*:*"},
		} {
			if _, has := body[name]; !has && value != nil {
				body[name] = value
			}
		}
		return body
	}
	var made struct{ ID int64 }
	admin.do("POST", admin.at("/iam/v1", "/groups"), more(object{"name": "assigned"})).want(201).into(&made)
	if made.ID == theirs.group {
		m.t.Error("an id was chosen by the caller")
	}
	admin.do("PATCH", admin.at("/iam/v1", "/groups/%d", own.group), more(object{"name": "assigned too"})).want(200)
	victim.do("GET", victim.at("/iam/v1", "/groups/%d", made.ID), nil).wantError(404, "not_found")
	m.do("GET", m.at("/iam/v1", "/groups/%d", own.group), nil).want(200)
	admin.do("PATCH", admin.at("/iam/v1", "/service-accounts/%d", own.account), more(object{"name": "assigned"})).want(204)
	m.do("GET", m.at("/iam/v1", "/service-accounts/%d", own.account), nil).want(200)
	at := admin.do("POST", admin.at("/iam/v1", "/invitations"), more(object{"inviteeEmail": "mass@assigned.example"})).want(201).header.Get("Location")
	var invited invitation
	m.do("GET", at, nil).want(200).into(&invited)
	equal(m.t, "state and organization of an invitation", fmt.Sprint(invited.Status, invited.Org.ID == int64(m.root.OrgID), len(invited.Org.Roles)), "pendingtrue 0")
	location := m.do("POST", m.at("/msp/v2", "/customers"), more(newCustomer("assigned", nil))).want(201).header.Get("Location")
	m.do("GET", location, nil).want(200)
	m.do("PATCH", location, more(object{"description": "x"})).want(204)
	m.do("GET", location, nil).want(200)
	admin.provision("mass2@assigned.example", more(object{"id": fmt.Sprint(m.root.UserID), "groups": []object{{"value": fmt.Sprint(own.group)}}, "roles": []object{{"value": "org_owner"}}}))
	var domain struct{ VerifiedAt string }
	m.do("POST", m.at("/iam/v1", "/idps/%s/domains/register", own.idp), more(object{"name": "assigned.example"})).want(201).into(&domain)
	equal(m.t, "a domain says of itself that it is verified", domain.VerifiedAt, "")
	var contract struct{ Status string }
	m.do("POST", m.at("/iam/v1", "/contracts"), more(object{"title": "x", "target_org_id": own.customer, "status": "approved", "enable": true,
		"allowed_capabilities": []object{{"capability": "policy", "roles": []string{}}}})).want(201).into(&contract)
	equal(m.t, "state of a contract", contract.Status, "proposed")

	equal(m.t, "owners", owners(m), before)
	equal(m.t, "owners of the victim", owners(victim), theirBefore)
}

// hostileOneTime uses what is good once twice, many at a time, and in place of another kind.
func hostileOneTime(m, victim *msp) {
	id, link := m.invite(victim.root.Email, object{"orgRoleIds": []int{3}})
	codes := make([]int, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() { codes[i] = victim.do("PATCH", "/iam/v1/invitations/"+id+"/accept", nil).status })
	}
	all.Wait()
	slices.Sort(codes)
	equal(m.t, "an invitation is accepted once", codes, []int{204, 422, 422, 422, 422, 422, 422, 422})
	victim.do("PATCH", "/iam/v1/invitations/"+id+"/decline", nil).wantError(422, "unprocessable_entity")

	_, open := m.invite("kinds@onetime.example", nil)
	account := m.newAccount("kinds")
	var client accountClient
	m.do("POST", account+"/clients", nil).want(201).into(&client)
	none := m.server.nobody(m.t)
	for what, secret := range map[string]string{
		"an invitation": open, "a used invitation": link, "a client's secret": client.ClientSecret, "an access token": m.bearer, "a client": client.ClientID,
	} {
		none.do("POST", "/oidc/token", object{"grant_type": "refresh_token", "refresh_token": secret}).wantError(401, "unauthorized")
		none.do("POST", "/oidc/token", object{"grant_type": "authorization_code", "code": secret, "redirect_uri": "https://x.example/"}).wantError(400, "bad_request", "discovery")
		if what != "a client's secret" {
			none.do("POST", "/oidc/token", object{"grant_type": "client_credentials", "client_id": client.ClientID, "client_secret": secret}).wantError(401, "unauthorized")
		}
		if what != "an access token" {
			bearer := none
			bearer.bearer = secret
			bearer.do("GET", "/espalier/v1/me", nil).wantError(401, "unauthorized")
		}
		if what != "an invitation" {
			if status := m.page("/invitation/" + url.PathEscape(secret)); status != 404 {
				m.t.Errorf("%s opens an invitation: %d", what, status)
			}
		}
	}
	none.do("POST", "/oidc/token", object{"grant_type": "client_credentials", "client_id": client.ClientID, "client_secret": m.root.RefreshToken}).wantError(401, "unauthorized")
}

// page is the status of a page for somebody who is not signed in.
func (m *msp) page(path string) int {
	m.t.Helper()
	res, err := http.Get(m.server.url + path)
	must(m, err)
	res.Body.Close()
	return res.StatusCode
}

// hostileOff takes things away, and then asks for them in every way there is.
func hostileOff(m, victim *msp) {
	id, link := m.invite(victim.root.Email, nil)
	equal(m.t, "a live link", m.page("/invitation/"+link), 200)
	m.do("DELETE", m.at("/iam/v1", "/invitations/%s", id), nil).want(204)
	equal(m.t, "the link of what was taken back", m.page("/invitation/"+link), 404)
	victim.do("PATCH", "/iam/v1/invitations/"+id+"/accept", nil).wantError(404, "not_found")

	// Shut out: by the token it has, by a new one, in the lists of its own, and in what others are told of it.
	u := m.provision("shut@off.example", nil)
	m.grant("user", "", u.ID, "org_viewer")
	_, refresh := m.server.token(m.t, "shut@off.example")
	shut := m.server.signIn(m.t, refresh)
	shut.do("GET", m.at("/iam/v1", "/users"), nil).want(200)
	m.do("POST", m.at("/espalier/v1", "/users/%s/deactivate", u.ID), nil).want(204)
	for _, c := range []caller{shut, m.server.signIn(m.t, refresh)} {
		for _, path := range []string{m.at("/iam/v1", ""), m.at("/iam/v1", "/users"), m.scim("/Users"), m.at("/espalier/v1", "/audit"), m.at("/iam/v1", "/groups")} {
			c.do("GET", path, nil).want(404)
		}
		var me struct{ Orgs []object }
		c.do("GET", "/espalier/v1/me", nil).want(200).into(&me)
		equal(m.t, "organizations of who was shut out", len(me.Orgs), 0)
		var orgs struct{ Values []object }
		c.do("GET", fmt.Sprintf("/iam/v1/users/%s/orgs", u.ID), nil).want(200).into(&orgs)
		equal(m.t, "reported organizations of who was shut out", len(orgs.Values), 0)
	}

	// A capability that ended is off for its owner too, and in the customer's.
	m.server.run(m.t, "org", "set-capability", fmt.Sprint(m.root.OrgID), "msp", "--expires", "2020-01-01T00:00:00Z")
	for _, path := range []string{m.at("/msp/v1", "/customers"), m.at("/msp/v2", "/customers"), m.at("/espalier/v1", "/customers"), m.at("/espalier/v1", "/customers/export"), m.at("/espalier/v1", "/tags")} {
		within(m.t, "it ends on every server", func() bool { return m.do("GET", path, nil).status == 403 })
		m.do("GET", path, nil).wantError(403, "forbidden", "msp", "ended")
	}
}

// hostileUsers makes a member of somebody whose home is elsewhere: what is the user's own stays so.
func hostileUsers(m, victim *msp) {
	account := victim.me()
	u := m.provision(victim.root.Email, object{"name": object{"givenName": "Not", "familyName": "Me"}})
	users := m.at("/iam/v1", "/users/%s", u.ID)
	m.do("GET", users, nil).want(200)
	admin := m.robot("iam_admin")
	m.grant("user", "", u.ID, "org_owner")
	admin.do("DELETE", users, nil).wantError(403, "forbidden", "owner") // even of who is only said to be one
	m.do("PUT", m.at("/iam/v1", "/access-rules/revoke"), object{"subject": object{"ref": "iam#user:" + u.ID}, "role": object{"name": "org_owner"}}).want(204)

	m.do("DELETE", "/iam/v1/refresh-tokens"+fmt.Sprintf("?orgId=%d&userId=%s", m.root.OrgID, u.ID), nil).wantError(403, "forbidden", "other organizations")
	m.do("GET", fmt.Sprintf("/iam/v1/users/%s/privileges-report?scopeRefs=%s", u.ID, url.QueryEscape(fmt.Sprint("ref:nam:::iam:org:", victim.root.OrgID))), nil).wantError(404, "not_found")
	reported := m.do("GET", fmt.Sprintf("/iam/v1/users/%s/orgs", u.ID), nil).want(200)
	if strings.Contains(reported.body, fmt.Sprintf(`"id":%d,`, victim.root.OrgID)) {
		m.t.Errorf("the other organizations of a member are shown: %s", reported.body)
	}
	m.do("POST", m.at("/espalier/v1", "/users/%s/deactivate", u.ID), nil).want(204)
	victim.do("GET", victim.at("/iam/v1", "/users"), nil).want(200)
	m.do("DELETE", users, nil).want(204)
	victim.do("GET", victim.at("/iam/v1", "/users"), nil).want(200)
	equal(m.t, "the account", victim.me(), account)
}

// hostileAccounts has a service account with all that one can have try for more.
func hostileAccounts(m, victim *msp) {
	own, theirs := m.things("own"), victim.things("theirs")
	robot := m.robot("iam_admin")
	grant := m.at("/iam/v1", "/access-rules/grant")
	robot.do("PUT", grant, object{"subject": object{"ref": fmt.Sprintf("iam#user:%d", own.user)}, "role": object{"name": "org_owner"}}).wantError(403, "forbidden", "owner")
	robot.do("POST", robot.at("/iam/v1", "/invitations"), object{"inviteeEmail": "own@er.example", "orgRoleIds": []int{1}}).wantError(403, "forbidden", "owner")
	robot.do("POST", "/espalier/v1/tokens", object{"name": "x"}).wantError(403, "forbidden", "users")
	robot.do("GET", fmt.Sprintf("/iam/v1/orgs/%d/users", own.customer), nil).wantError(403, "forbidden")
	for _, path := range []string{victim.at("/iam/v1", ""), fmt.Sprintf("/iam/v1/orgs/%d", theirs.customer), "/iam/v1/orgs/" + fmt.Sprint(noThings.org)} {
		robot.do("GET", path, nil).wantError(404, "not_found")
	}
}

// hostileNames writes one organization in ways that a check and an action could read differently.
func hostileNames(m, victim *msp) {
	for _, org := range []string{"0%d", "+%d", "%d.0", "%d%%20", "%%20%d", "%d%%00", "%d%%2F..%%2F" + m.root.OrgID.String(), "%d;x=1", "-%d", "0x%x"} {
		path := "/iam/v1/orgs/" + fmt.Sprintf(org, victim.root.OrgID) + "/users"
		if a := m.do("GET", path, nil); a.status != 400 && a.status != 404 && a.status != 307 && a.status != 301 {
			m.t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	// A second mention of the organization, in query, body or header, is nobody's to decide by.
	at := m.at("/iam/v1", "/users?orgId=%d&org_id=%d", victim.root.OrgID, victim.root.OrgID)
	a := m.do("GET", at, nil, "X-Org-Id", victim.root.OrgID.String(), "X-Original-URL", victim.at("/iam/v1", "/users"), "X-HTTP-Method-Override", "DELETE")
	if a.status == 200 && (!strings.Contains(a.body, m.root.Email) || strings.Contains(a.body, victim.root.Email)) {
		m.t.Errorf("%s: %s", at, a.body)
	}
	body, err := json.Marshal(object{"name": "twice", "orgId": victim.root.OrgID})
	must(m, err)
	var made struct{ ID int64 }
	m.do("POST", m.at("/iam/v1", "/groups"), string(body)).want(201).into(&made)
	m.do("GET", m.at("/iam/v1", "/groups/%d", made.ID), nil).want(200)
}
