package sign

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	//lint:ignore SA1019 NTLM is made of it
	"golang.org/x/crypto/md4"
)

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// ntowfv2 is the key of a user ([MS-NLMP] section 3.3.2).
func ntowfv2(user, domain, password string) []byte {
	h := md4.New()
	h.Write(utf16le(password))
	return hmacMD5(h.Sum(nil), utf16le(strings.ToUpper(user)+domain))
}

// What the server of the tests computes agrees with the example of [MS-NLMP] section 4.2.4.
func TestNTLMServerVector(t *testing.T) {
	t.Parallel()
	key := ntowfv2("User", "Domain", "Password")
	if got := hex.EncodeToString(key); got != "0c868a403bfd7a93a3001ef22ef02e3f" {
		t.Errorf("NTOWFv2: got %s", got)
	}
	temp, _ := hex.DecodeString("01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000")
	challenge, _ := hex.DecodeString("0123456789abcdef")
	if got := hex.EncodeToString(hmacMD5(key, challenge, temp)); got != "68cd0ab851e51c96aabc927bebef6a1c" {
		t.Errorf("NTProofStr: got %s", got)
	}
}

type connKey struct{}

// ntlmServer proves users per connection, as Windows does.
type ntlmServer struct {
	t      *testing.T
	word   string // NTLM or Negotiate
	mu     sync.Mutex
	asked  map[net.Conn][]byte // challenge of a connection
	known  map[net.Conn]bool   // proven connections
	bodies []string
}

func (n *ntlmServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	conn := r.Context().Value(connKey{}).(net.Conn)
	body := bodyOf(n.t, r)
	word, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	message, _ := base64.StdEncoding.DecodeString(text)
	switch {
	case n.known[conn]:
	case word != n.word || !bytes.HasPrefix(message, []byte("NTLMSSP\x00")):
		w.Header().Set("WWW-Authenticate", n.word)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, strings.Repeat("who are you? ", 1000))
		return
	case message[8] == 1:
		n.asked[conn] = []byte("12345678")
		w.Header().Set("WWW-Authenticate", n.word+" "+base64.StdEncoding.EncodeToString(ntlmChallengeMessage(n.asked[conn])))
		w.WriteHeader(http.StatusUnauthorized)
		return
	case n.asked[conn] == nil || !n.proven(n.asked[conn], message):
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	n.known[conn] = true
	n.bodies = append(n.bodies, body)
	fmt.Fprint(w, "hello, "+body)
}

// ntlmChallengeMessage is a CHALLENGE_MESSAGE ([MS-NLMP] section 2.2.1.2) of the domain CORP.
func ntlmChallengeMessage(challenge []byte) []byte {
	name := utf16le("CORP")
	info := append(binary.LittleEndian.AppendUint16([]byte{2, 0}, uint16(len(name))), name...) // MsvAvNbDomainName
	info = append(info, 0, 0, 0, 0)                                                            // MsvAvEOL
	b := append([]byte("NTLMSSP\x00"), 2, 0, 0, 0)
	field := func(n, at int) {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		b = binary.LittleEndian.AppendUint32(b, uint32(at))
	}
	const header = 56
	field(len(name), header)
	b = binary.LittleEndian.AppendUint32(b, 0x00000001|0x00000200|0x00010000|0x00080000|0x00800000) // unicode, NTLM, domain, extended security, target info
	b = append(b, challenge...)
	b = append(b, make([]byte, 8)...)
	field(len(info), header+len(name))
	b = append(b, make([]byte, 8)...) // version
	return append(append(b, name...), info...)
}

// proven checks an AUTHENTICATE_MESSAGE ([MS-NLMP] section 2.2.1.3).
func (n *ntlmServer) proven(challenge, m []byte) bool {
	field := func(at int) []byte {
		length, offset := int(binary.LittleEndian.Uint16(m[at:])), int(binary.LittleEndian.Uint32(m[at+4:]))
		return m[offset : offset+length]
	}
	text := func(b []byte) string {
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
		return string(utf16.Decode(units))
	}
	response, domain, user := field(20), text(field(28)), text(field(36))
	if domain != "CORP" || user != "ada" {
		n.t.Errorf("user: got %q of %q", user, domain)
	}
	return hmac.Equal(response[:16], hmacMD5(ntowfv2(user, domain, "pass wörd"), challenge, response[16:]))
}

// own makes senders with connections of their own to a server, and counts those not ended.
func own(t *testing.T, n *ntlmServer) (func() (Sender, func()), *int) {
	n.t, n.asked, n.known = t, map[net.Conn][]byte{}, map[net.Conn]bool{}
	server := httptest.NewUnstartedServer(n)
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	server.Start()
	t.Cleanup(server.Close)
	open := 0
	return func() (Sender, func()) {
		open++
		tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		}}
		return tr.RoundTrip, func() { open--; tr.CloseIdleConnections() }
	}, &open
}

func nobody(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestNTLMServer(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"NTLM", "Negotiate"} {
		n := &ntlmServer{word: word}
		connections, open := own(t, n)
		s := newSigner(t, Config{Do: nobody, OwnConnection: connections})
		cred := parse(t, SchemeNTLM, map[string]any{"username": `CORP\ada`, "password": "pass wörd"})
		for range 2 { // each on a connection of its own
			if status, body := send(t, s, cred, "POST", "http://intranet.test/x", "the body"); status != 200 || body != "hello, the body" {
				t.Errorf("%s: got %d %q", word, status, body)
			}
		}
		if len(n.known) != 2 || *open != 0 {
			t.Errorf("%s: got %d proven connections and %d open senders, want 2 and 0", word, len(n.known), *open)
		}
		wrong := parse(t, SchemeNTLM, map[string]any{"username": `CORP\ada`, "password": "guess"})
		if status, _ := send(t, s, wrong, "GET", "http://intranet.test/x", ""); status != 401 || *open != 0 {
			t.Errorf("%s: wrong password: got %d and %d open senders, want 401 and 0", word, status, *open)
		}
	}
}

func TestNTLMOtherAnswers(t *testing.T) {
	t.Parallel()
	cred := NTLM{`CORP\ada`, "pass wörd"}
	s := newSigner(t, Config{Do: nobody})
	if _, err := s.Do(t.Context(), cred, request(t, "GET", "http://intranet.test/"), nil); err == nil || !strings.Contains(err.Error(), "Config.OwnConnection") {
		t.Errorf("without connections: got %v, want an error that names the remedy", err)
	}
	for challenge, wantErr := range map[string]bool{
		`Basic realm="x"`: false, // answered 401, which is the template's to see
		"NTLM":            true,  // never goes on to a challenge
		"NTLM !!!":        true,
		"NTLM AAAA":       true,
	} {
		s := newSigner(t, Config{Do: nobody, OwnConnection: func() (Sender, func()) {
			return func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {challenge}}, Body: http.NoBody, Request: r}, nil
			}, func() {}
		}})
		answer, err := s.Do(t.Context(), cred, request(t, "GET", "http://intranet.test/"), nil)
		if (err != nil) != wantErr {
			t.Errorf("%s: got %v, want an error: %v", challenge, err, wantErr)
		}
		if err == nil {
			_ = answer.Body.Close()
		}
	}
}
