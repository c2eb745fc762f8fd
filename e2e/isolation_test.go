package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"espalier.dev/access"
)

// TestIsolation asks every operation of every API that is served as every shipped role, as a member without a role, as a
// service account with all roles it can have and as nobody, each about an organization that is its own, its parent, its
// customer, a grandchild, a sibling, unrelated, or one it was removed from; and compares what comes back with what the reviewed
// table says (access/operation.go, by the rules restated in expect). On PostgreSQL, where the same code decides, two roles ask.
//
// What is hidden is answered as if it were not there: byte for byte, ids in the path aside, and headers too. No answer has in
// it anything of an organization that is not the asker's. What lists of other organizations say is the same before and after.
//
// How long a refusal takes is not measured, since a test by a timer fails by chance. What takes time is asking the database;
// access.TestRefusalsCostTheSame counts that, of what is absent and of what is hidden.
func TestIsolation(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		names := []string{access.Roles[0].Name, "iam_admin", machine, anonymous}
		if e == sqlite {
			names = names[:0]
			for _, r := range access.Roles {
				names = append(names, r.Name)
			}
			names = append(names, noRole, machine, anonymous)
		}
		p := newPlace(t, e)
		dns := startDNS(t)
		s := p.serve(t, "--public-url", publicURL, "--dns", dns.address)
		s.dns = dns
		f := newForest(t, s, names)
		before := f.witnesses(t)
		for _, op := range servedOperations(t, s) {
			t.Run(strings.ReplaceAll(op.String(), "/", "_"), func(t *testing.T) {
				inMatrix(t, op)
				f.in(t).prove(op)
			})
		}
		after := f.witnesses(t)
		for what, text := range before {
			equal(t, "what others see, "+what, after[what], text)
		}
	})
}

// inMatrix fails the test for an operation of which nobody has said who may ask it.
func inMatrix(t *testing.T, op operation) {
	t.Helper()
	privilege, ok := access.PrivilegeOf(op.api, op.ID)
	_, isSelf := selves[op.String()]
	_, ofOthers := ofMembers[op.String()]
	switch {
	case !ok && !op.NoSecurity:
		t.Fatalf("%s is not in the table of privileges", op)
	case privilege == access.Self && !isSelf && !ofOthers:
		t.Fatalf("%s asks for no privilege in an organization: say in selves or ofMembers who may ask it about whom", op)
	case privilege != access.Self && !op.NoSecurity && !strings.Contains(op.Path, "{orgId}"):
		t.Fatalf("%s has no organization in its path", op)
	}
}

// verdict is what becomes of a request.
type verdict int

const (
	allowed   verdict = iota // 2xx
	forbidden                // 403: a tie to the organization, and no right
	hidden                   // 404, as if there were none
	unknown                  // 401
)

// selves are the operations about what is the caller's own. About another's they say that there is no such thing.
var selves = map[string]verdict{
	"iam User Invitation#index": allowed, "iam User Invitation#show": hidden, "iam User Invitation#accept_invitation": hidden,
	"iam User Invitation#decline_invitation": hidden, "iam Refresh Token#Show": hidden,
	"espalier Me#show": allowed, "espalier Token#index": allowed, "espalier Token#create": allowed, "espalier Token#revoke": hidden,
}

// ofMembers are operations at no organization's path that ask for a privilege in the organization of their parameters.
var ofMembers = map[string]access.Privilege{
	"iam User Memberships#index": access.UserShow, "iam User Memberships#indexProjects": access.UserShow,
	"iam User Memberships#showPrivilegesReport": access.UserShow,
	"iam Refresh Token#Index":                   access.OrgOwn, "iam Refresh Token#Revoke": access.OrgOwn, "iam Refresh Token#RevokeAll": access.OrgOwn,
}

// unseen are operations that have no organization to refuse in: whom one may not see is not there, also to members.
var unseen = []string{"iam User Memberships#index", "iam User Memberships#indexProjects"}

// peopleOnly are operations that no service account has a use for: they are refused before anything is looked for.
var peopleOnly = []string{"iam User Invitation#", "iam Refresh Token#Show", "espalier Me#", "espalier Token#create"}

// expect is the rules of who may do what where. It asks the server nothing, and of the product the table of privileges alone.
func expect(op operation, r relation, a asker) verdict {
	privilege, _ := access.PrivilegeOf(op.api, op.ID)
	if p, ok := ofMembers[op.String()]; ok {
		privilege = p
	}
	self, isSelf := selves[op.String()]
	switch {
	case op.NoSecurity:
		return allowed
	case a.name == anonymous, a.name == machine && r == former:
		return unknown
	case a.name == machine && slices.ContainsFunc(peopleOnly, func(prefix string) bool { return strings.HasPrefix(op.String(), prefix) }):
		return forbidden
	case isSelf:
		return self
	case r == own && (everyMember[privilege] || slices.ContainsFunc(a.roles, func(role string) bool { return gives(role, string(privilege)) })):
		return allowed
	case slices.Contains(unseen, op.String()):
		return hidden
	case r == own, r == customerOf:
		return forbidden
	}
	return hidden
}

// everyMember is what membership alone gives: the contract's privileges with the alternative common:org:affiliated.
var everyMember = map[access.Privilege]bool{
	"iam:org:show": true, "iam:capability:index": true, "iam:capability:show": true, "iam:role:index": true, "iam:role:show": true,
	"iam:group:index": true, "iam:access_policy:index": true, "iam:access_policy:show": true, "iam:contract:index": true,
	"iam:contract:show": true, "iam:customization:index": true, "iam:customization:show": true,
}

// gives is what the roles hold: docs/rules.md, roles. All capabilities are in force here.
func gives(role, privilege string) bool {
	part := strings.Split(privilege, ":")
	service, resource, reads := part[0], part[1], part[2] == "index" || part[2] == "show"
	switch role {
	case "org_owner":
		return true
	case "iam_admin": // but not what says who the owners are, nor what opens customers
		provider := resource == "saml2_identity_provider" && slices.Contains([]string{"create", "update", "delete"}, part[2])
		return service == "scim" || service == "iam" && !provider && (resource != "login_policy" || reads) && (resource != "access_policy" || reads)
	case "org_viewer":
		return service == "iam" && reads
	case "msp_admin":
		return service == "msp" || privilege[:strings.LastIndexByte(privilege, ':')] == "iam:access_policy"
	case "msp_viewer":
		return service == "msp" && reads
	}
	return false // the others are of policies, which have no operation yet
}

// in is the forest as a subtest sees it.
func (f *forest) in(t *testing.T) *forest {
	c := *f
	c.world = f.world.in(t)
	return &c
}

// prove asks an operation as everybody, first those who are refused, so that what is asked about is still there.
func (f *forest) prove(op operation) {
	f.renew(op)
	r := validRequest(f.t, op, f.valid)
	f.refuseAll(r)
	f.proveIDs(r)
	for _, a := range f.asking[own] {
		if expect(op, own, a) != allowed {
			continue
		}
		if op.Method != http.MethodGet {
			f.renew(op)
			r = validRequest(f.t, op, f.valid)
		}
		got := f.ask(a, r)
		if got.status < 200 || got.status > 299 {
			f.t.Errorf("%s in its own organization: got %d, want it done: %s", a.name, got.status, cut([]byte(got.body)))
		}
		f.look(op, own, a, got)
	}
}

// refuseAll asks as all who are not let in, side by side, and as those who are allowed what is their own anyway.
func (f *forest) refuseAll(r *request) {
	absent := &reference{f: f, r: r.absent(f.root.OrgID.String())}
	var g errgroup.Group
	g.SetLimit(8)
	for relation, all := range f.asking {
		for _, a := range all {
			want := expect(r.op, relation, a)
			if want == allowed && relation == own {
				continue
			}
			g.Go(func() error {
				got := f.ask(a, r)
				f.judge(r, relation, a, want, got)
				if want == hidden {
					if diff := absent.differs(a, got, f.root.OrgID.String()); diff != "" {
						f.t.Errorf("%s of %s: can tell what is hidden from what is not there:\n%s", a.name, relation, diff)
					}
				}
				f.look(r.op, relation, a, got)
				return nil
			})
		}
	}
	g.Wait()
}

// notIDs are parameters that name a thing of every organization by the same word, or one that several organizations may know.
var notIDs = map[string]bool{
	"capabilityName": true, "iam Role#show id": true, "iam Customization#show id": true, "iam Customization Type#show id": true,
	"scim SCIM Config#show_resource_type id": true, "scim SCIM Config#show_schema id": true, "iam Organization#show_msp targetOrgId": true,
}

// proveIDs asks the owners of all other organizations for the things of the target in their own: authorized there, and led to
// nothing. What they are told is what they are told of things that do not exist.
func (f *forest) proveIDs(r *request) {
	if !namesThings(r.op) {
		return
	}
	for _, relation := range relations[1:6] {
		m := f.owners[relation]
		foreign, absent := r.clone(), r.clone()
		for name, id := range r.path {
			switch {
			case name == "orgId":
				foreign.path[name], absent.path[name] = m.root.OrgID.String(), m.root.OrgID.String()
			case !notIDs[name] && !notIDs[r.op.String()+" "+name]:
				absent.path[name] = nothingLike(id)
			}
		}
		a := asker{caller: m.caller, name: "org_owner"}
		got, none := f.ask(a, foreign), f.ask(a, absent)
		if got.status != http.StatusNotFound {
			f.t.Errorf("the owner of the %s, for what is the target's: got %d, want 404: %s", relation, got.status, got.body)
		}
		text, want := plain(got, foreign.ids()), plain(none, absent.ids())
		if text != want {
			f.t.Errorf("the owner of the %s can tell what is another's from what is not there:\nit says  %s\nabsent:  %s", relation, text, want)
		}
	}
}

// namesThings tells the operations with the id of a thing in the path, below the organization's.
func namesThings(op operation) bool {
	for _, p := range op.Params {
		if strings.Contains(op.Path, "{"+p.Name+"}") && p.Name != "orgId" && !notIDs[p.Name] && !notIDs[op.String()+" "+p.Name] {
			return strings.Contains(op.Path, "{orgId}") && !op.NoSecurity
		}
	}
	return false
}

// judge compares the status.
func (f *forest) judge(r *request, relation relation, a asker, want verdict, got answer) {
	ok := false
	switch want {
	case allowed:
		ok = got.status >= 200 && got.status < 300
	case forbidden:
		ok = got.status == http.StatusForbidden
	case hidden:
		ok = got.status == http.StatusNotFound
	case unknown:
		ok = got.status == http.StatusUnauthorized
	}
	if !ok {
		f.t.Errorf("%s, %s, asks %s %s: got %d, want it %s: %s", a.name, relation, r.op.Method, r.target(), got.status,
			[]string{"allowed", "forbidden", "hidden", "unauthorized"}[want], cut([]byte(got.body)))
	}
}

// fixedID makes answers to different requests comparable.
const fixedID = "isolation"

func (f *forest) ask(a asker, r *request) answer {
	c := a.caller
	c.t, c.http = f.t, f.http
	return c.do(r.op.Method, r.target(), r.reader(), slices.Concat(r.header, []string{"X-Request-Id", fixedID})...)
}

// nothing stands for ids of each shape that were never given out.
const nothing = "999999999"

// absent is the request with ids that were never given out, in place of the organization's or, where the path has none, of
// everything it names.
func (r *request) absent(org string) *request {
	c := r.clone()
	for name := range c.path {
		if _, ofOrg := c.path["orgId"]; !ofOrg || name == "orgId" {
			c.path[name] = nothingLike(c.path[name])
		}
	}
	for name, list := range c.query {
		if _, ofOrg := c.path["orgId"]; !ofOrg && name == "orgId" {
			c.query.Set(name, nothing)
		} else if name == "scopeRefs" {
			c.query.Set(name, strings.TrimSuffix(list[0], org)+nothing)
		}
	}
	return c
}

var hex24 = regexp.MustCompile(`^[0-9a-f]{24}$`)
var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f-]{27}$`)
var number = regexp.MustCompile(`^[0-9]+$`)

// nothingLike is an id of the same shape that was never given out.
func nothingLike(id string) string {
	switch {
	case number.MatchString(id):
		return nothing
	case uuid.MatchString(id):
		return "00000000-0000-4000-8000-000000000000"
	case hex24.MatchString(id):
		return strings.Repeat("0", 24)
	case strings.Contains(id, "%3A") || strings.Contains(id, ":"):
		return nothing + ":" + nothing
	case strings.Contains(id, "."):
		return "absent0.example"
	}
	return strings.Repeat("a", len(id))
}

// reference is the answer to a request for what is not there, asked for when it is needed, by people and by machines.
type reference struct {
	f    *forest
	r    *request
	mu   sync.Mutex
	text map[bool]string
}

func (ref *reference) differs(a asker, got answer, org string) string {
	ref.mu.Lock()
	defer ref.mu.Unlock()
	kind := a.name == machine
	if ref.text == nil {
		ref.text = map[bool]string{}
	}
	if ref.text[kind] == "" {
		ref.text[kind] = plain(ref.f.ask(a, ref.r), ref.r.ids())
	}
	text := plain(got, append(ref.ids(got), org))
	if text == ref.text[kind] {
		return ""
	}
	return "it says  " + text + "\nabsent:  " + ref.text[kind]
}

// ids are those that an answer may repeat because the request had them.
func (ref *reference) ids(got answer) []string {
	_, target, _ := strings.Cut(got.what, " ")
	at, query, _ := strings.Cut(target, "?")
	list := strings.Split(at, "/")
	values, _ := url.ParseQuery(query)
	return append(list, values.Get("userId"), values.Get("id"), values.Get("orgId"))
}

func (r *request) ids() []string {
	list := slices.Collect(maps.Values(r.path))
	return append(list, nothing, r.query.Get("userId"), r.query.Get("id"))
}

// plain is an answer whole, headers too, without the ids that were asked about, and without what differs between any two.
func plain(a answer, ids []string) string {
	body := a.body
	for _, id := range ids {
		if id != "" && strings.ContainsAny(id, "0123456789") || len(id) > 15 {
			body = regexp.MustCompile(`\b`+regexp.QuoteMeta(id)+`\b`).ReplaceAllString(body, "ID")
		}
	}
	h := a.header.Clone()
	h.Del("Date")
	h.Del("Content-Length")
	return fmt.Sprint(a.status, " ", h, " ", body)
}

// look searches an answer for anything of organizations that are not the asker's.
func (f *forest) look(op operation, r relation, a asker, got answer) {
	text := fmt.Sprint(got.header, got.body)
	for _, of := range relations[:6] {
		if of == r || r == former && of == unrelated || shown(op, r, of) {
			continue
		}
		if i := strings.Index(text, of.mark()); i >= 0 {
			f.t.Errorf("%s, %s, sees what is of the %s: …%s", a.name, r, of, text[max(0, i-100):min(len(text), i+100)])
		}
	}
}

// shown is what an organization is told of another by the rules: of its customers; by its parent and the parent's, how things
// look; and who of its parent did what in it.
func shown(op operation, r, of relation) bool {
	if r != own {
		return false
	}
	switch of {
	case parentOf: // its customer
		return true
	case customerOf, grandchild: // its parent, and the parent's
		return strings.HasPrefix(op.ID, "Customization#") || of == customerOf && (op.ID == "Event#index" || op.api == "espalier" && strings.HasPrefix(op.ID, "Audit#"))
	}
	return false
}

// witnesses is what owners of the other organizations are shown by every list, so that it can be compared: nobody there does
// anything in the meantime.
func (f *forest) witnesses(t *testing.T) map[string]string {
	t.Helper()
	seen := map[string]string{}
	for _, r := range []relation{parentOf, grandchild, sibling, unrelated} {
		for _, op := range allOperations() {
			if op.Method != http.MethodGet || !listsOf(op) {
				continue
			}
			m := f.owners[r]
			c := m.caller
			c.t, c.http = t, m.server.nobody(t).http
			got := c.do("GET", strings.Replace(op.Path, "{orgId}", m.root.OrgID.String(), 1), nil)
			if got.status == http.StatusOK && got.body != "" {
				seen[string(r)+", "+op.String()] = instants.ReplaceAllString(got.body, "")
			}
		}
	}
	if len(seen) < 60 {
		t.Fatalf("only %d lists were read", len(seen))
	}
	return seen
}

// instants are when somebody was last seen.
var instants = regexp.MustCompile(`,?"last[A-Za-z]*":"[0-9TZ:.-]+"`)

// listsOf tells the operations that need nothing but the organization; what happened is not compared, since asking happens.
func listsOf(op operation) bool {
	for _, p := range op.Params {
		if p.Required && p.Name != "orgId" {
			return false
		}
	}
	return strings.Contains(op.Path, "{orgId}") && !strings.Contains(op.ID, "Event") && !strings.Contains(op.ID, "Audit")
}
