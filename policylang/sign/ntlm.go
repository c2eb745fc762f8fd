package sign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	ntlmssp "github.com/Azure/go-ntlmssp"
)

// NTLM proves a user of Windows by the handshake of NTLM version 2, on a connection of its own.
type NTLM struct {
	Username string // name, DOMAIN\name or name@domain
	Password Secret
}

// Scheme is ntlm.
func (NTLM) Scheme() Scheme { return SchemeNTLM }

// Secrets is the password.
func (c NTLM) Secrets() []string { return secretForms(c.Password) }

// send asks without a signature, which costs a round trip and spares those servers that ask for none an empty request; then
// negotiates and answers the challenge on the same connection.
func (c NTLM) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	if s.own == nil {
		return nil, errors.New("credentials of the scheme ntlm need a connection of their own, and the signer was given none: set Config.OwnConnection")
	}
	do, end := s.own()
	answer, err := c.handshake(do, req, body)
	if err != nil {
		end()
		return nil, err
	}
	answer.Body = &lastBody{ReadCloser: answer.Body, end: end}
	return answer, nil
}

func (c NTLM) handshake(do Sender, req *http.Request, body []byte) (*http.Response, error) {
	answer, err := do(outgoing(req, body))
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	word := ntlmWord(answer.Header)
	if word == "" {
		return answer, nil // the server wants another scheme
	}
	discard(answer)
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, fmt.Errorf("negotiate NTLM: %w", err)
	}
	r := outgoing(req, nil) // the body waits for the last leg
	r.Header.Set("Authorization", word+" "+base64.StdEncoding.EncodeToString(hello))
	if answer, err = do(r); err != nil {
		return nil, err
	}
	challenge := ntlmChallenge(answer.Header, word)
	discard(answer)
	if answer.StatusCode != http.StatusUnauthorized || challenge == nil {
		return nil, fmt.Errorf("negotiate NTLM: %s answered %d without a challenge", req.URL.Host, answer.StatusCode)
	}
	proof, err := ntlmssp.NewAuthenticateMessage(challenge, c.Username, c.Password.Reveal(), nil)
	if err != nil {
		return nil, fmt.Errorf("answer the NTLM challenge of %s: %w", req.URL.Host, err)
	}
	r = outgoing(req, body)
	r.Header.Set("Authorization", word+" "+base64.StdEncoding.EncodeToString(proof))
	return do(r)
}

// ntlmWord is the scheme under which a server takes NTLM: NTLM, or Negotiate, which takes it too; "" for neither.
func ntlmWord(h http.Header) string {
	found := ""
	for _, value := range h.Values("WWW-Authenticate") {
		for offer := range strings.SplitSeq(value, ",") {
			word, _, _ := strings.Cut(strings.TrimSpace(offer), " ")
			switch {
			case strings.EqualFold(word, "NTLM"):
				return "NTLM"
			case strings.EqualFold(word, "Negotiate"):
				found = "Negotiate"
			}
		}
	}
	return found
}

// ntlmChallenge is what a server sent under the word; nil if nothing that can be read.
func ntlmChallenge(h http.Header, word string) []byte {
	for _, value := range h.Values("WWW-Authenticate") {
		got, text, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(got, word) {
			continue
		}
		if challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && len(challenge) > 0 {
			return challenge
		}
	}
	return nil
}

// lastBody closes the connection after the body that it was for.
type lastBody struct {
	io.ReadCloser
	end func()
}

// Close closes the body, then the connection.
func (b *lastBody) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}
