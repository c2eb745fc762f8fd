package e2e_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A caller that asks too often is told so by every operation, and after how many seconds to ask again.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := start(t, sqlite, "--rate-limit", "0.01", "--rate-burst", "1")
	c := s.owner(t)
	c.do("GET", "/espalier/v1/me", nil).want(200)
	for _, op := range servedOperations(t, s) {
		path := op.Path
		for _, p := range op.Params {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "1")
		}
		a := c.do(op.Method, path, nil)
		name := "too_many_requests"
		if op.api == "scim" {
			name = "429" // an error of SCIM has a status and no name
		}
		a.wantError(429, name)
		if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 {
			t.Errorf("%s: Retry-After: got %q, want seconds", op, a.header.Get("Retry-After"))
		}
	}
}

// jwk is a public key as it is published, RFC 8037.
type jwk struct{ Kty, Crv, Alg, Kid, X string }

// keys reads what the server publishes.
func (c caller) keys() map[string]jwk {
	c.t.Helper()
	var set struct{ Keys []jwk }
	c.do("GET", "/.well-known/jwks.json", nil).want(200).into(&set)
	list := map[string]jwk{}
	for _, k := range set.Keys {
		list[k.Kid] = k
	}
	return list
}

// verify checks an access token as a stranger would who knows RFC 7515 and the published keys, and returns the key's name.
func verify(t *testing.T, bearer string, keys map[string]jwk) string {
	t.Helper()
	parts := strings.Split(bearer, ".")
	decode := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var head struct{ Alg, Kid string }
	if err := json.Unmarshal(decode(parts[0]), &head); err != nil {
		t.Fatal(err)
	}
	k, ok := keys[head.Kid]
	if !ok || k.Kty != "OKP" || k.Crv != "Ed25519" || head.Alg != "EdDSA" {
		t.Fatalf("the token names the key %+v, published are %v", head, keys)
	}
	if !ed25519.Verify(decode(k.X), []byte(parts[0]+"."+parts[1]), decode(parts[2])) {
		t.Error("the signature is wrong")
	}
	return head.Kid
}

// The next signing key is published a day before it signs, and the one before goes on until its tokens have ended.
func TestKeysFollowOneAnother(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		fresh := start(t, e)
		c := fresh.owner(t)
		if keys := c.keys(); len(keys) != 1 {
			t.Errorf("keys at first: got %v", keys)
		}
		verify(t, c.bearer, c.keys())

		late, _ := agedPlace(t, e, 29*24*time.Hour+time.Hour) // the key has 23 hours left to sign
		s := late.serve(t, "--public-url", publicURL)
		c = s.owner(t)
		keys := c.keys()
		if len(keys) != 2 {
			t.Errorf("keys in the last day of one: got %v", keys)
		}
		before := verify(t, c.bearer, keys)
		s.stop()

		over, _ := agedPlace(t, e, 30*24*time.Hour+time.Hour) // it has stopped signing an hour ago
		s = over.serve(t, "--public-url", publicURL)
		c = s.owner(t)
		if keys = c.keys(); len(keys) != 2 {
			t.Errorf("keys after one has stopped signing: got %v", keys)
		}
		if after := verify(t, c.bearer, keys); after == before {
			t.Error("the key still signs")
		}
		c.do("GET", "/espalier/v1/me", nil).want(200)
	})
}

// pair is two servers on one database.
func pair(t *testing.T) (a, b *server) {
	t.Helper()
	p := newPlace(t, postgres)
	a = p.serve(t, "--public-url", publicURL)
	return a, p.serve(t, "--public-url", publicURL)
}

// What takes access away on one server counts on the other within 5 seconds.
func TestServersAgree(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T) {
		a, b := pair(t)
		owner := a.owner(t)
		there := owner // the same token, asked of the other
		there.url = b.url
		path := fmt.Sprintf("/msp/v2/orgs/%d/customers", a.OrgID)
		ann := newCustomer("Acme", object{"capabilities": []object{{"name": "msp"}, {"name": "policy"}}})
		location := owner.do("POST", path, ann).want(201).header.Get("Location")
		there.do("GET", location, nil).want(200) // at once

		t.Run("revocation", func(t *testing.T) {
			id, text := a.token(t, ownerOfRoot)
			c := b.signIn(t, text)
			c.do("GET", path, nil).want(200)
			owner.do("DELETE", "/espalier/v1/tokens/"+id, nil).want(204)
			within(t, "the revocation counts on the other", func() bool { return c.do("GET", path, nil).status == 401 })
			b.nobody(t).do("POST", "/oidc/token", object{"grant_type": "refresh_token", "refresh_token": text}).want(401) // at once
		})
		t.Run("role", func(t *testing.T) {
			c := b.user(t, "ann@acme.example")
			own := "/iam/v1/orgs/" + location[strings.LastIndex(location, "/")+1:]
			c.do("GET", own, nil).want(200)
			owner.do("PATCH", location, object{"owners": []object{{"email": "bob@acme.example"}}}).want(204)
			within(t, "the lost role counts on the other", func() bool { return c.do("GET", own, nil).status == 404 })
		})
		t.Run("capability", func(t *testing.T) {
			c := b.user(t, "bob@acme.example")
			own := strings.Replace(location, "/msp/v2/orgs/"+a.OrgID.String()+"/customers/", "/msp/v2/orgs/", 1) + "/customers"
			c.do("GET", own, nil).want(200)
			owner.do("PATCH", location, object{"capabilities": []object{{"name": "policy"}}}).want(204)
			within(t, "the lost capability counts on the other", func() bool { return c.do("GET", own, nil).status == 403 })
			there.do("PATCH", location, object{"capabilities": []object{{"name": "msp"}}}).want(204)
			within(t, "the new one too", func() bool { return c.do("GET", own, nil).status == 200 })
		})
	})
}

// Servers that start together on an empty database bring its schema up to date once, and make one key each at most.
func TestServersStartTogether(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T) {
		p := emptyPlace(t, postgres)
		p.createKey(t)
		servers := make(chan *server)
		const together = 3
		for range together {
			go func() { servers <- p.launch(t, "--migrate", "--public-url", publicURL) }()
		}
		var all []*server
		for range together {
			all = append(all, <-servers)
		}
		for _, s := range all {
			s.waitUntilServing()
		}
		made := p.newRoot(t, "Northwind MSP", ownerOfRoot)
		c := all[0].signIn(t, made.RefreshToken)
		for _, s := range all {
			c.url = s.url
			within(t, "the token is good everywhere", func() bool { return c.do("GET", "/espalier/v1/me", nil).status == 200 })
		}
	})
}
