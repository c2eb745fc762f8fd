package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/sign"
	"espalier.dev/policylang/value"
)

// Config is what a Host needs. Transport, Engine and Credential are required.
type Config struct {
	// Transport sends one request; it decides what may be reached, each redirect included.
	Transport http.RoundTripper
	// OwnConnection is a transport whose one connection is shared with nobody, and what closes it, for credentials of the scheme
	// ntlm; nil: those fail.
	OwnConnection func() (http.RoundTripper, func())
	// Engine runs scripts.
	Engine script.Engine
	// Credential finds what was chosen for the credentials that a template names. Its error is shown to the template's author.
	Credential func(ctx context.Context, name string) (sign.Credential, error)
	// Secret finds the stored secret that cred("NAME") means; nil: there is none.
	Secret func(ctx context.Context, name string) (string, error)
	// AWSBase are the operator's own keys, that assume roles; nil: none.
	AWSBase *sign.AWSKeys
	// Now is the clock of templates; nil: time.Now. Signatures are of the true time, whatever it says.
	Now func() time.Time
	// Log takes the log as it is written; nil: nobody reads it before the end.
	Log func(text string)
}

// Host is the world outside. It is safe for concurrent use.
type Host struct {
	script.Engine
	cfg    Config
	signer *sign.Signer

	mu      sync.Mutex
	used    map[string]sign.Credential // by name, whose secrets are kept out of logs
	secrets map[string]bool            // that templates asked for
}

var _ eval.Host = (*Host)(nil)

// NewHost makes a Host.
func NewHost(cfg Config) (*Host, error) {
	if cfg.Transport == nil || cfg.Engine == nil || cfg.Credential == nil {
		return nil, errors.New("runner: a transport, an engine and where credentials are found are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Host{Engine: cfg.Engine, cfg: cfg, used: map[string]sign.Credential{}, secrets: map[string]bool{}}
	signing := sign.Config{Do: cfg.Transport.RoundTrip, AWSBase: cfg.AWSBase}
	if own := cfg.OwnConnection; own != nil {
		signing.OwnConnection = func() (sign.Sender, func()) {
			t, end := own()
			return t.RoundTrip, end
		}
	}
	var err error
	h.signer, err = sign.New(signing)
	return h, err
}

// Send signs and sends a request, and follows where it is redirected.
func (h *Host) Send(ctx context.Context, r eval.Request) (eval.Response, error) {
	answer, err := h.exchange(ctx, r)
	if err != nil {
		return eval.Response{}, err
	}
	return eval.Response{Status: answer.StatusCode, Header: answer.Header, Body: answer.Body}, nil
}

// credential is what signs; nil if nothing does.
func (h *Host) credential(ctx context.Context, a *eval.Auth) (sign.Credential, error) {
	if a == nil {
		return nil, nil
	}
	cred, err := h.found(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("credentials %s: %w", a.Name, err)
	}
	if a.AccountNumber != "" {
		sts, ok := cred.(sign.AWSSTS)
		if !ok {
			return nil, fmt.Errorf("credentials %s: aws_account_number is for the scheme aws_sts, and these are of %s", a.Name, cred.Scheme())
		}
		if cred, err = sts.InAccount(a.AccountNumber); err != nil {
			return nil, fmt.Errorf("credentials %s: %w", a.Name, err)
		}
	}
	h.mu.Lock()
	h.used[a.Name+" "+a.AccountNumber] = cred
	h.mu.Unlock()
	return cred, nil
}

// found is the credential that was chosen, or the one that an auth block says.
func (h *Host) found(ctx context.Context, a *eval.Auth) (sign.Credential, error) {
	if a.Scheme == "" {
		return h.cfg.Credential(ctx, a.Name)
	}
	scheme, err := sign.ParseScheme(a.Scheme)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if a.Fields != nil {
		fields = value.Plain(a.Fields).(map[string]any)
	}
	if a.Grant != "" {
		fields["grantType"] = a.Grant
	}
	return sign.Parse(scheme, fields)
}

// Secret is the stored secret that cred("NAME") means.
func (h *Host) Secret(ctx context.Context, name string) (string, error) {
	if h.cfg.Secret == nil {
		return "", fmt.Errorf("there is no stored secret %s", name)
	}
	secret, err := h.cfg.Secret(ctx, name)
	if err == nil && secret != "" {
		h.mu.Lock()
		h.secrets[secret] = true
		h.mu.Unlock()
	}
	return secret, err
}

// Mask takes out what this host signed with, and the tokens that it got for it.
func (h *Host) Mask(text string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for secret := range h.secrets {
		all = append(all, secret)
	}
	for _, cred := range h.used {
		all = append(all, h.signer.Secrets(cred)...)
	}
	return sign.Redact(text, all)
}

// Now is the present time of templates.
func (h *Host) Now() time.Time { return h.cfg.Now() }

// Sleep waits.
func (h *Host) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Log hands the log on.
func (h *Host) Log(text string) {
	if h.cfg.Log != nil {
		h.cfg.Log(text)
	}
}

// maxRedirects is how many redirects one request follows.
const maxRedirects = 10

// exchange signs, sends and follows. Where a redirect leaves the host, what signed stays behind: it was chosen for the first.
func (h *Host) exchange(ctx context.Context, out eval.Request) (*http.Response, error) {
	cred, err := h.credential(ctx, out.Auth)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, out.Method, out.URL, nil)
	if err != nil {
		return nil, err
	}
	req.Header = out.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", cmp.Or(req.Header.Get("User-Agent"), "espalier"))
	body := out.Body
	for range maxRedirects + 1 {
		answer, err := h.signer.Do(ctx, cred, req, body)
		if err != nil {
			return nil, err
		}
		next, keep := redirected(req, answer)
		if next == nil || out.NoRedirect {
			return answer, nil
		}
		discard(answer.Body)
		if !keep {
			body = nil
		}
		if next.URL.Host != req.URL.Host {
			cred = nil
			for _, private := range []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"} {
				next.Header.Del(private)
			}
		}
		req = next
	}
	return nil, fmt.Errorf("%s redirects more than %d times", req.URL.Host, maxRedirects)
}

// redirected is the request that an answer leads to, nil if it leads nowhere, and whether the body goes along.
// Source: RFC 9110, section 15.4, with POST become GET after 301 and 302 as everywhere.
func redirected(req *http.Request, answer *http.Response) (next *http.Request, keepBody bool) {
	location := answer.Header.Get("Location")
	if location == "" {
		return nil, false
	}
	method := req.Method
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		if method != http.MethodHead {
			method = http.MethodGet
		}
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		keepBody = true
	default:
		return nil, false
	}
	to, err := req.URL.Parse(location)
	if err != nil {
		return nil, false
	}
	next = req.Clone(req.Context())
	next.Method, next.URL, next.Host = method, to, ""
	if !keepBody {
		next.Header.Del("Content-Type")
	}
	return next, keepBody
}

// discard reads the rest of a short body, so that its connection can be used again.
func discard(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, 64<<10))
	_ = body.Close()
}
