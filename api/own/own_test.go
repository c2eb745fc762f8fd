package own_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/api/doortest"
	"espalier.dev/api/own"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store"
	"espalier.dev/store/migrations"
	"espalier.dev/store/storetest"
	"espalier.dev/token"
)

// tokens is refresh tokens in memory.
type tokens struct{ list []token.RefreshToken }

func (ts *tokens) List(_ context.Context, by access.Caller) ([]token.RefreshToken, error) {
	return slices.DeleteFunc(slices.Clone(ts.list), func(t token.RefreshToken) bool { return t.User != by.User }), nil
}

func (ts *tokens) Create(_ context.Context, by access.Caller, name string) (token.RefreshToken, string, error) {
	t := token.RefreshToken{ID: ref.TokenID(fmt.Sprintf("t%d", len(ts.list)+1)), User: by.User, Name: name, CreatedAt: today, ExpiresAt: today.AddDate(1, 0, 0)}
	ts.list = append(ts.list, t)
	return t, "secret of " + string(t.ID), nil
}

func (ts *tokens) Revoke(_ context.Context, by access.Caller, id ref.TokenID) error {
	i := slices.IndexFunc(ts.list, func(t token.RefreshToken) bool { return t.ID == id && t.User == by.User })
	if i < 0 {
		return errs.NotFoundf("you have no refresh token %s", id)
	}
	ts.list = slices.Delete(ts.list, i, i+1)
	return nil
}

var today = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// world is a server with one MSP, organization 1, whose owner Olga is user 1; the session of every user is t1.
type world struct {
	t      *testing.T
	url    string
	client *http.Client
	orgs   *org.Service
}

func newWorld(t *testing.T, customers string) world {
	t.Helper()
	db := store.New(storetest.SQLite(t, migrations.Files()))
	now := func() time.Time { return today }
	guard, err := access.NewGuard(access.Config{Loader: db.Access(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	db.Tell(guard)
	catalog, err := org.NewCatalog(nil)
	if err != nil {
		t.Fatal(err)
	}
	orgs, err := org.New(org.Config{Store: db.Org(), Guard: guard, Now: now, Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	people, err := iam.New(iam.Config{Store: db.IAM(), Guard: guard, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	d, err := door.New(door.Config{Authenticate: authenticate})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Mount(own.API, own.Handlers(own.Config{Orgs: orgs, People: people, Tokens: &tokens{}, Catalog: catalog, Now: now})); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	width := int64(2000)
	_, err = orgs.CreateRoot(t.Context(), access.Operator("test"), org.NewRoot{Name: "Northwind MSP", Owner: org.Owner{Email: "olga@northwind.example", FirstName: "Olga"},
		Capabilities: []string{"msp", "policy", "fcm"}, MaxWidth: &width})
	if err != nil {
		t.Fatal(err)
	}
	w := world{t, server.URL, &http.Client{Transport: doortest.Transport(t, http.DefaultTransport)}, orgs}
	ends := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := orgs.SetCapability(t.Context(), access.Operator("test"), org.SetCapability{Org: 1, Name: "fcm", ExpiresAt: &ends}); err != nil {
		t.Fatal(err)
	}
	if customers != "" {
		if a := w.send("POST", "/espalier/v1/orgs/1/customers/import", customers); a.status != 200 || !strings.Contains(a.body, `"failed":0`) {
			t.Fatalf("import of the customers: %d %s", a.status, a.body)
		}
	}
	return w
}

// authenticate takes a user's id for a token.
func authenticate(_ context.Context, r *http.Request) (access.Caller, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), 10, 64)
	if err != nil {
		return access.Caller{}, errs.Unauthenticatedf("no token")
	}
	return access.Caller{User: ref.UserID(id), Session: "t1"}, nil
}

// answer is an answer that was read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// send asks as Olga unless a header says otherwise.
func (w world) send(method, target, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer 1")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// get reads a JSON answer of 200 as lines of sorted, indented JSON, without times that pass.
func (w world) get(target string) any {
	w.t.Helper()
	a := w.send("GET", target, "")
	if a.status != 200 {
		w.t.Fatalf("GET %s: %d %s", target, a.status, a.body)
	}
	return timeless(w.t, a.body)
}

func timeless(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				strip(item)
			}
		case map[string]any:
			delete(v, "createdAt")
			delete(v, "updatedAt")
			for _, item := range v {
				strip(item)
			}
		}
	}
	strip(v)
	return v
}

func compare(t *testing.T, what string, got any, want string) {
	t.Helper()
	if diff := cmp.Diff(got, timeless(t, want)); diff != "" {
		t.Errorf("%s (-got +want):\n%s", what, diff)
	}
}

const customersCSV = "name,externalId,description,capabilities,owners,tags\n" +
	"Acme,A-1,Anvils,iam;policy@2026-01-01;fcm,Zoe Lee <zoe@acme.example>;bo@acme.example,tier:gold;region:emea\n" +
	"bolt,,,iam,bea@bolt.example,tier:gold\n" +
	"Cog,,,msp;policy,cy@cog.example,\n" +
	"Dune,D-1,,policy@2030-01-01,olga@northwind.example,\n"

func TestMe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	compare(t, "Me", w.get("/espalier/v1/me"), `{"userId": 1, "email": "olga@northwind.example", "firstName": "Olga", "orgs": [
		{"id": 5, "name": "Dune", "parentId": 1, "roles": ["org_owner"]}, {"id": 1, "name": "Northwind MSP", "roles": ["org_owner"]}]}`)
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	compare(t, "list", w.get("/espalier/v1/orgs/1/customers?limit=2"), `{"total": 4, "nextPage": "`+w.next("?limit=2")+`", "values": [
		{"id": 2, "name": "Acme", "externalId": "A-1", "description": "Anvils", "numberOfCustomers": 0, "tags": ["region:emea", "tier:gold"], "nextExpiresAt": "2026-01-01T00:00:00Z", "capabilities": [
			{"name": "fcm", "hasCustomExpiry": false, "effectiveExpiresAt": "2027-01-01T00:00:00Z", "active": true},
			{"name": "iam", "hasCustomExpiry": false, "active": true},
			{"name": "policy", "hasCustomExpiry": true, "expiresAt": "2026-01-01T00:00:00Z", "effectiveExpiresAt": "2026-01-01T00:00:00Z", "active": false}]},
		{"id": 3, "name": "bolt", "numberOfCustomers": 0, "tags": ["tier:gold"], "capabilities": [{"name": "iam", "hasCustomExpiry": false, "active": true}]}]}`)
	compare(t, "show", w.get("/espalier/v1/orgs/1/customers/2"), `{"id": 2, "name": "Acme", "externalId": "A-1", "description": "Anvils", "numberOfCustomers": 0,
		"tags": ["region:emea", "tier:gold"], "nextExpiresAt": "2026-01-01T00:00:00Z", "capabilities": [
			{"name": "fcm", "hasCustomExpiry": false, "effectiveExpiresAt": "2027-01-01T00:00:00Z", "active": true, "inUseByCustomers": false},
			{"name": "iam", "hasCustomExpiry": false, "active": true, "inUseByCustomers": false},
			{"name": "policy", "hasCustomExpiry": true, "expiresAt": "2026-01-01T00:00:00Z", "effectiveExpiresAt": "2026-01-01T00:00:00Z", "active": false, "inUseByCustomers": false}],
		"owners": [{"id": 2, "email": "bo@acme.example"}, {"id": 3, "email": "zoe@acme.example", "firstName": "Zoe", "lastName": "Lee"}]}`)
	compare(t, "show a parent", w.get("/espalier/v1/orgs/1/customers/4"), `{"id": 4, "name": "Cog", "numberOfCustomers": 0, "tags": [], "capabilities": [
			{"name": "iam", "hasCustomExpiry": false, "active": true, "inUseByCustomers": false},
			{"name": "msp", "hasCustomExpiry": false, "active": true, "inUseByCustomers": false, "terms": {"maxDepth": 0}},
			{"name": "policy", "hasCustomExpiry": false, "active": true, "inUseByCustomers": false}],
		"owners": [{"id": 5, "email": "cy@cog.example"}]}`)
}

// next is the nextPage of a list, escaped for JSON.
func (w world) next(query string) string {
	w.t.Helper()
	page, ok := w.get("/espalier/v1/orgs/1/customers" + query).(map[string]any)["nextPage"].(string)
	if !ok {
		w.t.Fatalf("%s: has no next page", query)
	}
	return page
}

// Pages of any order and size are the whole list, each customer once.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	tests := []struct{ query, want string }{
		{"", "Acme bolt Cog Dune"},
		{"orderBy=name desc", "Dune Cog bolt Acme"},
		{"orderBy=id", "Acme bolt Cog Dune"},
		{"orderBy=id desc", "Dune Cog bolt Acme"},
		{"orderBy=externalId", "bolt Cog Acme Dune"},
		{"orderBy=externalId desc", "Dune Acme Cog bolt"},
		{"orderBy=nextExpiresAt", "Acme Dune bolt Cog"},
		{"orderBy=nextExpiresAt desc", "Dune Acme Cog bolt"},
		{"orderBy=createdAt", "Acme bolt Cog Dune"},
		{"orderBy=updatedAt desc", "Dune Cog bolt Acme"},
		{"filter=tags eq 'tier:gold'", "Acme bolt"},
		{"filter=not tags co 'GOLD' and capability eq 'policy'", "Cog Dune"},
		{"filter=nextExpiresAt lt '2027-02-01'", "Acme"},
		{"filter=externalId eq 'X'", ""},
	}
	for _, tt := range tests {
		for limit := 1; limit <= 4; limit++ {
			var names []string
			target := "/espalier/v1/orgs/1/customers?limit=" + fmt.Sprint(limit) + "&" + strings.ReplaceAll(tt.query, " ", "%20")
			for target != "" {
				page := w.get(target).(map[string]any)
				if n, want := page["total"].(float64), float64(len(strings.Fields(tt.want))); n != want {
					t.Errorf("%s: total: got %v, want %v", target, n, want)
				}
				for _, c := range page["values"].([]any) {
					names = append(names, c.(map[string]any)["name"].(string))
				}
				target, _ = page["nextPage"].(string)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("%s, %d a page: got %q, want %q", tt.query, limit, got, tt.want)
			}
		}
	}
}

// A token goes with its question.
func TestSkipToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	u, err := url.Parse(w.next("?limit=1&orderBy=name"))
	if err != nil {
		t.Fatal(err)
	}
	good := u.Query().Get("skipToken")
	const of, none = "skipToken: is of another list, filter or order; follow nextPage as it stands", "skipToken: is none that this list gave out; follow nextPage as it stands"
	tests := []struct {
		name, query, token string
		want               string // message; "" is 200
	}{
		{"as given", "limit=1&orderBy=name", good, ""},
		{"the default order, another limit", "limit=3", good, ""},
		{"the same order by another spelling", "orderBy=name%20asc", good, ""},
		{"another direction", "orderBy=name%20desc", good, of},
		{"another order", "orderBy=id", good, of},
		{"another filter", "filter=name%20co%20'a'", good, of},
		{"none", "", "", ""},
		{"no base64", "", "!", none},
		{"no JSON", "", "aGVsbG8", none},
		{"another's", "", "MTI", none},
	}
	for _, tt := range tests {
		a := w.send("GET", "/espalier/v1/orgs/1/customers?"+tt.query+"&skipToken="+tt.token, "")
		if got := message(a); got != tt.want || (a.status == 200) != (tt.want == "") {
			t.Errorf("%s: got %d %q, want %q", tt.name, a.status, got, tt.want)
		}
	}
}

// message is that of an error, "" for another answer.
func message(a answer) string {
	var e struct{ Message string }
	if a.status < 400 || json.Unmarshal([]byte(a.body), &e) != nil {
		return ""
	}
	return e.Message
}

func TestCapabilitiesAndTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	var list struct {
		Values []struct {
			Name, EffectiveExpiresAt, DisplayName string
			Active, Assignable                    bool
			Terms                                 map[string]int
		}
	}
	tell := func(id int, by string) string {
		a := w.send("GET", fmt.Sprintf("/espalier/v1/orgs/%d/capabilities", id), "", "Authorization", "Bearer "+by)
		if err := json.Unmarshal([]byte(a.body), &list); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, c := range list.Values {
			fmt.Fprintf(&b, "%s %q active %v assignable %v %s%v\n", c.Name, c.DisplayName, c.Active, c.Assignable, c.EffectiveExpiresAt, c.Terms)
		}
		return b.String()
	}
	if got, want := tell(1, "1"), `fcm "Cloud management" active true assignable true 2027-01-01T00:00:00Zmap[]
iam "Identity and access" active true assignable true map[]
msp "Managed service provider" active true assignable true map[maxDepth:1 maxWidth:2000]
policy "Automation policies" active true assignable true map[]
`; got != want {
		t.Errorf("of the MSP:\n got %s\nwant %s", got, want)
	}
	list.Values = nil
	if got, want := tell(4, "5"), `iam "Identity and access" active true assignable true map[]
msp "Managed service provider" active true assignable false map[maxDepth:0]
policy "Automation policies" active true assignable true map[]
`; got != want {
		t.Errorf("of a customer that is a parent:\n got %s\nwant %s", got, want)
	}
	compare(t, "tags", w.get("/espalier/v1/orgs/1/tags"), `{"values": [{"tag": "region:emea", "customers": 1}, {"tag": "tier:gold", "customers": 2}]}`)
}

func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	const file = "name,owners,tags\nAcme,,tier:gold;region:emea\nbolt,,x\nEcho,eve@echo.example,\n"
	dry := `{"dryRun": true, "applied": false, "total": 3, "created": 1, "updated": 1, "unchanged": 1, "failed": 0, "rows": [
		{"row": 2, "name": "Acme", "customerId": 2, "action": "unchanged"}, {"row": 3, "name": "bolt", "customerId": 3, "action": "updated", "changes": ["tags"]},
		{"row": 4, "name": "Echo", "action": "created"}]}`
	const target = "/espalier/v1/orgs/1/customers/import"
	compare(t, "dry run", timeless(t, w.send("POST", target+"?dryRun=true", file, "Content-Type", "text/csv").body), dry)

	refused := w.send("POST", target, file+"Fox,nobody,\n")
	compare(t, "a wrong row", timeless(t, refused.body), `{"dryRun": false, "applied": false, "total": 4, "created": 1, "updated": 1, "unchanged": 1, "failed": 1, "rows": [
		{"row": 2, "name": "Acme", "customerId": 2, "action": "unchanged"}, {"row": 3, "name": "bolt", "customerId": 3, "action": "updated", "changes": ["tags"]},
		{"row": 4, "name": "Echo", "action": "created"}, {"row": 5, "name": "Fox", "action": "failed", "errors": [
			{"column": "owners", "message": "owners[0].email: \"nobody\" is no e-mail address; want one such as ann@acme.example"}]}]}`)

	lines := strings.Split(w.send("POST", target, file, "Accept", "application/json;q=0.5, application/x-ndjson").body, "\n")
	if len(lines) != 3 || lines[2] != "" {
		t.Fatalf("stream: got %q, want two lines", lines)
	}
	compare(t, "progress", timeless(t, lines[0]), `{"done": 3, "total": 3}`)
	done := strings.NewReplacer(`"dryRun": true`, `"dryRun": false`, `"applied": false`, `"applied": true`, `"name": "Echo"`, `"name": "Echo", "customerId": 6`).Replace(dry)
	compare(t, "result", timeless(t, lines[1]), `{"result": `+done+`}`)

	for _, tt := range []struct {
		name, file, want string
		headers          []string
	}{
		{"no file", "", "the file is empty; want a first line that names the columns: name,externalId,description,capabilities,owners,tags", nil},
		{"no file, streamed", "", "the file is empty; want a first line that names the columns: name,externalId,description,capabilities,owners,tags", []string{"Accept", "application/x-ndjson"}},
		{"too large", "name\n\"" + strings.Repeat("x", 32<<20) + "\"\n", "body: must have at most 33554432 bytes", nil},
	} {
		if a := w.send("POST", target, tt.file, tt.headers...); a.status != 400 || message(a) != tt.want {
			t.Errorf("%s: got %d %q, want 400 %q", tt.name, a.status, message(a), tt.want)
		}
	}
}

// Progress comes while the work goes on.
func TestImportProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	var file strings.Builder
	file.WriteString("name,owners\n")
	for i := range 250 {
		fmt.Fprintf(&file, "Customer %d,ann@c%d.example\n", i, i)
	}
	a := w.send("POST", "/espalier/v1/orgs/1/customers/import", file.String(), "Accept", "application/x-ndjson")
	if got, want := a.body[:strings.Index(a.body, `{"result"`)], "{\"done\":100,\"total\":250}\n{\"done\":200,\"total\":250}\n{\"done\":250,\"total\":250}\n"; got != want {
		t.Errorf("progress: got %s, want %s", got, want)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV+"=Eve,,,,eve@eve.example,\n")
	want := "name,externalId,description,capabilities,owners,tags\n" +
		"Acme,A-1,Anvils,fcm;iam;policy@2026-01-01,bo@acme.example;Zoe Lee <zoe@acme.example>,region:emea;tier:gold\n" +
		"bolt,,,iam,bea@bolt.example,tier:gold\n" +
		"Cog,,,iam;msp;policy,cy@cog.example,\n" +
		"Dune,D-1,,iam;policy@2030-01-01,Olga <olga@northwind.example>,\n" +
		"'=Eve,,,iam,eve@eve.example,\n"
	const target = "/espalier/v1/orgs/1/customers/export"
	a := w.send("GET", target, "")
	if a.status != 200 || a.body != want {
		t.Errorf("CSV: got %d\n%s\nwant\n%s", a.status, a.body, want)
	}
	if _, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition")); err != nil || params["filename"] != "customers-1-2026-11-25.csv" {
		t.Errorf("Content-Disposition: got %q", a.header.Get("Content-Disposition"))
	}
	if again := w.send("POST", "/espalier/v1/orgs/1/customers/import", a.body); !strings.Contains(again.body, `"unchanged":5`) {
		t.Errorf("an export imported: got %s, want all unchanged", again.body)
	}
	rows, err := csv.NewReader(strings.NewReader(w.send("GET", target+"?filter=name%20eq%20'Cog'", "").body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != "Cog" {
		t.Errorf("filtered: got %q, %v", rows, err)
	}

	x := w.send("GET", target+"?format=xlsx", "")
	f, err := excelize.OpenReader(bytes.NewReader([]byte(x.body)))
	if err != nil {
		t.Fatalf("XLSX: %d %v", x.status, err)
	}
	defer f.Close()
	cells, err := f.GetRows("Customers")
	if err != nil || len(cells) != 6 || cells[5][0] != "'=Eve" || !strings.HasSuffix(x.header.Get("Content-Disposition"), ".xlsx") {
		t.Errorf("XLSX: got %q, %v, %q", cells, err, x.header)
	}
}

// An error before the first byte is a clean answer, whatever was being made.
func TestExportRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customersCSV)
	for _, format := range []string{"csv", "xlsx"} {
		for _, tt := range []struct {
			name, org, filter, by string
			status                int
		}{
			{"no token", "1", "", "x", 401},
			{"no tie", "1", "", "2", 404},
			{"no right", "2", "", "2", 403},
			{"broken filter", "1", "name%20is%20'a'", "1", 400},
		} {
			a := w.send("GET", "/espalier/v1/orgs/"+tt.org+"/customers/export?format="+format+"&filter="+tt.filter, "", "Authorization", "Bearer "+tt.by)
			if a.status != tt.status || a.header.Get("Content-Disposition") != "" {
				t.Errorf("%s, %s: got %d %v, want a clean %d", tt.name, format, a.status, a.header, tt.status)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	compare(t, "none", w.get("/espalier/v1/tokens"), `{"values": []}`)
	made := w.send("POST", "/espalier/v1/tokens", `{"name": "laptop"}`, "Content-Type", "application/json")
	if made.status != 201 {
		t.Errorf("create: got %d", made.status)
	}
	compare(t, "create", timeless(t, made.body), `{"id": "t1", "token": "secret of t1", "expiresAt": "2027-11-25T09:00:00Z"}`)
	w.send("POST", "/espalier/v1/tokens", "")
	compare(t, "list", w.get("/espalier/v1/tokens"), `{"values": [{"id": "t1", "name": "laptop", "expiresAt": "2027-11-25T09:00:00Z", "current": true},
		{"id": "t2", "expiresAt": "2027-11-25T09:00:00Z", "current": false}]}`)
	for _, tt := range []struct {
		by     string
		status int
	}{{"2", 404}, {"1", 204}, {"1", 404}} {
		if a := w.send("DELETE", "/espalier/v1/tokens/t2", "", "Authorization", "Bearer "+tt.by); a.status != tt.status {
			t.Errorf("revoke by %s: got %d, want %d", tt.by, a.status, tt.status)
		}
	}
}
