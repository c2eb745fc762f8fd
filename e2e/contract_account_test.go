package e2e_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

type accountClient struct {
	ClientID, ClientSecret, EncryptedSecret, IV, AuthTag, EphemeralPublicKey string
	CreatedBy                                                                int64
}

// newAccount makes a service account and returns its path.
func (m *msp) newAccount(name string) string {
	m.t.Helper()
	return m.do("POST", m.at("/iam/v1", "/service-accounts"), object{"name": name, "description": "text"}).want(201).header.Get("Location")
}

func testServiceAccounts(m *msp) {
	list := m.at("/iam/v1", "/service-accounts")
	path := m.newAccount("robot")
	var shown struct {
		ID                     int64
		Ref, Name, Description string
		CreatedBy              int64
	}
	m.do("GET", path, nil).want(200).into(&shown)
	equal(m.t, "account", fmt.Sprint(shown.Ref == fmt.Sprint("iam#service-account:", shown.ID), shown.Name, shown.Description, shown.CreatedBy == int64(m.root.UserID)), "truerobottexttrue")
	m.do("PATCH", path, object{"name": "arm"}).want(204)
	m.do("GET", path, nil).want(200).into(&shown)
	equal(m.t, "changed", shown.Name+" "+shown.Description, "arm text")
	m.do("PATCH", path, object{"name": " "}).wantError(400, "bad_request", "name")

	var first, second accountClient
	m.do("POST", path+"/clients", nil).want(201).into(&first)
	m.do("POST", path+"/clients", nil).want(201).into(&second)
	m.do("POST", path+"/clients", nil).wantError(400, "bad_request", "2 clients")
	if first.ClientSecret == "" || first.ClientSecret == second.ClientSecret || first.ClientID == second.ClientID {
		m.t.Errorf("clients: got %+v and %+v", first, second)
	}
	var clients []accountClient
	m.do("GET", path+"/clients", nil).want(200).into(&clients)
	equal(m.t, "clients", len(clients), 2)
	one := m.do("GET", path+"/clients/"+first.ClientID, nil).want(200)
	if strings.Contains(one.body, first.ClientSecret) {
		m.t.Error("a secret is shown again")
	}
	testClientCredentials(m, path, shown.ID, first, second)
	m.do("DELETE", path+"/clients/"+first.ClientID, nil).wantError(404, "not_found")
	m.do("GET", path+"/clients/"+first.ClientID, nil).wantError(404, "not_found")
	testEncryptedSecret(m, path)

	for i := range 19 {
		m.newAccount(fmt.Sprint("more ", i))
	}
	m.do("POST", list, object{"name": "one too many"}).wantError(400, "bad_request", "20 service accounts")
	m.do("GET", list+"?view=index", nil).want(200)

	m.do("DELETE", path, nil).want(204)
	for _, gone := range []string{path, path + "/clients"} {
		m.do("GET", gone, nil).wantError(404, "not_found")
	}
	m.do("POST", path+"/clients", nil).wantError(404, "not_found")
	m.do("PATCH", path, object{"name": "x"}).wantError(404, "not_found")
	m.do("DELETE", path, nil).wantError(404, "not_found")
}

// testClientCredentials signs in as a service account, which may do what it was granted and nothing else, and ends its client.
func testClientCredentials(m *msp, path string, id int64, first, second accountClient) {
	body := object{"grant_type": "client_credentials", "client_id": first.ClientID, "client_secret": first.ClientSecret}
	var granted struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	none := m.server.nobody(m.t)
	none.do("POST", "/oidc/token", body).want(200).into(&granted)
	equal(m.t, "refresh token", granted.RefreshToken, "")
	robot := none
	robot.bearer = granted.AccessToken
	robot.do("GET", m.at("/iam/v1", ""), nil).want(200) // as every member
	robot.do("GET", m.at("/msp/v2", "/customers"), nil).wantError(403, "forbidden", "msp:customer:index")
	robot.do("GET", "/iam/v1/refresh-tokens", nil).wantError(403, "forbidden", "users")
	for _, wrong := range []object{
		{"client_id": first.ClientID, "client_secret": second.ClientSecret}, {"client_id": second.ClientID, "client_secret": first.ClientSecret},
		{"client_id": "nosuchclient", "client_secret": first.ClientSecret}, {"client_id": first.ClientID, "client_secret": "x"},
	} {
		wrong["grant_type"] = "client_credentials"
		none.do("POST", "/oidc/token", wrong).wantError(401, "unauthorized", "unknown or its secret")
	}
	m.do("DELETE", path+"/clients/"+first.ClientID, nil).want(204)
	robot.do("GET", m.at("/iam/v1", ""), nil).wantError(401, "unauthorized") // at once
	none.do("POST", "/oidc/token", body).wantError(401, "unauthorized")
}

// testEncryptedSecret decrypts as a recipient would.
func testEncryptedSecret(m *msp, path string) {
	for name, curve := range map[string]ecdh.Curve{"X25519": ecdh.X25519(), "P-256": ecdh.P256()} {
		own, err := curve.GenerateKey(rand.Reader)
		must(m, err)
		public, err := x509.MarshalPKIXPublicKey(own.PublicKey())
		must(m, err)
		var c accountClient
		m.do("POST", path+"/clients", nil, "X-Recipient-Public-Key", base64.StdEncoding.EncodeToString(public)).want(201).into(&c)
		if c.ClientSecret != "" {
			m.t.Errorf("%s: the secret is there in plain", name)
		}
		theirs, err := x509.ParsePKIXPublicKey(m.bytes(c.EphemeralPublicKey))
		must(m, err)
		var point *ecdh.PublicKey
		switch key := theirs.(type) {
		case *ecdh.PublicKey:
			point = key
		case interface {
			ECDH() (*ecdh.PublicKey, error)
		}:
			point, err = key.ECDH()
			must(m, err)
		}
		shared, err := own.ECDH(point)
		must(m, err)
		key, err := hkdf.Key(sha256.New, shared, nil, "espalier service account client secret", 32)
		must(m, err)
		block, err := aes.NewCipher(key)
		must(m, err)
		aead, err := cipher.NewGCM(block)
		must(m, err)
		secret, err := aead.Open(nil, m.bytes(c.IV), append(m.bytes(c.EncryptedSecret), m.bytes(c.AuthTag)...), nil)
		must(m, err)
		if !strings.HasPrefix(string(secret), "esc_") {
			m.t.Errorf("%s: the secret is %q", name, secret)
		}
		m.do("DELETE", path+"/clients/"+c.ClientID, nil).want(204)
	}
	m.do("POST", path+"/clients", nil, "X-Recipient-Public-Key", "AAAA").wantError(400, "bad_request", "X-Recipient-Public-Key")
	m.do("POST", path+"/clients", nil, "X-Recipient-Public-Key", base64.StdEncoding.EncodeToString(make([]byte, 32))).
		wantError(400, "bad_request", "X-Recipient-Public-Key")
}

func must(m *msp, err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *msp) bytes(text string) []byte {
	m.t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	must(m, err)
	return b
}

func renewAccounts(w *world) {
	path := w.newAccount(fmt.Sprint("Walk ", w.n))
	var c accountClient
	w.do("POST", path+"/clients", nil).want(201).into(&c)
	var id int64
	_, err := fmt.Sscan(path[strings.LastIndexByte(path, '/')+1:], &id)
	must(w.msp, err)
	for _, op := range []string{"Show", "Update", "Delete"} {
		w.valid["iam Service Account#"+op+" id"] = id
	}
	w.valid["serviceAccountId"], w.valid["clientId"] = id, c.ClientID
}

func testIAMTokens(m *msp) {
	const path = "/iam/v1/refresh-tokens"
	type token struct {
		ID          string
		IsDeletable bool
	}
	var own []token
	m.do("POST", "/espalier/v1/tokens", object{"name": "second"}).want(201)
	m.do("GET", path, nil).want(200).into(&own)
	equal(m.t, "own tokens", fmt.Sprint(len(own), own[0].IsDeletable), "2 true")
	m.do("GET", path+"/"+own[0].ID, nil).want(200)
	m.do("GET", path+"/nosuchtoken", nil).wantError(404, "not_found")

	// An owner acts for a user of the organization; not for one who belongs to others too.
	id := m.create("Tokens", object{"owners": []object{{"email": "one@tokens.example"}, {"email": "two@tokens.example"}}})
	m.create("Other", object{"owners": []object{{"email": "two@tokens.example"}}})
	one, two := m.asOwnerOf(id, "one@tokens.example"), m.asOwnerOf(id, "two@tokens.example")
	of := func(c *msp, u *msp) string { return fmt.Sprintf("?orgId=%d&userId=%d", id, u.userID()) }
	var theirs []token
	two.do("GET", path+of(two, one), nil).want(200).into(&theirs)
	equal(m.t, "deletable", fmt.Sprint(len(theirs), theirs[0].IsDeletable), "1 true")
	one.do("GET", path+of(one, two), nil).want(200).into(&theirs)
	equal(m.t, "not deletable", fmt.Sprint(len(theirs), theirs[0].IsDeletable), "1 false")
	one.do("DELETE", path+of(one, two), nil).wantError(403, "forbidden", "other organizations")
	one.do("DELETE", path+"/"+theirs[0].ID+of(one, two), nil).wantError(403, "forbidden")
	m.do("GET", path+of(m, one), nil).wantError(403, "forbidden", "Manage organization") // the parent's owner is no owner there
	m.do("GET", path+fmt.Sprintf("?orgId=999999&userId=%d", one.userID()), nil).wantError(404, "not_found")
	one.do("GET", path+fmt.Sprintf("?orgId=%d&userId=%d", id, m.root.UserID), nil).wantError(404, "not_found")
	for _, half := range []string{"?orgId=1", "?userId=1"} {
		m.do("GET", path+half, nil).wantError(422, "unprocessable_entity", "userId")
		m.do("DELETE", path+half, nil).wantError(422, "unprocessable_entity")
		m.do("DELETE", path+"/"+own[0].ID+half, nil).wantError(422, "unprocessable_entity")
	}
	two.do("DELETE", path+of(two, one), nil).want(204)
	one.do("GET", path, nil).wantError(401, "unauthorized")

	m.do("DELETE", path+"/"+own[1].ID+"x", nil).wantError(404, "not_found")
	m.do("DELETE", path, nil).want(204)
	m.do("GET", path, nil).wantError(401, "unauthorized")
}

// userID is who asks.
func (m *msp) userID() int64 {
	m.t.Helper()
	var me struct{ UserID int64 }
	m.do("GET", "/espalier/v1/me", nil).want(200).into(&me)
	return me.UserID
}

// renewTokens makes a token to show and to end. Ending all of them ends the walk's own, so it signs in anew.
func renewTokens(w *world) {
	var made struct{ ID string }
	w.do("POST", "/espalier/v1/tokens", object{"name": "fresh"}).want(201).into(&made)
	w.valid["id"] = made.ID
	w.valid["userId"] = w.root.UserID
}
