package sign

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Sender sends one request and does not follow redirects; http.RoundTripper's method is one.
type Sender func(*http.Request) (*http.Response, error)

// Config is what a Signer needs.
type Config struct {
	// Do sends; required.
	Do Sender
	// OwnConnection returns a sender whose connections are shared with nobody, and what closes them; the sender speaks HTTP/1.1
	// and keeps a connection between requests. NTLM proves a user once per connection: in a shared pool, the next request of
	// whoever it may be would be answered as that user's. nil: requests with NTLM credentials fail.
	OwnConnection func() (Sender, func())
	// AWSBase are the operator's own keys, with which the role of an aws_sts credential without keys is assumed; nil: such a
	// credential fails.
	AWSBase *AWSKeys
	// Rotated is told when a token endpoint replaced a refresh token, so that its owner can keep the new one; the signer
	// remembers it only while it lives. It is called by the request that found out; nil: nobody is told.
	Rotated func(c OAuth2, token Secret)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Random is the source of nonces; nil: crypto/rand.
	Random io.Reader
}

// Signer signs and sends. It keeps tokens, sessions and challenges in memory, by the whole content of the credential they came
// from, until shortly before they end. It is safe for concurrent use.
type Signer struct {
	do         Sender
	own        func() (Sender, func())
	base       *AWSKeys
	rotated    func(OAuth2, Secret)
	now        func() time.Time
	random     io.Reader
	tokens     *cache[token]
	sessions   *cache[AWSKeys]
	challenges *challenges
}

// maxKept is how many tokens, sessions and challenges a signer keeps, each.
const maxKept = 4096

// New makes a Signer.
func New(cfg Config) (*Signer, error) {
	if cfg.Do == nil {
		return nil, errors.New("sign: Config.Do is missing: nothing could be sent")
	}
	s := &Signer{
		do: cfg.Do, own: cfg.OwnConnection, base: cfg.AWSBase, rotated: cfg.Rotated, now: cfg.Now, random: cfg.Random,
		tokens: newCache[token](maxKept), sessions: newCache[AWSKeys](maxKept), challenges: newChallenges(maxKept),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	return s, nil
}

// Do signs a request with a credential, sends it with the body and returns the answer, whatever its status; nil for cred sends
// it unsigned. The request given is left as it was, its own Body unread. Some schemes ask for a token first, or are asked back
// and send twice; the answer is that to the request itself. The answer's Request holds the signed request: do not print it.
//
// No secret stands in the error. A *TokenError says what a token endpoint refused; other errors are those of the sender.
func (s *Signer) Do(ctx context.Context, cred Credential, req *http.Request, body []byte) (*http.Response, error) {
	req = req.WithContext(ctx)
	if cred == nil {
		return s.do(outgoing(req, body))
	}
	answer, err := cred.send(s, req, body)
	if err != nil {
		return nil, s.scrub(cred, err)
	}
	return answer, nil
}

// Secrets lists what must not stand in a log of requests that were signed with cred: its own secrets and the tokens and sessions
// that the signer holds by it. nil has none.
func (s *Signer) Secrets(cred Credential) []string {
	if cred == nil {
		return nil
	}
	secrets, key := slices.Clone(cred.Secrets()), contentKey(cred)
	if t, ok := s.tokens.peek(key); ok {
		secrets = append(secrets, secretForms(t.access, t.refresh)...)
	}
	if k, ok := s.sessions.peek(key); ok {
		secrets = append(secrets, secretForms(k.SecretKey, k.SessionToken)...)
	}
	return secrets
}

// outgoing is a copy of the request, to sign, with a body that can be sent again.
func outgoing(req *http.Request, body []byte) *http.Request {
	r := req.Clone(req.Context())
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Del("Host")           // net/http sends that of r.Host or r.URL; signatures must not cover another
	r.Header.Del("Content-Length") // nor another length than that of the body
	r.Body, r.GetBody, r.ContentLength, r.TransferEncoding = http.NoBody, nil, int64(len(body)), nil
	if len(body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody() // it has no error
	}
	return r
}

// maxTokenAnswer is how many bytes of an answer to a request of the signer's own are read; maxDiscard, how many of an answer
// that is followed by another request, so that the connection can be used again.
const (
	maxTokenAnswer = 1 << 20
	maxDiscard     = 1 << 18
)

// ask sends a request of the signer's own and reads the whole answer.
func (s *Signer) ask(r *http.Request) (status int, body []byte, err error) {
	answer, err := s.do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxTokenAnswer+1))
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer of %s: %w", r.URL.Host, err)
	}
	if len(body) > maxTokenAnswer {
		return 0, nil, fmt.Errorf("the answer of %s is longer than %d bytes", r.URL.Host, maxTokenAnswer)
	}
	return answer.StatusCode, body, nil
}

// discard ends an answer that is not wanted.
func discard(answer *http.Response) {
	_, _ = io.CopyN(io.Discard, answer.Body, maxDiscard) // a connection that breaks here is made anew
	_ = answer.Body.Close()
}

// nonce returns n random bytes.
func (s *Signer) nonce(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return b, nil
}
