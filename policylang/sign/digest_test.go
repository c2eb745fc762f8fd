package sign

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/icholy/digest"
)

// The vectors are the examples of RFC 7616, section 3.9.1, and RFC 2617, section 3.5.
func TestDigestVectors(t *testing.T) {
	t.Parallel()
	const rfc7616 = `realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	const cnonce7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for _, c := range []struct {
		name, challenge, password, cnonce, response string
	}{
		{"RFC 7616, MD5", rfc7616 + ", algorithm=MD5", "Circle of Life", cnonce7616, "8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616, SHA-256", rfc7616 + ", algorithm=SHA-256", "Circle of Life", cnonce7616, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"RFC 2617", `realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := findChallenge(http.Header{"Www-Authenticate": {`Basic realm="x"`, "Digest " + c.challenge}})
			if asked == nil {
				t.Fatal("no challenge found")
			}
			header, err := Digest{"Mufasa", Secret(c.password)}.answer(asked, "GET", "/dir/index.html", nil, 1, c.cnonce)
			if err != nil {
				t.Fatal(err)
			}
			got, err := digest.ParseCredentials(header)
			if err != nil || got.Response != c.response || got.Nc != 1 || got.QOP != "auth" || got.Opaque != asked.Opaque {
				t.Errorf("got %s, want response %s", header, c.response)
			}
		})
	}
}

// digestServer checks answers by the formulas of RFC 7616, section 3.4.
type digestServer struct {
	t         *testing.T
	algorithm string
	qop       string

	mu     sync.Mutex
	nonce  int // serial of the present one
	last   int // count of its last answer
	asked  int // challenges given
	served int // requests served
}

func (d *digestServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body := bodyOf(d.t, r)
	nonce := fmt.Sprintf("nonce%d", d.nonce)
	given, err := digest.ParseCredentials(r.Header.Get("Authorization"))
	if err != nil || given.Nonce != nonce || given.Response != d.want(given, r, body) || given.Nc != d.last+1 {
		stale := err == nil && given.Nonce != nonce
		d.asked++
		d.last = 0
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="r", nonce="%s", algorithm=%s, qop="%s", stale=%v`, nonce, d.algorithm, d.qop, stale))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	d.last, d.served = given.Nc, d.served+1
	fmt.Fprint(w, body)
}

func (d *digestServer) want(c *digest.Credentials, r *http.Request, body string) string {
	var h hash.Hash = md5.New()
	if strings.HasPrefix(d.algorithm, "SHA-256") {
		h = sha256.New()
	}
	sum := func(parts ...string) string {
		h.Reset()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	a1, a2 := sum("user", "r", "pass word"), sum(r.Method, r.RequestURI)
	if strings.HasSuffix(d.algorithm, "-sess") {
		a1 = sum(a1, c.Nonce, c.Cnonce)
	}
	if c.QOP == "auth-int" {
		a2 = sum(r.Method, r.RequestURI, sum(body))
	}
	return sum(a1, c.Nonce, fmt.Sprintf("%08x", c.Nc), c.Cnonce, c.QOP, a2)
}

func TestDigestServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ algorithm, qop string }{{"MD5", "auth"}, {"SHA-256", "auth"}, {"MD5-sess", "auth"}, {"SHA-256-sess", "auth, auth-int"}, {"MD5", "auth-int"}} {
		t.Run(c.algorithm+" "+c.qop, func(t *testing.T) {
			t.Parallel()
			d := &digestServer{t: t, algorithm: c.algorithm, qop: c.qop}
			s := newSigner(t, Config{Do: serving(t, d.ServeHTTP).RoundTrip})
			cred := parse(t, SchemeDigest, map[string]any{"username": "user", "password": "pass word"})
			for i := range 3 { // one challenge, counted on
				if status, body := send(t, s, cred, "POST", "https://h.test/a%20b?c=d", "hello"); status != 200 || body != "hello" {
					t.Errorf("request %d: got %d %q", i, status, body)
				}
			}
			if d.asked != 1 || d.last != 3 {
				t.Errorf("got %d challenges and count %d, want 1 and 3", d.asked, d.last)
			}
			d.nonce++ // what the signer knows is stale now
			if status, _ := send(t, s, cred, "GET", "https://h.test/", ""); status != 200 || d.asked != 2 {
				t.Errorf("after a new nonce: got %d after %d challenges, want 200 after 2", status, d.asked)
			}
		})
	}
}

func TestDigestRefused(t *testing.T) {
	t.Parallel()
	d := &digestServer{t: t, algorithm: "MD5", qop: "auth"}
	s := newSigner(t, Config{Do: serving(t, d.ServeHTTP).RoundTrip})
	wrong := parse(t, SchemeDigest, map[string]any{"username": "user", "password": "other"})
	if status, _ := send(t, s, wrong, "GET", "https://h.test/", ""); status != 401 || d.asked != 2 {
		t.Errorf("got %d after %d challenges, want 401 after 2", status, d.asked)
	}
}

func TestDigestOtherAnswers(t *testing.T) {
	t.Parallel()
	cred := Digest{"user", "pass word"}
	for challenge, want := range map[string]int{
		`Basic realm="x"`: 401, // the password is never sent in the clear
		`Digest realm="r", nonce="n", algorithm=ROT13, qop="auth"`: 401,
		`Digest realm="r", nonce="n", qop="other"`:                 401,
		`Digest `: 401,
		"":        401,
	} {
		s := newSigner(t, Config{Do: serving(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "" {
				t.Errorf("%s: sent %q", challenge, got)
			}
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
		}).RoundTrip})
		if status, _ := send(t, s, cred, "GET", "https://h.test/", ""); status != want {
			t.Errorf("%s: got %d, want %d", challenge, status, want)
		}
	}
	stale := newSigner(t, Config{Do: serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", stale=true, qop="auth"`)
		w.WriteHeader(http.StatusUnauthorized)
	}).RoundTrip})
	if _, err := stale.Do(t.Context(), cred, request(t, "GET", "https://h.test/"), nil); err == nil {
		t.Error("a server that calls everything stale: got nil, want an error")
	}
}
