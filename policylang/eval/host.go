package eval

import (
	"context"
	"io"
	"net/http"
	"time"

	"espalier.dev/policylang/script"
	"espalier.dev/policylang/value"
)

// Host is the world outside of an evaluation. Its methods are called by several goroutines at once.
type Host interface {
	// Send signs a request as its Auth says, sends it, and returns the answer, whatever its status. It decides which
	// servers may be reached, follows redirects, and gives up when the context ends, also while the body is read. An
	// error is for requests without an answer; its text is shown to the template's author.
	Send(ctx context.Context, r Request) (Response, error)
	// Engine runs the scripts.
	script.Engine
	// Secret is the stored secret that cred("NAME") of an auth block means.
	Secret(ctx context.Context, name string) (string, error)
	// Now is the present time.
	Now() time.Time
	// Sleep returns after d, or earlier with the error of a context that ended.
	Sleep(ctx context.Context, d time.Duration) error
	// Mask removes the secrets that the host knows of from a text for the log.
	Mask(text string) string
	// Log takes the next piece of the log, of which [Result] has the whole.
	Log(text string)
}

// Request is an HTTP request of a datasource.
type Request struct {
	Method string      `json:"method"` // upper case
	URL    string      `json:"url"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
	// Auth says who signs, nil if the request goes unsigned.
	Auth *Auth `json:"auth,omitempty"`
	// Datasource is the one that asks; "" if an action does.
	Datasource string `json:"datasource,omitempty"`
	// NoRedirect makes a redirect the answer, as actions may wish.
	NoRedirect bool `json:"noRedirect,omitempty"`
}

// Auth is a credentials or an auth block that a request names.
type Auth struct {
	Name string `json:"name"`
	// AccountNumber is aws_account_number of credentials: the role is assumed there, unless it is empty.
	AccountNumber string `json:"accountNumber,omitempty"`
	// Scheme and Fields are those of an auth block; of credentials the host knows them. Grant is that of an oauth2.
	Scheme string     `json:"scheme,omitempty"`
	Grant  string     `json:"grant,omitempty"`
	Fields *value.Map `json:"fields,omitempty"`
}

// Response is the answer to a [Request]. The evaluation reads the body as far as its limits let it, and closes it.
type Response struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
}
