package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/ref"
)

// contractTests is what each operation does when all is well, and the errors that are its own. Each test has an MSP to itself.
var contractTests = map[string]func(*msp){
	"create v1":               testCreate(1),
	"create v2":               testCreate(2),
	"list and filter v1":      testList(1),
	"list and filter v2":      testList(2),
	"views":                   testViews,
	"update":                  testUpdate,
	"delete":                  testDelete,
	"width, depth and subset": testConstraints,
	"owners":                  testOwners,
	"tags":                    testTags,
	"select by tags":          testSelectByTags,
	"bulk create":             testBulkCreate,
	"bulk delete":             testBulkDelete,
	"iam":                     testIAM,
	"applications":            testApplications,
	"events":                  testEvents,
	"calls":                   testAPIEvents,
	"audit search":            testAuditSearch,
	"invitations":             testInvitations,
	"customizations":          testCustomizations,
	"contracts":               testContracts,
	"service accounts":        testServiceAccounts,
	"users":                   testUsers,
	"user groups":             testUserGroups,
	"roles":                   testRoles,
	"access rules":            testAccessRules,
	"user reports":            testUserReports,
	"projects":                testProjects,
	"access policies":         testAccessPolicies,
	"access":                  testAccess,
	"visits":                  testVisits,
	"tokens of iam":           testIAMTokens,
	"scim users":              testSCIMUsers,
	"scim groups":             testSCIMGroups,
	"scim filters":            testSCIMFilters,
	"scim says of itself":     testSCIMConfig,
	"scim by entra id":        testEntraID,
	"scim by okta":            testOkta,
	"scim is no back door":    testSCIMBackDoor,
	"identity providers":      testProviders,
	"signing keys":            testSigningKeys,
	"domains":                 testDomains,
	"domains of customers":    testVouching,
	"login policy":            testLoginPolicy,
	"openid providers":        testOIDCProviders,
	"ended capability":        testEndedCapability,
	"no inheritance":          testNoInheritance,
	"own list":                testOwnList,
	"own customer":            testOwnCustomer,
	"import and export":       testImportExport,
	"me":                      testMe,
	"refresh tokens":          testRefreshTokens,
	"token exchange":          testTokenExchange,
	"body forms":              testBodyForms,
	"unknown":                 testUnknown,
}

// TestContract asks one server on each engine for everything it serves, what is right and then what is wrong, and fails if an
// operation has no success, or a declared error was never seen.
func TestContract(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		p, expired := agedPlace(t, e, 2*time.Hour)
		dns := startDNS(t)
		s := p.serve(t, "--public-url", publicURL, "--dns", dns.address)
		s.dns = dns
		t.Run("operations", func(t *testing.T) {
			for name, test := range contractTests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(newMSP(t, s, name))
				})
			}
		})
		ops := servedOperations(t, s)
		t.Run("bad input", func(t *testing.T) { testBadInput(t, s, ops, expired) })
		t.Run("everything was seen", func(t *testing.T) {
			for _, op := range ops {
				for _, status := range wanted(op) {
					if !s.seen.has(op, status) {
						t.Errorf("%s, %s %s: no test saw it answer %d", op, op.Method, op.Path, status)
					}
				}
			}
		})
	})
}

// unprovoked is declared errors that nothing brings about today, with the reason.
var unprovoked = map[string]map[int]string{
	"*": {
		429: "limits are off here; TestRateLimit has it",
		500: "is a fault of the server",
		502: "is a fault of another server",
	},
	"msp MSP Customer V2#BulkCreateV2":        {422: "what a rule refuses is told of the item"},
	"msp MSP Customer V2#BulkDeleteV2":        {422: "what a rule refuses is told of the item"},
	"iam Capability#index":                    {422: "nothing in a list of what is held could be"},
	"iam Access Policy#delete":                {409: "nothing holds a policy fast"},
	"iam Contracts#create":                    {409: "a contract that exists is changed, as the contract says"},
	"iam User Invitation#index":               {404: "a list of one's own may be empty"},
	"iam Refresh Token#Show":                  {403: "one's own tokens are one's own", 422: "it takes nothing that could be"},
	"espalier Me#show":                        {400: "it takes nothing that could be wrong", 403: "everyone may see who they are"},
	"espalier Token#index":                    {400: "it takes nothing that could be wrong", 403: "one's own tokens are one's own"},
	"espalier Token#create":                   {403: "one's own tokens are one's own"},
	"espalier Token#revoke":                   {403: "one's own tokens are one's own"},
	"token Token#token":                       {403: "there is no right to it"},
	"iam Group Membership#replace":            {409: "nothing hands a user group to a directory yet; the tests of store have it"},
	"iam Group Membership#delete":             {409: "as replace"},
	"iam User#create":                         {404: "an organization the caller has no tie to aside, nothing is looked for"},
	"iam Group#create":                        {404: "as User#create"},
	"iam User Memberships#index":              {403: "whom one may not see is not found"},
	"iam User Memberships#indexProjects":      {403: "whom one may not see is not found"},
	"iam SAML2 Single Identity Provider#show": {401: "anybody may ask", 403: "anybody may ask"},
}

// wanted is the statuses that some test has to see.
func wanted(op operation) []int {
	var list []int
	for _, r := range op.Responses {
		if unprovoked["*"][r.Status] == "" && unprovoked[op.String()][r.Status] == "" {
			list = append(list, r.Status)
		}
	}
	return list
}

// msp is a root organization of one test, asked as its owner.
type msp struct {
	caller
	server *server
	root   root
}

func newMSP(t *testing.T, s *server, name string, flags ...string) *msp {
	t.Helper()
	owner := strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(name)) + "@msp.example"
	r := s.newRoot(t, name, owner, flags...)
	return &msp{s.signIn(t, r.RefreshToken), s, r}
}

// at is a path below the organization: at("/msp/v2", "/customers").
func (m *msp) at(api, format string, args ...any) string {
	return fmt.Sprintf("%s/orgs/%d%s", api, m.root.OrgID, fmt.Sprintf(format, args...))
}

// object is a JSON object.
type object = map[string]any

// newCustomer is the body of a create; more replaces or adds members.
func newCustomer(name string, more object) object {
	body := object{
		"name":         name,
		"capabilities": []object{{"name": "policy"}},
		"owners":       []object{{"email": "ann@acme.example", "firstName": "Ann", "lastName": "Lee"}},
	}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// create makes a customer and returns its id.
func (m *msp) create(name string, more object) int64 {
	m.t.Helper()
	location := m.do("POST", m.at("/msp/v2", "/customers"), newCustomer(name, more)).want(201).header.Get("Location")
	var id int64
	if _, err := fmt.Sscanf(location, m.at("/msp/v2", "/customers/%s", "%d"), &id); err != nil {
		m.t.Fatalf("create %q: Location %q: %v", name, location, err)
	}
	return id
}

// customer is a customer of any API, as far as tests look at it.
type customer struct {
	ID                int64
	Name              string
	ExternalID        string
	Description       string
	NumberOfCustomers *int
	Capabilities      []capability
	Owners            []struct {
		ID                         int64
		Email, FirstName, LastName string
	}
	Tags []string
}

type capability struct {
	Name               string
	ExpiresAt          *time.Time
	HasCustomExpiry    *bool
	InUseByCustomers   *bool
	EffectiveExpiresAt *time.Time
	Active             *bool
}

func (c customer) capability(name string) capability {
	i := slices.IndexFunc(c.Capabilities, func(k capability) bool { return k.Name == name })
	if i < 0 {
		return capability{}
	}
	return c.Capabilities[i]
}

func (c customer) capabilities() []string {
	var names []string
	for _, k := range c.Capabilities {
		names = append(names, k.Name)
	}
	slices.Sort(names)
	return names
}

func names(list []customer) []string {
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testCreate(version int) func(*msp) {
	return func(m *msp) {
		api := fmt.Sprintf("/msp/v%d", version)
		body := newCustomer("Acme", object{"externalId": "A-1", "description": "one\ntwo", "capabilities": []object{
			{"name": "policy", "expiresAt": "2031-06-30T00:00:00Z", "hasCustomExpiry": true}, {"name": "fcm"}}})
		a := m.do("POST", m.at(api, "/customers"), body).want(201)
		equal(m.t, "body of the 201", a.body, "")
		location := a.header.Get("Location")
		if !strings.HasPrefix(location, m.at(api, "/customers/")) {
			m.t.Fatalf("Location: got %q, want a customer of version %d", location, version)
		}
		var c customer
		m.do("GET", location, nil).want(200).into(&c) // at once
		equal(m.t, "name", c.Name, "Acme")
		equal(m.t, "externalId", c.ExternalID, "A-1")
		equal(m.t, "description", c.Description, "one\ntwo")
		equal(m.t, "capabilities", c.capabilities(), []string{"fcm", "iam", "policy"})
		equal(m.t, "owner", c.Owners[0].Email, "ann@acme.example")

		m.do("POST", m.at(api, "/customers"), newCustomer("", nil)).wantError(400, "bad_request", "name")
		m.do("POST", m.at(api, "/customers"), newCustomer("B", object{"owners": []object{}})).wantError(400, "bad_request", "owners")
		m.do("POST", m.at(api, "/customers"), newCustomer("B", object{"capabilities": []object{}})).wantError(400, "bad_request", "capabilities")
		m.do("POST", m.at(api, "/customers"), newCustomer("B", object{"capabilities": []object{{"name": "nope"}}})).wantError(422, "unprocessable_entity", "nope")
		m.do("POST", m.at(api, "/customers"), newCustomer("B", object{"capabilities": []object{{"name": "policy", "hasCustomExpiry": true}}})).
			wantError(400, "bad_request", "capabilities[0]", "expiresAt")
		var list []customer
		m.do("GET", m.at(api, "/customers"), nil).want(200).into(&list)
		equal(m.t, "customers after the refusals", names(list), []string{"Acme"})
	}
}

func testList(version int) func(*msp) {
	return func(m *msp) {
		api := fmt.Sprintf("/msp/v%d", version)
		m.do("GET", m.at(api, "/customers"), nil).want(200)
		for _, name := range []string{"Acme East", "Acme West", "Bolt East", "O'Hara"} {
			m.create(name, nil)
		}
		for filter, want := range map[string][]string{
			``:                    {"Acme East", "Acme West", "Bolt East", "O'Hara"},
			`name co 'acme'`:      {"Acme East", "Acme West"},
			`name eq 'Bolt East'`: {"Bolt East"},
			`name ne 'Bolt East'`: {"Acme East", "Acme West", "O'Hara"},
			`name co 'Bolt' or name co 'Acme' and name co 'West'`:   {"Acme West", "Bolt East"}, // and binds tighter
			`(name co 'Bolt' or name co 'Acme') and name co 'West'`: {"Acme West"},
			`name eq 'nobody'`: nil,
		} {
			var list []customer
			m.do("GET", m.at(api, "/customers?filter=%s", url.QueryEscape(filter)), nil).want(200).into(&list)
			equal(m.t, "filter "+filter, names(list), want)
		}
		for filter, position := range map[string]string{
			`name EQ 'x'`: "6", `nam co 'x'`: "1", `name co 'x`: "9", `(name co 'x'`: "13", `name co 'x' and`: "16", `name gt 'x'`: "6", `not name eq 'x'`: "1",
		} {
			m.do("GET", m.at(api, "/customers?filter=%s", url.QueryEscape(filter)), nil).wantError(400, "bad_request", "filter", position)
		}
		head := m.do("HEAD", m.at(api, "/customers"), nil).want(200)
		equal(m.t, "body of HEAD", head.body, "")
	}
}

func testViews(m *msp) {
	id := m.create("Acme", object{"description": "d"})
	for _, version := range []int{1, 2} {
		for view, full := range map[string]bool{"": true, "default": true, "extended": true, "index": false} {
			var c customer
			m.do("GET", m.at(fmt.Sprintf("/msp/v%d", version), "/customers/%d?view=%s", id, view), nil).want(200).into(&c)
			equal(m.t, view+": owners are shown", c.Owners != nil, full)
			equal(m.t, view+": capabilities are shown", c.Capabilities != nil, full)
			equal(m.t, view+": numberOfCustomers is shown", c.NumberOfCustomers != nil, version == 2)
		}
		m.do("GET", m.at(fmt.Sprintf("/msp/v%d", version), "/customers/%d?view=tiny", id), nil).wantError(400, "bad_request", "view")
		m.do("GET", m.at(fmt.Sprintf("/msp/v%d", version), "/customers/999999"), nil).wantError(404, "not_found")
	}
	var c customer
	m.do("GET", m.at("/msp/v2", "/customers/%d", id), nil).want(200).into(&c)
	equal(m.t, "inUseByCustomers", *c.capability("policy").InUseByCustomers, false)
}

func testUpdate(m *msp) {
	for _, version := range []int{1, 2} {
		id := m.create("Acme", object{"description": "d", "externalId": "x"})
		path := m.at(fmt.Sprintf("/msp/v%d", version), "/customers/%d", id)
		show := m.at("/msp/v2", "/customers/%d", id)
		a := m.do("PATCH", path, object{"name": "Acme SE"}).want(204)
		equal(m.t, "body of the 204", a.body, "")
		var c customer
		m.do("GET", show, nil).want(200).into(&c)
		equal(m.t, "what was not given stays", []string{c.Name, c.Description, c.ExternalID}, []string{"Acme SE", "d", "x"})
		m.do("PATCH", path, object{"NAME": "Acme AG", "unknown": 1, "description": ""}).want(204) // letter case does not count
		m.do("PATCH", path, object{"capabilities": []object{{"name": "fcm", "expiresAt": "2031-01-01T00:00:00Z"}}}).want(204)
		c = customer{}
		m.do("GET", show, nil).want(200).into(&c)
		equal(m.t, "name and description", []string{c.Name, c.Description}, []string{"Acme AG", ""})
		equal(m.t, "the list is whole", c.capabilities(), []string{"fcm", "iam"})
		equal(m.t, "an end without the flag is one's own", *c.capability("fcm").HasCustomExpiry, true)
		m.do("PATCH", path, object{"capabilities": []object{{"name": "nope"}}}).wantError(422, "unprocessable_entity", "nope")
		m.do("PATCH", path, object{"name": strings.Repeat("x", 513)}).wantError(400, "bad_request", "name", "512")
		m.do("PATCH", m.at(fmt.Sprintf("/msp/v%d", version), "/customers/999999"), object{"name": "x"}).wantError(404, "not_found")
	}
}

func testDelete(m *msp) {
	parent := m.create("Parent", object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}, "owners": []object{{"email": "pat@parent.example"}}})
	p := m.asOwnerOf(parent, "pat@parent.example")
	child := p.create("Child", nil)
	m.do("DELETE", m.at("/msp/v1", "/customers/%d", parent), nil).wantError(400, "organization_has_children", "Child")
	m.do("DELETE", m.at("/msp/v2", "/customers/%d", parent), nil).wantError(409, "organization_has_children", "Child")
	p.do("DELETE", p.at("/msp/v1", "/customers/%d", child), nil).want(204)
	m.do("DELETE", m.at("/msp/v2", "/customers/%d", parent), nil).want(204)
	m.do("DELETE", m.at("/msp/v2", "/customers/%d", parent), nil).wantError(404, "not_found")
	if again := m.create("Parent", nil); again <= child {
		m.t.Errorf("the id %d was used before", again)
	}
}

// asOwnerOf asks as the owner of a customer.
func (m *msp) asOwnerOf(id int64, email string) *msp {
	m.t.Helper()
	c := *m
	c.caller = m.server.user(m.t, email)
	c.root.OrgID = ref.OrgID(id)
	return &c
}

func testConstraints(m *msp) {
	asParent := object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}, "owners": []object{{"email": "max@parent.example"}}}
	parent := m.create("Parent", asParent)
	p := m.asOwnerOf(parent, "max@parent.example")
	for _, version := range []string{"/msp/v1", "/msp/v2"} { // depth: the root's default is 1
		p.do("POST", p.at(version, "/customers"), newCustomer("Deep", asParent)).wantError(422, "msp_capability_validation_failed", "msp")
	}
	child := p.create("Child", nil)
	for version, status := range map[string]int{"/msp/v1": 422, "/msp/v2": 409} {
		m.do("PATCH", m.at(version, "/customers/%d", parent), object{"capabilities": []object{{"name": "msp"}}}).wantError(status, "capabilities_in_use", "Child", "policy")
		p.do("PATCH", p.at(version, "/customers/%d", child), object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}}).
			wantError(422, "msp_capability_validation_failed")
		p.do("PATCH", p.at(version, "/customers/%d", child), object{"capabilities": []object{{"name": "fcm"}}}).wantError(422, "unprocessable_entity", "fcm")
	}
	var shown customer
	m.do("GET", m.at("/msp/v2", "/customers/%d", parent), nil).want(200).into(&shown)
	equal(m.t, "inUseByCustomers", *shown.capability("policy").InUseByCustomers, true)
	equal(m.t, "numberOfCustomers", *shown.NumberOfCustomers, 1)

	m.server.run(m.t, "org", "set-capability", fmt.Sprint(m.root.OrgID), "msp", "--term", "maxWidth=1")
	within(m.t, "the width counts", func() bool {
		var c object
		m.do("GET", m.at("/iam/v1", "/capabilities/msp"), nil).want(200).into(&c)
		return c["terms"].(object)["maxWidth"] == 1.0
	})
	m.do("POST", m.at("/msp/v1", "/customers"), newCustomer("More", nil)).wantError(422, "customer_limit_reached", "maxWidth")
	m.do("POST", m.at("/msp/v2", "/customers"), newCustomer("More", nil)).wantError(409, "customer_limit_reached", "maxWidth")
}

// within waits until something is so, at most the 5 seconds that several servers may take to agree.
func within(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if so() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 5 s", what)
		}
	}
}

func testOwners(m *msp) {
	id := m.create("Acme", nil)
	for version, status := range map[string]int{"/msp/v1": 422, "/msp/v2": 422} {
		m.do("PATCH", m.at(version, "/customers/%d", id), object{"owners": []object{}}).wantError(status, "owner_required", fmt.Sprint(id))
	}
	m.do("PATCH", m.at("/msp/v2", "/customers/%d", id), object{"owners": []object{{"email": "BOB@acme.example"}, {"email": "ann@acme.example"}}}).want(204)
	m.do("PATCH", m.at("/msp/v2", "/customers/%d", id), object{"owners": []object{{"email": "bob@acme.example"}}}).want(204)
	var c customer
	m.do("GET", m.at("/msp/v2", "/customers/%d", id), nil).want(200).into(&c)
	equal(m.t, "owners", len(c.Owners), 1)
	equal(m.t, "the address is kept as it was first given", c.Owners[0].Email, "BOB@acme.example")
	m.do("PATCH", m.at("/msp/v2", "/customers/%d", id), object{"owners": []object{{"email": "a@b.example"}, {"email": "A@b.example"}}}).wantError(400, "bad_request", "owners[1]")
}

func tags(list ...string) object {
	items := make([]object, len(list))
	for i, tag := range list {
		items[i] = object{"tag": tag}
	}
	return object{"tags": items}
}

func testTags(m *msp) {
	id := m.create("Acme", nil)
	path := m.at("/msp/v1", "/customers/%d/tags", id)
	var all struct{ Tags []struct{ Tag string } }
	m.do("POST", path, tags("tier:gold", "region:us-east")).want(201).into(&all)
	m.do("POST", path, tags("tier:gold", "a/b c")).want(201).into(&all) // twice is harmless, and the others stay
	equal(m.t, "tags in the answer", len(all.Tags), 3)
	var list []struct{ Tag string }
	m.do("GET", path, nil).want(200).into(&list)
	equal(m.t, "tags", fmt.Sprint(list), "[{a/b c} {region:us-east} {tier:gold}]")
	m.do("DELETE", path+"/"+url.PathEscape("a/b c"), nil).want(204)
	m.do("DELETE", path+"/"+url.PathEscape("a/b c"), nil).wantError(404, "not_found")
	var many []string
	for i := range 23 {
		many = append(many, fmt.Sprintf("n:%d", i))
	}
	m.do("POST", path, tags(append([]string{"too:many"}, many...)...)).wantError(400, "bad_request", "tags", "26", "25")
	m.do("POST", path, tags(many...)).want(201)
	m.do("POST", path, tags("too:many")).wantError(400, "bad_request", "tags", "26")
	m.do("GET", path, nil).want(200).into(&list)
	equal(m.t, "number of tags", len(list), 25)
	m.do("GET", m.at("/msp/v1", "/customers/999999/tags"), nil).wantError(404, "not_found")
	m.do("POST", m.at("/msp/v1", "/customers/999999/tags"), tags("x")).wantError(404, "not_found")
}

func testSelectByTags(m *msp) {
	ids := map[string]int64{}
	for name, list := range map[string][]string{"a": {"tier:gold", "region:emea"}, "b": {"tier:gold", "region:us"}, "c": {"tier:silver"}, "d": nil} {
		ids[name] = m.create(name, nil)
		if list != nil {
			m.do("POST", m.at("/msp/v1", "/customers/%d/tags", ids[name]), tags(list...)).want(201)
		}
	}
	for filter, want := range map[string]string{ // tags is the literal, not the id of a customer
		``:                    "abcd",
		`tags eq 'tier:gold'`: "ab",
		`tags ne 'tier:gold'`: "cd",
		`tags co 'tier:'`:     "abc",
		`tags eq 'tier:silver' or tags eq 'tier:gold' and tags eq 'region:us'`:   "bc",
		`(tags eq 'tier:silver' or tags eq 'tier:gold') and tags eq 'region:us'`: "b",
	} {
		var page struct{ Values []struct{ ID int64 } }
		m.do("GET", m.at("/msp/v1", "/customers/tags?filter=%s", url.QueryEscape(filter)), nil).want(200).into(&page)
		got := ""
		for _, name := range []string{"a", "b", "c", "d"} {
			if slices.ContainsFunc(page.Values, func(v struct{ ID int64 }) bool { return v.ID == ids[name] }) {
				got += name
			}
		}
		equal(m.t, "filter "+filter, got, want)
	}
	m.do("GET", m.at("/msp/v1", "/customers/tags?filter=%s", url.QueryEscape(`name eq 'a'`)), nil).wantError(400, "bad_request", "filter", "1")
}

// bulkResult is the answer of both bulk calls.
type bulkResult struct {
	TotalRequested, TotalSuccessful, TotalFailed int
	Results                                      []struct {
		CorrelationID, Status, Location, ErrorCode, ErrorMessage string
		CustomerID                                               int64
	}
}

func testBulkCreate(m *msp) {
	path := m.at("/msp/v2", "/customers/bulk")
	items := []object{
		newCustomer("One", object{"correlationId": "c1"}),
		newCustomer("Two", object{"correlationId": "c2", "capabilities": []object{{"name": "nope"}}}),
		newCustomer("Three", object{"correlationId": "c3"}),
	}
	var r bulkResult
	m.do("POST", path, object{"customers": items}).want(200).into(&r)
	equal(m.t, "totals", []int{r.TotalRequested, r.TotalSuccessful, r.TotalFailed}, []int{3, 2, 1})
	equal(m.t, "correlation", r.Results[1].CorrelationID, "c2")
	equal(m.t, "code", r.Results[1].ErrorCode, "INVALID_OPERATION")
	m.do("GET", r.Results[0].Location, nil).want(200)

	for status, want := range map[string]int{"success": 2, "failed": 1, "": 3} {
		m.do("POST", path+"?status="+status, object{"customers": items}).want(200).into(&r)
		equal(m.t, "results of "+status, len(r.Results), want)
		equal(m.t, "totals stay whole", r.TotalRequested, 3)
	}
	m.do("POST", path+"?status=failed", object{"customers": items[:1]}).want(200).into(&r)
	equal(m.t, "nothing is left", len(r.Results), 0)
	m.do("POST", path+"?status=nope", object{"customers": items[:1]}).wantError(400, "bad_request", "status")

	many := make([]object, 101)
	for i := range many {
		many[i] = newCustomer(fmt.Sprintf("Many %d", i), object{"correlationId": fmt.Sprint(i)})
	}
	m.do("POST", path, object{"customers": many}).wantError(400, "bad_request", "customers", "100")
	m.do("POST", path, object{"customers": many[:100]}).want(200).into(&r)
	equal(m.t, "of a hundred", r.TotalSuccessful, 100)
}

func testBulkDelete(m *msp) {
	path := m.at("/msp/v2", "/customers/bulk-delete")
	a, b := m.create("A", nil), m.create("B", nil)
	var r bulkResult
	m.do("POST", path, object{"customerIds": []int64{a, 999999, b}}).want(200).into(&r)
	equal(m.t, "totals", []int{r.TotalRequested, r.TotalSuccessful, r.TotalFailed}, []int{3, 2, 1})
	equal(m.t, "code", r.Results[1].ErrorCode, "NOT_FOUND")
	m.do("POST", path+"?status=success", object{"customerIds": []int64{a}}).want(200).into(&r)
	equal(m.t, "nothing is left", len(r.Results), 0)
	ids := make([]int64, 101)
	for i := range ids {
		ids[i] = int64(i + 1_000_000)
	}
	m.do("POST", path, object{"customerIds": ids}).wantError(400, "bad_request", "customerIds", "100")
	m.do("POST", path, object{"customerIds": ids[:100]}).want(200)
}

func testIAM(m *msp) {
	var org struct{ Name string }
	m.do("GET", m.at("/iam/v1", ""), nil).want(200).into(&org)
	equal(m.t, "name", org.Name, "iam")
	var projects []struct {
		ID   int64
		Name string
	}
	m.do("GET", m.at("/iam/v1", "/projects"), nil).want(200).into(&projects)
	equal(m.t, "projects", fmt.Sprint(projects), fmt.Sprintf("[{%d main}]", m.root.ProjectID))
	var held []struct{ CapabilityName string }
	m.do("GET", m.at("/iam/v1", "/capabilities"), nil).want(200).into(&held)
	if len(held) < 5 {
		m.t.Errorf("capabilities of a root: got %v", held)
	}
	var shown object
	m.do("GET", m.at("/iam/v1", "/capabilities/msp"), nil).want(200).into(&shown)
	equal(m.t, "terms", shown["terms"], any(object{"maxDepth": 1.0}))
	m.do("GET", m.at("/iam/v1", "/capabilities/nope"), nil).wantError(404, "not_found", "nope")
}

func testEndedCapability(m *msp) {
	id := m.create("Acme", nil)
	m.server.run(m.t, "org", "set-capability", fmt.Sprint(m.root.OrgID), "msp", "--expires", "2026-01-31")
	within(m.t, "the end counts", func() bool { return m.do("GET", m.at("/msp/v2", "/customers/%d", id), nil).status == 403 })
	for method, path := range map[string]string{"GET": "/customers", "POST": "/customers", "PATCH": fmt.Sprintf("/customers/%d", id), "DELETE": fmt.Sprintf("/customers/%d", id)} {
		for _, version := range []string{"/msp/v1", "/msp/v2"} {
			var body any
			if method == "POST" {
				body = newCustomer("B", nil)
			} else if method == "PATCH" {
				body = object{"name": "B"}
			}
			m.do(method, m.at(version, "%s", path), body).wantError(403, "forbidden", "msp", "2026-01-31")
		}
	}
	m.do("GET", m.at("/iam/v1", "/capabilities/msp"), nil).want(200) // what is iam's goes on
	m.server.run(m.t, "org", "set-capability", fmt.Sprint(m.root.OrgID), "msp", "--expires", "never")
	within(m.t, "the renewal counts", func() bool { return m.do("GET", m.at("/msp/v2", "/customers/%d", id), nil).status == 200 })
}

// A role in the parent is none in the customer, and a stranger does not learn that an organization exists.
func testNoInheritance(m *msp) {
	id := m.create("Parent", object{"capabilities": []object{{"name": "msp"}}, "owners": []object{{"email": "ned@parent.example"}}})
	m.do("GET", fmt.Sprintf("/iam/v1/orgs/%d", id), nil).wantError(403, "forbidden")
	m.do("GET", fmt.Sprintf("/msp/v2/orgs/%d/customers", id), nil).wantError(403, "forbidden")
	p := m.asOwnerOf(id, "ned@parent.example")
	p.do("GET", p.at("/msp/v2", "/customers"), nil).want(200)
	p.do("GET", m.at("/msp/v2", "/customers"), nil).wantError(404, "not_found")
	p.do("GET", "/msp/v2/orgs/999999/customers", nil).wantError(404, "not_found")
}

// page is a page of the own list.
type page struct {
	Values   []customer
	Total    int
	NextPage string
}

func testOwnList(m *msp) {
	for i := range 7 {
		id := m.create(fmt.Sprintf("C%d", i), nil)
		if i%2 == 0 {
			m.do("POST", m.at("/msp/v1", "/customers/%d/tags", id), tags("even")).want(201)
		}
	}
	var got []string
	for path := m.at("/espalier/v1", "/customers?limit=3&orderBy=%s", url.QueryEscape("name desc")); path != ""; {
		var p page
		m.do("GET", path, nil).want(200).into(&p)
		equal(m.t, "total", p.Total, 7)
		for _, c := range p.Values {
			got = append(got, c.Name)
		}
		path = p.NextPage
	}
	equal(m.t, "all pages", got, []string{"C6", "C5", "C4", "C3", "C2", "C1", "C0"})
	var p page
	m.do("GET", m.at("/espalier/v1", "/customers?filter=%s", url.QueryEscape("tags eq 'even' and name ne 'C0'")), nil).want(200).into(&p)
	equal(m.t, "filtered", names(p.Values), []string{"C2", "C4", "C6"})
	equal(m.t, "total of the filtered", p.Total, 3)
	var counts struct {
		Values []struct {
			Tag       string
			Customers int
		}
	}
	m.do("GET", m.at("/espalier/v1", "/tags"), nil).want(200).into(&counts)
	equal(m.t, "tags", fmt.Sprint(counts.Values), "[{even 4}]")
	m.do("GET", m.at("/espalier/v1", "/customers?skipToken=nope"), nil).wantError(400, "bad_request", "skipToken")
	m.do("GET", m.at("/espalier/v1", "/customers?orderBy=nope"), nil).wantError(400, "bad_request", "orderBy")
}

func testOwnCustomer(m *msp) {
	m.server.run(m.t, "org", "set-capability", fmt.Sprint(m.root.OrgID), "policy", "--expires", "2030-01-31")
	id := m.create("Acme", object{"capabilities": []object{{"name": "policy", "expiresAt": "2031-06-30T00:00:00Z"}}})
	var c customer
	m.do("GET", m.at("/espalier/v1", "/customers/%d", id), nil).want(200).into(&c)
	equal(m.t, "the end as it was stored", c.capability("policy").ExpiresAt.Format(time.DateOnly), "2031-06-30")
	equal(m.t, "the end that counts", c.capability("policy").EffectiveExpiresAt.Format(time.DateOnly), "2030-01-31")
	equal(m.t, "active", *c.capability("policy").Active, true)
	var held struct{ Values []capability }
	m.do("GET", m.at("/espalier/v1", "/capabilities"), nil).want(200).into(&held)
	if len(held.Values) < 5 {
		m.t.Errorf("capabilities of a root: got %v", held.Values)
	}
	m.do("GET", m.at("/espalier/v1", "/customers/999999"), nil).wantError(404, "not_found")
}

const customersCSV = "name,externalId,description,capabilities,owners,tags\n" +
	"Acme,A-1,first,iam;policy@2031-06-30,Ann Lee <ann@acme.example>,tier:gold;region:emea\n" +
	"Bolt,B-1,=1+1,iam;fcm,bob@bolt.example,\n"

func testImportExport(m *msp) {
	type result struct {
		Applied                                    bool
		Total, Created, Updated, Unchanged, Failed int
		Rows                                       []struct {
			Row    int
			Errors []struct{ Column, Message string }
		}
	}
	send := func(query, csv string) result {
		var r result
		m.do("POST", m.at("/espalier/v1", "/customers/import%s", query), csv, "Content-Type", "text/csv", "Accept", "application/json").want(200).into(&r)
		return r
	}
	sums := func(r result) []int { return []int{r.Total, r.Created, r.Updated, r.Unchanged, r.Failed} }
	bad := send("", customersCSV+"Cut,C-1,,nope,nobody,\n")
	equal(m.t, "a file with an error is not applied", bad.Applied, false)
	equal(m.t, "columns at fault", fmt.Sprint(bad.Rows[2].Row, len(bad.Rows[2].Errors)), "4 2")
	equal(m.t, "dry run", sums(send("?dryRun=true", customersCSV)), []int{2, 2, 0, 0, 0})
	equal(m.t, "first run", sums(send("", customersCSV)), []int{2, 2, 0, 0, 0})
	equal(m.t, "second run", sums(send("", customersCSV)), []int{2, 0, 0, 2, 0})

	lines := m.do("POST", m.at("/espalier/v1", "/customers/import"), customersCSV, "Content-Type", "text/csv", "Accept", "application/x-ndjson").want(200)
	equal(m.t, "type of a stream", lines.header.Get("Content-Type"), "application/x-ndjson")
	m.do("POST", m.at("/espalier/v1", "/customers/import"), "nonsense\n1\n", "Content-Type", "text/csv").wantError(400, "bad_request", "nonsense")

	exported := m.do("GET", m.at("/espalier/v1", "/customers/export"), nil).want(200)
	if !strings.Contains(exported.body, "'=1+1") {
		m.t.Errorf("the formula is not made harmless:\n%s", exported.body)
	}
	equal(m.t, "export read again", sums(send("", exported.body)), []int{2, 0, 0, 2, 0})
	filtered := m.do("GET", m.at("/espalier/v1", "/customers/export?filter=%s", url.QueryEscape("name eq 'Acme'")), nil).want(200)
	equal(m.t, "lines of the filtered export", strings.Count(filtered.body, "\n"), 2)
	sheet := m.do("GET", m.at("/espalier/v1", "/customers/export?format=xlsx"), nil).want(200)
	equal(m.t, "begin of the workbook", sheet.body[:2], "PK")
	m.do("GET", m.at("/espalier/v1", "/customers/export?format=ods"), nil).wantError(400, "bad_request", "format")
}

func testMe(m *msp) {
	var me struct {
		UserID int64
		Email  string
		Orgs   []struct {
			ID    int64
			Roles []string
		}
	}
	m.do("GET", "/espalier/v1/me", nil).want(200).into(&me)
	equal(m.t, "me", fmt.Sprint(me), fmt.Sprintf("{%d %s [{%d [org_owner]}]}", m.root.UserID, m.root.Email, m.root.OrgID))
}

func testRefreshTokens(m *msp) {
	var made struct{ ID, Token string }
	location := m.do("POST", "/espalier/v1/tokens", object{"name": "nightly"}).want(201)
	location.into(&made)
	other := m.server.signIn(m.t, made.Token)
	var list struct {
		Values []struct {
			ID, Name string
			Current  bool
		}
	}
	other.do("GET", "/espalier/v1/tokens", nil).want(200).into(&list)
	equal(m.t, "tokens, newest first", fmt.Sprint(list.Values[0]), fmt.Sprintf("{%s nightly true}", made.ID))
	m.do("DELETE", "/espalier/v1/tokens/"+made.ID, nil).want(204)
	other.do("GET", "/espalier/v1/me", nil).wantError(401, "unauthorized") // at once, its access tokens too
	m.do("DELETE", "/espalier/v1/tokens/"+made.ID, nil).wantError(404, "not_found")
	m.do("POST", "/espalier/v1/tokens", object{"name": strings.Repeat("x", 257)}).wantError(400, "bad_request", "name")
	m.server.nobody(m.t).do("POST", "/oidc/token", object{"grant_type": "refresh_token", "refresh_token": made.Token}).wantError(401, "unauthorized", "revoked")
}

func testTokenExchange(m *msp) {
	none := m.server.nobody(m.t)
	body := object{"grant_type": "refresh_token", "refresh_token": m.root.RefreshToken}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {m.root.RefreshToken}}.Encode()
	const formType = "application/x-www-form-urlencoded"
	for name, a := range map[string]answer{
		"JSON":                         none.do("POST", "/oidc/token", body),
		"a form":                       none.do("POST", "/oidc/token", form, "Content-Type", formType),
		"JSON under the type of curl":  none.do("POST", "/oidc/token", fmt.Sprintf(`{"grant_type":"refresh_token","refresh_token":%q}`, m.root.RefreshToken), "Content-Type", formType),
		"JSON without a type":          none.do("POST", "/oidc/token", fmt.Sprintf(`{"grant_type":"refresh_token","refresh_token":%q}`, m.root.RefreshToken), "Content-Type", ""),
		"members in other letter case": none.do("POST", "/oidc/token", object{"Grant_Type": "refresh_token", "REFRESH_TOKEN": m.root.RefreshToken}),
	} {
		var granted struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"`
			TokenType   string `json:"token_type"`
		}
		a.want(200).into(&granted)
		if granted.ExpiresIn != 3600 || granted.TokenType != "Bearer" || granted.AccessToken == "" {
			m.t.Errorf("%s: got %+v", name, granted)
		}
	}
	none.do("POST", "/oidc/token", object{"grant_type": "client_credentials"}).wantError(400, "bad_request", "client_credentials", "client_secret")
	none.do("POST", "/oidc/token", object{"grant_type": "authorization_code"}).wantError(400, "bad_request", "discovery")
	none.do("POST", "/oidc/token", object{"grant_type": "refresh_token"}).wantError(400, "bad_request", "refresh_token")
	none.do("POST", "/oidc/token", object{"grant_type": "refresh_token", "refresh_token": "esp_no"}).want(401)
	none.do("POST", "/oidc/token", form+"&grant_type=refresh_token", "Content-Type", formType).wantError(400, "bad_request", "grant_type")
}

func testBodyForms(m *msp) {
	path := m.at("/msp/v2", "/customers")
	text := `{"name":"Chunk","capabilities":[{"name":"policy"}],"owners":[{"email":"ann@acme.example"}]}`
	chunked := struct{ io.Reader }{strings.NewReader(text)} // its length is not known, so it travels in chunks
	m.do("POST", path, chunked).want(201)
	m.do("POST", path, text, "Content-Type", "application/x-www-form-urlencoded").want(201)
	m.do("POST", path, text, "Content-Type", "application/json; charset=utf-8").want(201)
	m.do("POST", path, text, "Content-Type", "").want(201)
	m.do("POST", path, strings.Replace(text, `"name"`, `"Name"`, 1)).want(201)
	m.do("POST", path, strings.Replace(text, `"name"`, `"Name":"x","name"`, 1)).wantError(400, "bad_request", "name")
	m.do("POST", path, "name=x", "Content-Type", "application/x-www-form-urlencoded").wantError(400, "bad_request", "Content-Type")
	m.do("POST", path, text, "Content-Type", "text/plain").wantError(400, "bad_request", "text/plain")
	m.do("POST", path, nil).wantError(400, "bad_request", "body")
}

func testUnknown(m *msp) {
	m.do("GET", "/msp/v3/orgs/1", nil).wantError(404, "not_found", "/msp/v3/orgs/1")
	m.do("GET", m.at("/iam/v1", "/idols"), nil).wantError(404, "not_found", "/idols")
	a := m.do("PUT", m.at("/msp/v2", "/customers"), object{})
	a.wantError(405, "method_not_allowed", "PUT")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		if !strings.Contains(a.header.Get("Allow"), method) {
			m.t.Errorf("Allow: got %q, want %s in it", a.header.Get("Allow"), method)
		}
	}
	m.do("GET", m.at("/msp/v2", "/customers/bulk"), nil).want(400) // an id is asked for
	id := m.do("GET", "/espalier/v1/me", nil, "X-Request-Id", "from-a-proxy").header.Get("X-Request-Id")
	equal(m.t, "request id", id, "from-a-proxy")
}
