package sign

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Oracle signs by the HTTP signature of Oracle Cloud Infrastructure: draft-cavage-http-signatures-08 with rsa-sha256.
type Oracle struct {
	TenancyOCID string
	UserOCID    string
	Fingerprint string
	PrivateKey  Secret // PEM, PKCS #1
	Password    Secret // of PrivateKey; "" for none
}

// Scheme is oracle.
func (Oracle) Scheme() Scheme { return SchemeOracle }

// Secrets is the key and its password.
func (c Oracle) Secrets() []string { return secretForms(c.PrivateKey, c.Password) }

func (c Oracle) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	r := outgoing(req, body)
	if err := s.signOracle(c, r, body); err != nil {
		return nil, err
	}
	return s.do(r)
}

// signOracle signs date, target and host, and of the methods with a body its length, type and hash. A Date that the request
// has already is kept.
func (s *Signer) signOracle(c Oracle, r *http.Request, body []byte) error {
	key, err := parseRSAKey(c.PrivateKey.Reveal(), c.Password.Reveal())
	if err != nil {
		return fmt.Errorf("privateKey: %w", err)
	}
	if r.Header.Get("Date") == "" {
		r.Header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	signed := [][2]string{
		{"date", r.Header.Get("Date")},
		{"(request-target)", strings.ToLower(r.Method) + " " + r.URL.RequestURI()},
		{"host", host},
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		sum := sha256.Sum256(body)
		r.Header.Set("X-Content-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
		signed = append(signed,
			[2]string{"content-length", strconv.Itoa(len(body))},
			[2]string{"content-type", r.Header.Get("Content-Type")},
			[2]string{"x-content-sha256", r.Header.Get("X-Content-Sha256")})
	}
	var names, lines []string
	for _, h := range signed {
		names, lines = append(names, h[0]), append(lines, h[0]+": "+h[1])
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return fmt.Errorf("sign for Oracle: %w", err)
	}
	r.Header.Set("Authorization", fmt.Sprintf(`Signature version="1",headers="%s",keyId="%s/%s/%s",algorithm="rsa-sha256",signature="%s"`,
		strings.Join(names, " "), c.TenancyOCID, c.UserOCID, c.Fingerprint, base64.StdEncoding.EncodeToString(signature)))
	return nil
}
