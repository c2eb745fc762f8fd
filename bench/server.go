package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"espalier.dev/cli"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// world is a database with one root organization.
type world struct {
	where []string // the flags that name it
	dir   string   // the data folder; "" on PostgreSQL
	url   string   // the PostgreSQL database; "" on SQLite
	keys  string   // the key file
	made  cli.Made

	password string // a file with the owner's; "" for none
}

// sqliteWorld makes a data folder whose root has so many customers.
func (l *lab) sqliteWorld(ctx context.Context, customers int) (*world, error) {
	dir, err := l.folder()
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, where: []string{"--data", dir}, keys: filepath.Join(dir, "key")}
	return w, w.make(ctx, customers)
}

// make makes the root organization and its customers.
func (w *world) make(ctx context.Context, customers int) error {
	var out, errOut bytes.Buffer
	args := append([]string{"init", "--org", "Northwind MSP", "--owner", "ada@northwind.example", "--json"}, w.where...)
	if w.password != "" {
		args = append(args, "--password-file", w.password)
	}
	if code := cli.Run(ctx, args, nil, nil, &out, &errOut); code != cli.ExitOK {
		return fmt.Errorf("espalier init: %s", errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), &w.made); err != nil {
		return err
	}
	return w.populate(ctx, customers)
}

// open opens the database as the product does.
func (w *world) open(ctx context.Context) (*sqldb.DB, error) {
	if w.dir != "" {
		return sqldb.OpenSQLite(ctx, sqldb.Config{Dir: w.dir})
	}
	return sqldb.OpenPostgres(ctx, sqldb.Config{URL: w.url})
}

// server is `espalier serve` in this process.
type server struct {
	base string
	root ref.OrgID
}

// serve starts a server on a world; it ends with the experiment. Its log goes where nothing is kept, but is written.
func (l *lab) serve(ctx context.Context, w *world) (*server, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	log := newAddressLog(null)
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	code := make(chan int, 1)
	go func() {
		code <- cli.Run(serving, serveArgs(w), nil, nil, null, log)
		close(log.ended)
	}()
	l.later(func() error {
		stop()
		c := <-code
		err := null.Close()
		if c != cli.ExitOK {
			err = errors.Join(err, fmt.Errorf("espalier serve: exit code %d", c))
		}
		return err
	})
	address, err := log.wait()
	if err != nil {
		return nil, err
	}
	return &server{base: "http://" + address, root: w.made.OrgID}, nil
}

// serveArgs are the arguments that serve a world on any port, with a limit that the one caller of a measurement does not meet.
func serveArgs(w *world) []string {
	return append([]string{"serve", "--listen", "127.0.0.1:0", "--rate-limit", "0"}, w.where...)
}

// token gets an access token for the root's owner.
func token(ctx context.Context, base string, w *world) (string, error) {
	c := newCaller(base, "", 1)
	defer c.close()
	body, err := json.Marshal(map[string]string{"grant_type": "refresh_token", "refresh_token": w.made.RefreshToken})
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	if err := c.do(ctx, http.MethodPost, "/oidc/token", "application/json", body, http.StatusOK, &text); err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	return answer.AccessToken, json.Unmarshal(text.Bytes(), &answer)
}

// caller signs in to a server as the owner of its root.
func (l *lab) caller(ctx context.Context, base string, w *world, connections int) (*caller, error) {
	t, err := token(ctx, base, w)
	if err != nil {
		return nil, err
	}
	c := newCaller(base, t, connections)
	l.later(c.close)
	return c, nil
}

// served makes a server on a world and a caller of it.
func (l *lab) served(ctx context.Context, w *world, connections int) (*caller, error) {
	s, err := l.serve(ctx, w)
	if err != nil {
		return nil, err
	}
	return l.caller(ctx, s.base, w, connections)
}

// addressLog finds the server's address in its log and passes the log on.
type addressLog struct {
	to    *os.File
	found chan string
	ended chan struct{} // closed when the server has

	mu   sync.Mutex
	head bytes.Buffer // what was written before the address was found; nil after
	done bool
}

func newAddressLog(to *os.File) *addressLog {
	return &addressLog{to: to, found: make(chan string, 1), ended: make(chan struct{})}
}

var servingLine = regexp.MustCompile(`msg=serving address=(\S+)`)

// Write takes whole lines, as loggers write them.
func (a *addressLog) Write(p []byte) (int, error) {
	a.mu.Lock()
	if !a.done {
		a.head.Write(p)
		if m := servingLine.FindSubmatch(p); m != nil {
			a.done = true
			a.found <- string(m[1])
		}
	}
	a.mu.Unlock()
	return a.to.Write(p)
}

// wait returns the address, or what the server said before it ended.
func (a *addressLog) wait() (string, error) {
	select {
	case address := <-a.found:
		return address, nil
	case <-a.ended:
		a.mu.Lock()
		defer a.mu.Unlock()
		return "", fmt.Errorf("espalier serve ended: %s", strings.TrimSpace(a.head.String()))
	}
}
