package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"espalier.dev/access"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/org"
)

// operator is what the operator's verbs ask for: of the data itself, or of the server that runs on it.
type operator interface {
	createRoot(ctx context.Context, n rootRequest) (Made, error)
	setCapability(ctx context.Context, c org.SetCapability) (heldJSON, error)
	createToken(ctx context.Context, n tokenOf) (wire.NewToken, error)
	listTokens(ctx context.Context, of tokenOf) ([]wire.RefreshToken, error)
	revokeToken(ctx context.Context, t tokenOf) (revokedJSON, error)
	setPassword(ctx context.Context, p passwordOf) (passwordSetJSON, error)
	resetLink(ctx context.Context, p passwordOf) (resetLinkJSON, error)
}

// heldJSON is a capability as the operator's verbs print it.
type heldJSON struct {
	Name      string    `json:"name"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	Ends      time.Time `json:"effectiveExpiresAt,omitzero"`
	MaxDepth  *int64    `json:"maxDepth,omitempty"` // of msp
	MaxWidth  *int64    `json:"maxWidth,omitempty"` // of msp; absent: any number
}

// operate opens the data, or finds the server that has it, and runs do. PostgreSQL is for many.
func (d *database) operate(ctx context.Context, sh *Shell, do func(operator) error) error {
	return d.operateAt(ctx, sh, "", do)
}

// operateAt is operate for what makes links: publicURL is what they begin with where no server runs.
func (d *database) operateAt(ctx context.Context, sh *Shell, publicURL string, do func(operator) error) (err error) {
	if err := d.check(); err != nil {
		return err
	}
	if d.Data != "" {
		if o, running := dialOperator(d.Data); running {
			return do(o)
		}
	}
	db, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	if err := d.schema(ctx, db, false); err != nil {
		return err
	}
	s, err := newSystem(ctx, db, systemConfig{keyFile: d.keyFile(), publicURL: publicURL, log: sh.log()})
	if err != nil {
		return err
	}
	defer closing(s, &err)
	return do(s)
}

// socketName is the file in the data folder over which a running server takes the operator's verbs. Who may open it may read
// the data as well: its mode is 0600.
const socketName = "operator.sock"

// remoteOperator asks the running server.
type remoteOperator struct{ http *http.Client }

// dialOperator finds the server that runs on a data folder.
func dialOperator(dir string) (operator, bool) {
	path := filepath.Join(dir, socketName)
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, false
	}
	_ = conn.Close()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return remoteOperator{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: time.Minute}}, true
}

func (o remoteOperator) createRoot(ctx context.Context, n rootRequest) (Made, error) {
	return ask[Made](ctx, o, "/create-root", n)
}

func (o remoteOperator) setCapability(ctx context.Context, c org.SetCapability) (heldJSON, error) {
	return ask[heldJSON](ctx, o, "/set-capability", c)
}

func (o remoteOperator) createToken(ctx context.Context, n tokenOf) (wire.NewToken, error) {
	return ask[wire.NewToken](ctx, o, "/create-token", n)
}

func (o remoteOperator) listTokens(ctx context.Context, of tokenOf) ([]wire.RefreshToken, error) {
	return ask[[]wire.RefreshToken](ctx, o, "/list-tokens", of)
}

func (o remoteOperator) revokeToken(ctx context.Context, t tokenOf) (revokedJSON, error) {
	return ask[revokedJSON](ctx, o, "/revoke-token", t)
}

func (o remoteOperator) setPassword(ctx context.Context, p passwordOf) (passwordSetJSON, error) {
	return ask[passwordSetJSON](ctx, o, "/set-password", p)
}

func (o remoteOperator) resetLink(ctx context.Context, p passwordOf) (resetLinkJSON, error) {
	return ask[resetLinkJSON](ctx, o, "/reset-link", p)
}

// refusal is an error on its way over the socket.
type refusal struct {
	Kind errs.Kind
	Code string
	Msg  string
}

func ask[T any](ctx context.Context, o remoteOperator, path string, in any) (T, error) {
	var out T
	body, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://operator"+path, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	res, err := o.http.Do(req)
	if err != nil {
		return out, fmt.Errorf("ask the running server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return out, json.NewDecoder(res.Body).Decode(&out)
	}
	var no refusal
	if err := json.NewDecoder(res.Body).Decode(&no); err != nil {
		return out, fmt.Errorf("the running server answered %s", res.Status)
	}
	return out, &errs.Error{Kind: no.Kind, Code: no.Code, Msg: no.Msg}
}

// serveOperator takes the operator's verbs over a socket in the data folder until ctx ends.
func serveOperator(ctx context.Context, dir string, o operator) error {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a server that died; the folder is ours
		return err
	}
	mask := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(mask)
	if err != nil {
		return fmt.Errorf("the operator's socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /create-root", answer(o.createRoot))
	mux.HandleFunc("POST /set-capability", answer(o.setCapability))
	mux.HandleFunc("POST /create-token", answer(o.createToken))
	mux.HandleFunc("POST /list-tokens", answer(o.listTokens))
	mux.HandleFunc("POST /revoke-token", answer(o.revokeToken))
	mux.HandleFunc("POST /set-password", answer(o.setPassword))
	mux.HandleFunc("POST /reset-link", answer(o.resetLink))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return srv.Shutdown(stop)
	}
}

func answer[In, Out any](do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		var out Out
		if err == nil {
			out, err = do(r.Context(), in)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(refusal{Kind: errs.KindOf(err), Code: errs.Code(err), Msg: err.Error()})
			return
		}
		_ = json.NewEncoder(w).Encode(out)
	}
}

// byOperator is who the operator's verbs act as.
func byOperator() access.Caller { return access.Operator("operator") }
