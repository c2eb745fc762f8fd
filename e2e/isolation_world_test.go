package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// forest is the organizations of the proof of isolation, and who asks in them:
//
//	grand ── parent ─┬─ target ── child
//	                 └─ sibling
//	other
//
// Every operation is asked about the target. Who belongs to the target asks about its own; who belongs to the child, about its
// parent; who belongs to the parent, about its customer; to grand, about a grandchild.
type forest struct {
	*world                      // as the owner of the target, who makes what is asked about
	owners map[relation]*msp    // of the organization that stands in the relation
	asking map[relation][]asker // who asks
	n      *int                 // renewals so far, of all subtests
}

// relation is what the target is to the organization of who asks.
type relation string

const (
	own        relation = "own organization"
	parentOf   relation = "parent"
	customerOf relation = "customer"
	grandchild relation = "grandchild"
	sibling    relation = "sibling"
	unrelated  relation = "unrelated"
	former     relation = "former member"
)

var relations = []relation{own, parentOf, customerOf, grandchild, sibling, unrelated, former}

// mark is what every name and address in the organization of a relation has in it, and nothing else has.
func (r relation) mark() string {
	return "mark" + strings.ReplaceAll(string(r), " ", "") + "x"
}

// asker is one who asks: a user with one role, a user with none, a service account with all it can have, or nobody.
type asker struct {
	caller
	name  string // "org_owner", "no role", "service account", "anonymous"
	roles []string
}

const (
	noRole    = "no role"
	machine   = "service account"
	anonymous = "anonymous"
)

// newForest grows and populates the organizations. Only the askers of some roles are made, all for nil.
func newForest(t *testing.T, s *server, names []string) *forest {
	t.Helper()
	f := &forest{n: new(int), owners: map[relation]*msp{}, asking: map[relation][]asker{}}
	f.growRoot(t, s, grandchild, "--max-depth", "4")
	f.growRoot(t, s, unrelated)
	f.below(grandchild, customerOf)
	f.below(customerOf, own)
	f.below(customerOf, sibling)
	f.below(own, parentOf)
	for _, r := range relations[:6] {
		f.populate(r)
	}
	for _, r := range relations {
		home := f.owners[r]
		if r == former {
			home = f.owners[own]
		}
		for _, name := range names {
			f.asking[r] = append(f.asking[r], home.asker(t, r, name))
		}
	}
	f.removeFormer()
	target := f.owners[own]
	f.world = &world{msp: target, stranger: f.owners[unrelated]}
	return f
}

// growRoot makes the organization of a relation, without a parent.
func (f *forest) growRoot(t *testing.T, s *server, r relation, flags ...string) {
	t.Helper()
	made := s.newRoot(t, r.mark(), "owner@"+r.mark()+".example", flags...)
	f.owners[r] = &msp{s.signIn(t, made.RefreshToken), s, made}
}

// below makes the organization of a relation as a customer of another, with an owner of its own.
func (f *forest) below(parent, r relation) {
	p := f.owners[parent]
	email := "owner@" + r.mark() + ".example"
	id := p.create(r.mark(), object{"externalId": r.mark(), "description": r.mark(), "owners": []object{{"email": email, "firstName": r.mark()}},
		"capabilities": []object{{"name": "msp"}, {"name": "policy"}}})
	c := *p
	_, c.root.RefreshToken = p.server.token(p.t, email)
	c.caller = p.server.signIn(p.t, c.root.RefreshToken)
	c.root.OrgID, c.root.Email = ref.OrgID(id), email
	c.root.UserID = ref.UserID(c.userID())
	var projects []struct{ ID ref.ProjectID }
	c.do("GET", c.at("/iam/v1", "/projects"), nil).want(200).into(&projects)
	c.root.ProjectID = projects[0].ID
	f.owners[r] = &c
}

// populate plants something of every kind in an organization, with its mark in it.
func (f *forest) populate(r relation) {
	m, mark := f.owners[r], r.mark()
	id := m.create("plant "+mark, object{"externalId": mark, "owners": []object{{"email": "plant@" + mark + ".example", "lastName": mark}}})
	m.do("POST", m.at("/msp/v1", "/customers/%d/tags", id), tags("is:"+mark)).want(201)
	u := m.provision("plant@"+mark+".example", nil)
	m.provisionGroup("plant "+mark, u.ID)
	m.newAccount("plant " + mark)
	m.invite("invited@"+mark+".example", object{"inviteeFirstName": mark})
	idp, _ := m.idp("plant "+mark, object{"discoveryHint": mark})
	m.register(idp, mark+".example")
	m.do("POST", m.at("/espalier/v1", "/oidc-providers"), newOIDC("openid "+mark, nil)).want(201)
	m.do("POST", m.at("/espalier/v1", "/applications"), object{"name": "plant " + mark, "redirectUris": []string{"https://" + mark + ".example/"}}).want(201)
	m.do("POST", m.at("/espalier/v1", "/projects"), object{"name": "plant " + mark}).want(201)
	m.do("POST", m.at("/iam/v1", "/access-policies"), object{"name": "plant " + mark, "customerOrgIds": []int64{id}, "iamRoles": []object{granularRole(mark)}}).want(201)
	m.do("POST", m.at("/iam/v1", "/contracts"), object{"title": "plant " + mark, "target_org_id": id, "allowed_capabilities": []object{{"capability": "policy", "roles": []string{}}}}).want(201)
	m.do("PATCH", m.at("/iam/v1", "/customizations"), object{"customizations": []object{{"id": "product-name", "stringValue": mark}}}).want(200)
}

// asker makes one who asks, at home in the organization of m.
func (m *msp) asker(t *testing.T, r relation, name string) asker {
	t.Helper()
	a := asker{caller: m.server.nobody(t), name: name}
	switch name {
	case anonymous:
	case machine:
		for _, role := range access.Roles {
			if role.ID != access.OrgOwner {
				a.roles = append(a.roles, role.Name)
			}
		}
		a.bearer = m.machine("asks "+r.mark(), a.roles)
	default:
		email := strings.ReplaceAll(name, " ", "_") + "@" + r.mark() + ".example"
		u := m.provision(email, nil)
		if name != noRole {
			a.roles = []string{name}
			m.grant("user", "", u.ID, name)
		}
		a.bearer = m.server.user(t, email).bearer
	}
	return a
}

// machine makes a service account with roles, and returns an access token of it.
func (m *msp) machine(name string, roles []string) (bearer string) {
	m.t.Helper()
	path := m.newAccount(name)
	for _, role := range roles {
		m.grant("service-account", m.root.OrgID.String(), path[strings.LastIndexByte(path, '/')+1:], role)
	}
	var c accountClient
	m.do("POST", path+"/clients", nil).want(201).into(&c)
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	m.server.nobody(m.t).do("POST", "/oidc/token", object{"grant_type": "client_credentials", "client_id": c.ClientID, "client_secret": c.ClientSecret}).want(200).into(&granted)
	return granted.AccessToken
}

// removeFormer takes the former members out of the target, whose tokens live on: users by the one path for users, and they are
// members of the unrelated organization instead. A service account has one organization for life; what is former is its roles
// and its client, which is to say that it is nobody.
func (f *forest) removeFormer() {
	target, other := f.owners[own], f.owners[unrelated]
	for _, a := range f.asking[former] {
		switch a.name {
		case anonymous:
		case machine:
			var all []struct {
				ID   int64
				Name string
			}
			target.do("GET", target.at("/iam/v1", "/service-accounts"), nil).want(200).into(&all)
			for _, one := range all {
				if one.Name == "asks "+former.mark() {
					target.do("DELETE", target.at("/iam/v1", "/service-accounts/%d", one.ID), nil).want(204)
				}
			}
		default:
			email := strings.ReplaceAll(a.name, " ", "_") + "@" + former.mark() + ".example"
			found := target.find("Users", fmt.Sprintf("userName eq %q", email))
			other.provision(email, nil)
			target.do("DELETE", target.at("/iam/v1", "/users/%s", found.Resources[0].ID), nil).want(204)
		}
	}
}

// renew makes what is valid for an operation in the target, afresh.
func (f *forest) renew(op operation) {
	*f.n++
	f.world.n = *f.n
	f.fewAccounts()
	f.world.renew(op)
	w := f.world
	if w.valid["orgId"] != any(w.root.OrgID) && op.ID != "SAML2 Single Identity Provider#show" {
		f.renewMembers()
	}
	if strings.HasPrefix(op.ID, "Refresh Token#") {
		f.renewMembersToken()
	}
}

// fewAccounts deletes the service accounts of earlier renewals: an organization has so many and no more.
func (f *forest) fewAccounts() {
	var all []struct {
		ID   int64
		Name string
	}
	f.do("GET", f.at("/iam/v1", "/service-accounts"), nil).want(200).into(&all)
	for _, one := range all {
		if !strings.Contains(one.Name, own.mark()) {
			f.do("DELETE", f.at("/iam/v1", "/service-accounts/%d", one.ID), nil).want(204)
		}
	}
}

// renewMembers makes a member of the target itself to be asked about, in a user group.
func (f *forest) renewMembers() {
	w := f.world
	u := w.provision(fmt.Sprintf("member%d@%s.example", *f.n, own.mark()), nil)
	var made group
	w.do("POST", w.at("/iam/v1", "/groups"), object{"name": fmt.Sprintf("members %d %s", *f.n, own.mark())}).want(201).into(&made)
	w.do("POST", w.at("/iam/v1", "/groups/%d/memberships", made.ID), object{"userIds": []json.Number{json.Number(u.ID)}}).want(201)
	org := fmt.Sprintf("ref:nam:::iam:org:%d", w.root.OrgID)
	for name, value := range (values{
		"orgId": w.root.OrgID, "userId": u.ID, "groupId": made.ID, "userIds[]": literal(u.ID), "targetOrgId": w.root.OrgID,
		"subject": members{{"ref", "ref:nam:::iam:user:" + u.ID}}, "scope": members{{"ref", org}}, "scopeRefs": org,
		"iam User#create email": w.root.Email, "iam Group Membership#delete id": fmt.Sprintf("%d:%s", made.ID, u.ID),
	}) {
		w.valid[name] = value
	}
	for _, op := range []string{"User#show", "User#Delete", "User#user_groups", "User Memberships#index", "User Memberships#indexProjects", "User Memberships#showPrivilegesReport"} {
		w.valid["iam "+op+" id"] = u.ID
	}
	for _, op := range []string{"show", "update", "Delete"} {
		w.valid["iam Group#"+op+" id"] = made.ID
	}
}

// renewMembersToken makes a refresh token of a member of the target, for an owner to see and to end.
func (f *forest) renewMembersToken() {
	u := f.provision(fmt.Sprintf("token%d@%s.example", *f.n, own.mark()), nil)
	id, _ := f.server.token(f.t, u.UserName)
	f.valid["userId"], f.valid["id"] = u.ID, id
}
