package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// publishedKey is the test key of draft-cavage-http-signatures, which Oracle's documentation signs its examples with.
const publishedKey = `-----BEGIN RSA PRIVATE KEY-----
MIICXgIBAAKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF
NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+F
UR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB
AoGBAJR8ZkCUvx5kzv+utdl7T5MnordT1TvoXXJGXK7ZZ+UuvMNUCdN2QPc4sBiA
QWvLw1cSKt5DsKZ8UETpYPy8pPYnnDEz2dDYiaew9+xEpubyeW2oH4Zx71wqBtOK
kqwrXa/pzdpiucRRjk6vE6YY7EBBs/g7uanVpGibOVAEsqH1AkEA7DkjVH28WDUg
f1nqvfn2Kj6CT7nIcE3jGJsZZ7zlZmBmHFDONMLUrXR/Zm3pR5m0tCmBqa5RK95u
412jt1dPIwJBANJT3v8pnkth48bQo/fKel6uEYyboRtA5/uHuHkZ6FQF7OUkGogc
mSJluOdc5t6hI1VsLn0QZEjQZMEOWr+wKSMCQQCC4kXJEsHAve77oP6HtG/IiEn7
kpyUXRNvFsDE0czpJJBvL/aRFUJxuRK91jhjC68sA7NsKMGg5OXb5I5Jj36xAkEA
gIT7aFOYBFwGgQAQkWNKLvySgKbAZRTeLBacpHMuQdl1DfdntvAyqpAZ0lY0RKmW
G6aFKaqQfOXKCyWoUiVknQJAXrlgySFci/2ueKlIE1QqIiLSZ8V8OlpFLRnb1pzI
7U1yQXnTAEFYM560yJlzUpOb1V4cScGd365tiSMvxLOvTA==
-----END RSA PRIVATE KEY-----
`

func oracleMembers(key string) map[string]any {
	return map[string]any{
		"tenancyOcid": "ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f15p2b2m2yt2j6rx32uzr4h25vqstifsfdsq",
		"userOcid":    "ocid1.user.oc1..aaaaaaaat5nvwcna5j6aqzjcaty5eqbb6qt2jvpkanghtgdaqedqw3rynjq",
		"fingerprint": "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34",
		"privateKey":  key,
	}
}

// The vectors are the two examples of Oracle's documentation, "Request Signatures".
func TestOracleVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, url, body, headers, signature string }{
		{"GET", "https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa&displayName=TeamXInstances&volumeId=ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q", "",
			"date (request-target) host", "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="},
		{"POST", "https://iaas.us-phoenix-1.oraclecloud.com/20160918/volumeAttachments", `{
    "compartmentId": "ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa",
    "instanceId": "ocid1.instance.oc1.phx.abuw4ljrlsfiqw6vzzxb43vyypt4pkodawglp3wqxjqofakrwvou52gb6s5a",
    "volumeId": "ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q"
}`, "date (request-target) host content-length content-type x-content-sha256", "Mje8vIDPlwIHmD/cTDwRxE7HaAvBg16JnVcsuqaNRim23fFPgQfLoOOxae6WqKb1uPjYEl0qIdazWaBy/Ml8DRhqlocMwoSXv0fbukP8J5N80LCmzT/FFBvIvTB91XuXI3hYfP9Zt1l7S6ieVadHUfqBedWH0itrtPJBgKmrWso="},
	} {
		var got *http.Request
		s := newSigner(t, Config{Do: capturing(&got)})
		r := request(t, c.method, c.url)
		r.Header.Set("Date", "Thu, 05 Jan 2014 21:31:40 GMT") // as printed, though the day was a Sunday
		if _, err := s.Do(t.Context(), parse(t, SchemeOracle, oracleMembers(publishedKey)), r, []byte(c.body)); err != nil {
			t.Fatal(err)
		}
		want := `Signature version="1",headers="` + c.headers + `",keyId="ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f15p2b2m2yt2j6rx32uzr4h25vqstifsfdsq/ocid1.user.oc1..aaaaaaaat5nvwcna5j6aqzjcaty5eqbb6qt2jvpkanghtgdaqedqw3rynjq/20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34",algorithm="rsa-sha256",signature="` + c.signature + `"`
		if got := got.Header.Get("Authorization"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.method, got, want)
		}
	}
}

var cavage = regexp.MustCompile(`^Signature version="1",headers="([^"]+)",keyId="([^"]+)",algorithm="rsa-sha256",signature="([^"]+)"$`)

func TestOracleServer(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	//lint:ignore SA1019 the form of key that Oracle's console gave out
	block, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), []byte("open sesame"), x509.PEMCipherAES128)
	if err != nil {
		t.Fatal(err)
	}
	c := at("20261125T120000Z")
	tr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		body := bodyOf(t, r)
		m := cavage.FindStringSubmatch(r.Header.Get("Authorization"))
		if m == nil {
			t.Fatalf("Authorization: %q", r.Header.Get("Authorization"))
		}
		values := map[string]string{"(request-target)": strings.ToLower(r.Method) + " " + r.RequestURI, "host": r.Host, "content-length": strconv.FormatInt(r.ContentLength, 10)}
		var lines []string
		for name := range strings.FieldsSeq(m[1]) {
			value, ok := values[name]
			if !ok {
				value = r.Header.Get(name)
			}
			lines = append(lines, name+": "+value)
		}
		sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
		signature, _ := base64.StdEncoding.DecodeString(m[3])
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			t.Errorf("%s %s: %v of %q", r.Method, r.RequestURI, err, lines)
		}
		hash := sha256.Sum256([]byte(body))
		if r.Method != "GET" && r.Header.Get("X-Content-Sha256") != base64.StdEncoding.EncodeToString(hash[:]) {
			t.Errorf("X-Content-Sha256: got %q", r.Header.Get("X-Content-Sha256"))
		}
		if got := r.Header.Get("Date"); got != "Wed, 25 Nov 2026 12:00:00 GMT" {
			t.Errorf("Date: got %q", got)
		}
	})
	s := newSigner(t, Config{Do: tr.RoundTrip, Now: c.now})
	in := oracleMembers(string(pem.EncodeToMemory(block)))
	in["password"] = "open sesame"
	for _, c := range []struct{ method, url, body string }{{"GET", "https://h.test/a%20b?c=d%20e", ""}, {"PUT", "https://h.test/x", "text"}, {"POST", "https://h.test/x", ""}} {
		send(t, s, parse(t, SchemeOracle, in), c.method, c.url, c.body)
	}
	for password, want := range map[string]string{"": "privateKey: is protected by a password, and none is given", "guess": "privateKey: is protected by another password"} {
		in["password"] = password
		if _, err := s.Do(t.Context(), parse(t, SchemeOracle, in), request(t, "GET", "https://h.test/"), nil); err == nil || err.Error() != want {
			t.Errorf("password %q: got %v, want %s", password, err, want)
		}
	}
}
