package sign

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAPIKeyAndBasic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		cred        Credential
		url         string
		header, has string
		query       string
	}{
		{"bearer", parse(t, SchemeAPIKey, map[string]any{"key": "k"}), "https://a.test/", "Authorization", "Bearer k", ""},
		{"own header", APIKey{"k", InHeader, "X-Api-Key", ""}, "https://a.test/?a=b", "X-Api-Key", "k", "a=b"},
		{"query", APIKey{"k &+", InQuery, "co de", "Bearer"}, "https://a.test/?b=1&a=%20", "Authorization", "", "b=1&a=%20&co%20de=k%20%26%2B"},
		{"query alone", APIKey{"k", InQuery, "code", ""}, "https://a.test/", "Authorization", "", "code=k"},
		// the examples of RFC 7617, sections 2 and 2.1
		{"basic", Basic{"Aladdin", "open sesame"}, "https://a.test/", "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ""},
		{"basic, UTF-8", Basic{"test", "123£"}, "https://a.test/", "Authorization", "Basic dGVzdDoxMjPCow==", ""},
		{"none", nil, "https://a.test/?x", "Authorization", "", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSigner(t, Config{Do: serving(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get(c.header); got != c.has {
					t.Errorf("%s: got %q, want %q", c.header, got, c.has)
				}
				if r.URL.RawQuery != c.query {
					t.Errorf("query: got %q, want %q", r.URL.RawQuery, c.query)
				}
				fmt.Fprint(w, bodyOf(t, r))
			}).RoundTrip})
			r := request(t, "POST", c.url)
			answer, err := s.Do(t.Context(), c.cred, r, []byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if r.URL.String() != c.url || len(r.Header) != 0 {
				t.Errorf("the request given was changed: %s %v", r.URL, r.Header)
			}
		})
	}
}

// Headers that net/http sets itself are not the caller's to set, since signatures cover what is sent.
func TestOutgoing(t *testing.T) {
	t.Parallel()
	r := request(t, "POST", "https://a.test/")
	r.Header = http.Header{"Host": {"b.test"}, "Content-Length": {"99"}, "X-A": {"b"}}
	out := outgoing(r, []byte("hello"))
	if out.Header.Get("Host") != "" || out.Header.Get("Content-Length") != "" || out.Header.Get("X-A") != "b" || out.ContentLength != 5 {
		t.Errorf("got %v and length %d", out.Header, out.ContentLength)
	}
	for range 2 {
		body, err := out.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(body); err != nil || b.String() != "hello" {
			t.Errorf("GetBody: got %q %v", b.String(), err)
		}
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	cause := errors.New("no route")
	s := newSigner(t, Config{Do: func(r *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: fmt.Errorf("sending %v: %w", r.Header, cause)}
	}})
	for _, cred := range []Credential{APIKey{"s3cret+key", InQuery, "code", ""}, APIKey{"s3cret+key", InHeader, "X-Key", ""}, Basic{"u", "s3cret+key"}} {
		_, err := s.Do(t.Context(), cred, request(t, "GET", "https://a.test/"), nil)
		if !errors.Is(err, cause) {
			t.Errorf("got %v, want the cause kept", err)
		}
		noSecret(t, err.Error(), append(cred.Secrets(), "s3cret")...)
		if u, ok := errors.AsType[*url.Error](err); !ok || strings.Contains(u.URL, "s3cret") {
			t.Errorf("URL: got %v", u)
		}
	}
}

func TestNewWithoutSender(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "Config.Do") {
		t.Errorf("got %v, want an error that names Config.Do", err)
	}
}

func TestLongTokenAnswer(t *testing.T) {
	t.Parallel()
	s := newSigner(t, Config{Do: serving(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 2 << 10 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}).RoundTrip})
	_, err := s.Do(t.Context(), OAuth2{TokenURL: "https://login.test/", Grant: ClientCredentials}, request(t, "GET", "https://a.test/"), nil)
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want an error that names the limit", err)
	}
}

// The cache keeps no more than its bound, and drops what has ended before what has not.
func TestCacheBound(t *testing.T) {
	t.Parallel()
	c, clock := newCache[string](3), at("20261125T120000Z")
	put := func(key string, life time.Duration) {
		_, err := c.get(t.Context(), key, clock.now, func(string) (string, time.Time, error) { return key, clock.now().Add(life), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	put("short", time.Minute)
	put("long 1", time.Hour)
	put("long 2", time.Hour)
	clock.move(2 * time.Minute)
	put("new", time.Hour)
	for key, want := range map[string]bool{"short": false, "long 1": true, "long 2": true, "new": true} {
		if _, got := c.peek(key); got != want {
			t.Errorf("%s is kept: %v, want %v", key, got, want)
		}
	}
	put("one more", time.Hour)
	if len(c.entries) != 3 {
		t.Errorf("got %d entries, want 3", len(c.entries))
	}
	ch := newChallenges(2)
	for _, key := range []string{"a", "b", "c"} {
		ch.keep(key, nil)
	}
	if len(ch.known) != 2 {
		t.Errorf("got %d challenges, want 2", len(ch.known))
	}
}
