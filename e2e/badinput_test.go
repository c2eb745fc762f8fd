package e2e_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"espalier.dev/access"
	"espalier.dev/keyring"
	"espalier.dev/store"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/token"
)

// open opens the data of a place beside the program, or instead of it.
func (p place) open(t *testing.T, cfg sqldb.Config) *store.DB {
	t.Helper()
	open := sqldb.OpenSQLite
	cfg.Dir = filepath.Join(p.home, "data")
	if p.engine == postgres {
		open, cfg.Dir, cfg.URL = sqldb.OpenPostgres, "", p.url
	}
	db, err := open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return store.New(db)
}

func (p place) keyFile() string {
	if p.engine == postgres {
		return filepath.Join(p.home, "key")
	}
	return filepath.Join(p.home, "data", "key")
}

// agedPlace is a place that has been there for a time, with an access token of its owner made at its beginning.
func agedPlace(t *testing.T, e engine, age time.Duration) (p place, first string) {
	t.Helper()
	then := time.Now().Add(-age)
	p = emptyPlace(t, e)
	db := p.open(t, sqldb.Config{})
	if _, err := migrations.Migrate(t.Context(), db.DB, migrations.Files()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p.createKey(t)
	p.tokensAt(t, then, func(*token.Service) error { return nil }) // makes the signing key
	p.init(t)
	p.tokensAt(t, then, func(tokens *token.Service) error {
		granted, err := tokens.Exchange(t.Context(), token.Request{GrantType: "refresh_token", RefreshToken: p.RefreshToken})
		first = granted.AccessToken
		return err
	})
	return p, first
}

func (p place) createKey(t *testing.T) {
	t.Helper()
	if err := keyring.Create(p.keyFile()); err != nil {
		t.Fatal(err)
	}
}

// tokensAt has tokens by another clock, while no server runs.
func (p place) tokensAt(t *testing.T, at time.Time, do func(*token.Service) error) {
	t.Helper()
	db := p.open(t, sqldb.Config{})
	defer db.Close()
	clock := func() time.Time { return at }
	keys, err := keyring.Load(p.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.NewGuard(access.Config{Loader: db.Access(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := token.New(t.Context(), token.Config{Store: db.Token(), Box: keys, Sessions: guard, Issuer: publicURL,
		Audience: "espalier", Now: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(tokens), tokens.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// world is what requests with something wrong are sent into.
type world struct {
	*msp     // who asks
	db       *store.DB
	stranger *msp   // an owner of another root, which has a customer too
	parent   int64  // a customer that is a parent itself, and not the caller's to look into
	foreign  int64  // a customer of the stranger
	expired  string // an access token
	valid    values
	n        int // customers made so far
}

func newWorld(t *testing.T, s *server, expired string) *world {
	t.Helper()
	w := &world{msp: newMSP(t, s, "Walk"), stranger: newMSP(t, s, "Stranger"), expired: expired, db: s.open(t, sqldb.Config{ReadOnly: true})}
	w.parent = w.create("Parent", object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}})
	w.foreign = w.stranger.create("Foreign", nil)
	return w
}

// renewals add what is valid for operations beyond those of the tree, by the beginning of an operation's name, a file each.
// They come after what renew itself makes.
var renewals = map[string]func(*world){
	"iam Customization":           renewSettings,
	"iam Contracts":               renewContracts,
	"iam Event":                   renewEvents,
	"iam API Event":               renewEvents,
	"espalier Audit":              renewEvents,
	"iam Access Policy":           renewPolicies,
	"espalier Access":             renewAccess,
	"iam Organization Invitation": renewInvitations,
	"iam User Invitation":         renewInvitations,
	"espalier Invitation":         renewInvitations,
	"iam Service Account":         renewAccounts,
	"iam Refresh Token":           renewTokens,
	"iam User":                    renewPeople,
	"iam Group":                   renewPeople,
	"iam Role":                    renewPeople,
	"iam Access Rule":             renewPeople,
	"iam Organization#show_msp":   renewPeople,
	"espalier User":               renewPeople,
	"espalier Project":            renewPeople,
	"scim":                        renewSCIM,
	"iam SAML2":                   renewProviders,
	"iam Org Login Policy":        renewProviders,
	"msp MSP Customer Domain":     renewProviders,
	"espalier OIDC Provider":      renewProviders,
	"espalier SAML Options":       renewProviders,
	"espalier Break Glass":        renewProviders,
	"espalier Application":        renewApplications,
}

// renew makes the values that are valid for the next operation: it may delete what it is about.
func (w *world) renew(op operation) {
	if w.do("GET", "/espalier/v1/me", nil).status == http.StatusUnauthorized { // the operation before ended all tokens
		_, w.root.RefreshToken = w.server.token(w.t, w.root.Email)
		w.caller = w.server.signIn(w.t, w.root.RefreshToken)
	}
	id := w.create(fmt.Sprintf("Fresh %d", w.n), nil)
	w.do("POST", w.at("/msp/v1", "/customers/%d/tags", id), tags("tier:gold")).want(201)
	var made struct{ ID string }
	w.do("POST", "/espalier/v1/tokens", object{"name": "fresh"}).want(201).into(&made)
	w.valid = values{
		"orgId": w.root.OrgID, "customerId": id, "tag": "tier:gold", "capabilityName": "msp", "tokenId": made.ID,
		"view": "index", "status": "failed", "filter": "name ne 'x'", filterOfTags: "tags ne 'x'", "orderBy": "name desc", "limit": 10, "dryRun": true, "format": "csv",
		"name": "Mutant", "externalId": "M-1", "description": "text", "correlationId": "c-1", "email": "ann@acme.example", "firstName": "Ann", "lastName": "Lee",
		"expiresAt": "2031-06-30T00:00:00Z", "hasCustomExpiry": true, "capabilities": []any{members{{"expiresAt", "2031-06-30T00:00:00Z"}, {"hasCustomExpiry", true}, {"name", "policy"}}},
		"customerIds[]": id, "grant_type": "refresh_token", "refresh_token": w.root.RefreshToken, "client_id": "x", "client_secret": "x", "code": "x", "redirect_uri": "x",
		"espalier Customer#import body": customersCSV,
	}
	longest := ""
	for prefix := range renewals {
		if strings.HasPrefix(op.String(), prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	if renewal, ok := renewals[longest]; ok {
		renewal(w)
	}
}

// state is everything that a request with something wrong must leave alone.
func (w *world) state() string {
	w.t.Helper()
	var text strings.Builder
	text.WriteString(w.do("GET", w.at("/espalier/v1", "/customers?limit=1000"), nil).want(200).body)
	text.WriteString(w.stranger.do("GET", w.stranger.at("/espalier/v1", "/customers?limit=1000"), nil).want(200).body)
	for _, c := range []*msp{w.msp, w.stranger} {
		var list struct{ Values []struct{ ID, Name string } }
		c.do("GET", "/espalier/v1/tokens", nil).want(200).into(&list)
		fmt.Fprintln(&text, list)
	}
	return text.String()
}

// audited is the head of the audit log: how many changes there were.
func (w *world) audited() int64 {
	w.t.Helper()
	var n int64
	err := w.db.Read(context.Background(), func(tx *sqldb.Tx) error {
		return tx.Row(context.Background(), `SELECT COALESCE(MAX(id), 0) FROM audit_entry`, nil, &n)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// testBadInput walks all operations with everything that is wrong for them, one thing at a time, and then shows that the request
// without it is taken.
func testBadInput(t *testing.T, s *server, ops []operation, expired string) {
	w := newWorld(t, s, expired)
	for i, op := range ops {
		t.Run(strings.ReplaceAll(op.String(), "/", "_"), func(t *testing.T) {
			w := w.in(t)
			w.n = i
			w.renew(op)
			r := validRequest(t, op, w.valid)
			before := w.state()
			w.wrongTokens(r)
			w.wrongIDs(r)
			w.wrongParams(r)
			w.wrongBodies(r)
			equal(t, "nothing is half done", w.state(), before)
			if a := w.send(r); a.status < 200 || a.status > 299 {
				t.Errorf("the request without anything wrong: %d %s\n%s", a.status, a.body, cut(r.body))
			}
		})
	}
}

// in is the world as a subtest sees it.
func (w *world) in(t *testing.T) *world {
	c, own, stranger := *w, *w.msp, *w.stranger
	own.t, stranger.t = t, t
	own.http, stranger.http = own.server.nobody(t).http, own.server.nobody(t).http
	c.msp, c.stranger = &own, &stranger
	return &c
}

func (w *world) send(r *request) answer {
	w.t.Helper()
	return w.do(r.op.Method, r.target(), r.reader(), r.header...)
}

func (r *request) reader() any {
	if r.body == nil {
		return nil
	}
	return string(r.body)
}

// refuse sends a request that has something wrong, and expects an error that says it and changes nothing.
func (w *world) refuse(r *request, what string, status int, parts ...string) {
	w.t.Helper()
	before := w.audited()
	a := w.send(r)
	message, ok := a.itemRefusal()
	if !ok && a.status != status {
		w.t.Errorf("%s: got %d, want %d: %s\nbody: %s", what, a.status, status, cut([]byte(a.body)), cut(r.body))
		return
	}
	if after := w.audited(); after != before {
		w.t.Errorf("%s: it was refused, and yet something was changed", what)
	}
	if !ok {
		message = a.refusal().Message
	}
	for _, part := range parts {
		if !strings.Contains(message, part) {
			w.t.Errorf("%s: the message does not name %q: %s", what, part, message)
		}
	}
	if len(message) > 4000 {
		w.t.Errorf("%s: the message is %d bytes long", what, len(message))
	}
}

// itemRefusal is what a bulk call says of its one item: what the schema takes and a rule refuses is told there, with 200.
func (a answer) itemRefusal() (message string, ok bool) {
	var r struct {
		bulkResult
		UpdateResults []struct{ Error string }
	}
	if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &r) != nil {
		return "", false
	}
	switch {
	case len(r.Results) == 1 && r.TotalSuccessful == 0:
		return "customers[0]." + r.Results[0].ErrorMessage, true
	case len(r.UpdateResults) == 1 && r.UpdateResults[0].Error != "":
		return "customizations[0]." + r.UpdateResults[0].Error, true
	}
	return "", false
}

func cut(b []byte) []byte { return b[:min(len(b), 500)] }

// wrongTokens is who is not let in.
func (w *world) wrongTokens(r *request) {
	if r.op.NoSecurity {
		return
	}
	for what, header := range map[string]string{
		"no token":            "",
		"a scheme alone":      "Bearer",
		"another scheme":      "Basic b2xnYTpzZWNyZXQ=",
		"a word":              "Bearer nonsense",
		"a refresh token":     "Bearer " + w.root.RefreshToken,
		"a foreign signature": "Bearer " + forged(w.t, w.bearer),
		"no signature":        "Bearer " + unsigned(w.bearer),
		"a cut token":         "Bearer " + w.bearer[:len(w.bearer)-4],
		"a long token":        "Bearer " + strings.Repeat("x", 10_000),
	} {
		c := r.clone()
		c.header = append(slices.Clone(r.header), "Authorization", header)
		w.refuse(c, what, http.StatusUnauthorized)
	}
	c := r.clone()
	c.header = append(slices.Clone(r.header), "Authorization", "Bearer "+w.expired)
	w.refuse(c, "an expired token", http.StatusUnauthorized, "expired")
	w.wrongRevoked(r)
}

// wrongRevoked sends an access token whose refresh token was revoked.
func (w *world) wrongRevoked(r *request) {
	c := r.clone()
	var made struct{ ID, Token string }
	w.do("POST", "/espalier/v1/tokens", object{"name": "revoked"}).want(201).into(&made)
	c.header = append(slices.Clone(r.header), "Authorization", "Bearer "+w.server.signIn(w.t, made.Token).bearer)
	w.do("DELETE", "/espalier/v1/tokens/"+made.ID, nil).want(204)
	w.refuse(c, "a revoked token", http.StatusUnauthorized)
}

// forged is a token with the same content, signed with a key of our own under the same name.
func forged(t *testing.T, bearer string) string {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(bearer, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithHeader("kid", parsed.Signatures[0].Header.KeyID)
	for name, value := range parsed.Signatures[0].Header.ExtraHeaders {
		options = options.WithHeader(name, value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(parsed.UnsafePayloadWithoutVerification())
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unsigned is a token that says it needs no signature.
func unsigned(bearer string) string {
	parts := strings.Split(bearer, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "."
}

// wrongIDs is what is there and not the caller's.
func (w *world) wrongIDs(r *request) {
	if _, ok := r.path["orgId"]; ok {
		for what, id := range map[string]string{"another's organization": w.stranger.root.OrgID.String(), "no organization": "999999999"} {
			c := r.clone()
			c.path["orgId"] = id
			w.refuse(c, what, http.StatusNotFound)
		}
		if !r.op.NoSecurity {
			c := r.clone()
			c.path["orgId"] = fmt.Sprint(w.parent)
			w.refuse(c, "an organization without a right in it", http.StatusForbidden)
		}
	}
	if _, ok := r.path["customerId"]; ok {
		for what, id := range map[string]int64{"another's customer": w.foreign, "no customer": 999999999, "the parent itself": int64(w.root.OrgID)} {
			c := r.clone()
			c.path["customerId"] = fmt.Sprint(id)
			w.refuse(c, what, http.StatusNotFound)
		}
	}
	for param, text := range map[string]string{"serviceAccountId": "999999999", "clientId": "abcdefghij234567"} {
		if _, ok := r.path[param]; ok {
			c := r.clone()
			c.path[param] = text
			w.refuse(c, "no "+param, http.StatusNotFound)
		}
	}
	if _, ok := r.path["tokenId"]; ok {
		id, _ := w.server.token(w.t, w.stranger.root.Email)
		c := r.clone()
		c.path["tokenId"] = id
		w.refuse(c, "another's token", http.StatusNotFound)
		w.stranger.do("DELETE", "/espalier/v1/tokens/"+id, nil).want(204)
	}
}

// digit is a position in a message.
var digit = regexp.MustCompile(`[0-9]`)

func (w *world) wrongParams(r *request) {
	for name, p := range r.params {
		texts := slices.Clone(wrongTexts[p.Schema.Value.Type.Slice()[0]])
		if p.Schema.Value.Type.Is("integer") && p.Schema.Value.Max != nil {
			texts = append(texts, fmt.Sprintf("%.0f", *p.Schema.Value.Max+1))
		}
		if p.Schema.Value.MaxLength != nil {
			texts = append(texts, strings.Repeat("x", int(*p.Schema.Value.MaxLength)+1))
		}
		if len(p.Schema.Value.Enum) > 0 && !p.Schema.Value.Type.Is("boolean") {
			texts = append(texts, "nope")
		}
		if text, ok := misfit(p.Schema.Value.Pattern); ok {
			texts = append(texts, strings.ReplaceAll(text, " ", "%20"))
		}
		for _, text := range texts {
			w.refuseParam(r, p.In, name, text)
		}
		if p.In == "query" {
			w.refuseQuery(r, "twice", name+"=1&"+name+"=2", name)
		}
	}
	if r.params["filter"] != nil {
		for _, text := range wrongFilters {
			c := r.clone()
			c.query.Set("filter", text)
			w.refuse(c, "filter "+string(cut([]byte(text))), http.StatusBadRequest, "filter")
			if a := w.send(c); !digit.MatchString(a.refusal().Message) {
				w.t.Errorf("filter %s: no position in %s", text, a.body)
			}
		}
	}
	if r.params["skipToken"] != nil {
		for _, text := range []string{"!", "AAAA", base64.RawURLEncoding.EncodeToString([]byte(`[1]`)), base64.RawURLEncoding.EncodeToString([]byte(`{"of":"x","id":1}`))} {
			w.refuseQuery(r, "skipToken", "skipToken="+text, "skipToken")
		}
	}
	if len(r.params) > len(r.path) {
		w.refuseQuery(r, "a query that is none", "view=%zz", "query")
	}
}

func (w *world) refuseParam(r *request, in, name, text string) {
	if in == "query" {
		w.refuseQuery(r, name+" is "+string(cut([]byte(text))), name+"="+text, name)
		return
	}
	c := r.clone()
	if in == "header" {
		c.header = slices.Concat(r.header, []string{name, text}) // escaped, which no header is: nonsense all the same
	} else {
		c.path[name] = text
	}
	w.refuse(c, name+" is "+string(cut([]byte(text))), http.StatusBadRequest, name)
}

// refuseQuery sends a query as it stands, beside the other parameters that are needed.
func (w *world) refuseQuery(r *request, what, query, part string) {
	c := r.clone()
	c.raw = query
	for name, p := range r.params {
		if p.In == "query" && p.Required && !strings.HasPrefix(query, name+"=") {
			c.raw += "&" + url.Values{name: r.query[name]}.Encode()
		}
	}
	w.refuse(c, what, http.StatusBadRequest, part)
}

// freeText is members whose length is not asked about.
var freeText = map[string]string{
	"client_id": "of another grant", "client_secret": "of another grant", "code": "of another grant", "redirect_uri": "of another grant",
	"refresh_token": "401, as for any text that is no token",
	"schemas[0]":    "passed over: the operation says what the resource is", "members[0].display": "passed over: the server says what it is",
	"members[0].$ref": "passed over: the server says what it is",
}

// wrongFiles is what no import reads.
var wrongFiles = map[string][]byte{
	"nothing": nil, "no heading": []byte("Acme,A-1\n"), "no CSV": []byte("name,\"x\n"), "broken UTF-8": []byte("name,nam\xffe\n"), "a NUL": []byte("name,a\x00b\n"),
	"a column twice": []byte("name,name\nA,B\n"), "10 MB in one line": bytes.Repeat([]byte("x"), 10<<20),
}

func (w *world) wrongBodies(r *request) {
	if r.op.Body == nil {
		return
	}
	if r.schema == nil {
		for what, body := range wrongFiles {
			c := r.clone()
			c.body = body
			w.refuse(c, what, http.StatusBadRequest)
		}
		return
	}
	m := &mutator{ignored: freeText}
	m.walk(node{r.schema, r.tree, "", func(v any) any { return v }})
	if r.op.Body.Required {
		m.list = append(m.list, mutation{"nothing", "body", nil})
	}
	for _, one := range slices.Concat(m.list, wholeBodies(r.body)) {
		c := r.clone()
		c.body = one.body
		w.refuse(c, one.place+": "+one.what, http.StatusBadRequest, one.place)
	}
	for _, media := range wrongMedia {
		c := r.clone()
		c.header = []string{"Content-Type", media}
		w.refuse(c, "a body that is said to be "+media, http.StatusBadRequest, "Content-Type")
	}
}
