package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/workflow"
)

// Actions is the world outside of actions: that of evaluations, also a recorded one, and what there is besides.
type Actions struct {
	eval.Host
	// Mailer takes mails; nil: actions that send one fail.
	Mailer func(ctx context.Context, m incident.Mail) error
	// Resolver resolves the incident that a run is about; nil: actions that do fail.
	Resolver func(ctx context.Context, r *incident.Run) error
}

var _ incident.Host = Actions{}

// maxAnswer is how many bytes of an answer an action gets; one that is longer is refused.
const maxAnswer = 100 << 20

// Do signs and sends a request.
func (a Actions) Do(ctx context.Context, r incident.Request) (workflow.Response, error) {
	if r.Insecure {
		return workflow.Response{}, errors.New("certificates are always verified here: leave insecure out")
	}
	answer, err := a.Send(ctx, eval.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body, Auth: r.Auth, NoRedirect: r.NoRedirect})
	if err != nil {
		return workflow.Response{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return workflow.Response{}, fmt.Errorf("read the answer: %w", err)
	case len(body) > maxAnswer:
		return workflow.Response{}, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return workflow.Response{Status: answer.Status, Header: answer.Header, Body: body}, nil
}

// Random is n random bytes.
func (Actions) Random(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := rand.Read(b)
	return b, err
}

// Mail hands a mail on.
func (a Actions) Mail(ctx context.Context, m incident.Mail) error {
	if a.Mailer == nil {
		return errors.New("no mail is sent from here")
	}
	return a.Mailer(ctx, m)
}

// Resolve resolves the incident of a run.
func (a Actions) Resolve(ctx context.Context, r *incident.Run) error {
	if a.Resolver == nil {
		return errors.New("no incident is kept here that could be resolved")
	}
	return a.Resolver(ctx, r)
}
