package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
)

// Config says what a [Server] serves, where, and within which limits.
type Config struct {
	Listen    string                          // host:port; port 0 picks a free one, see [Server.Addr]
	PublicURL string                          // what clients call the server, e.g. https://espalier.example.com; "" if unknown
	Handler   http.Handler                    // answers all that the server does not answer itself; required
	Ready     func(ctx context.Context) error // nil error: the database answers; nil func: always ready
	Documents []string                        // APIs of the contract to show at /docs, in this order; none: no /docs
	Telemetry *Telemetry                      // nil: one of its own, without version
	Tracing   *Tracing                        // nil: no spans
	Logger    *slog.Logger                    // nil: slog.Default()
	Limits    Limits                          // zero members take their defaults
}

// Limits bounds what one client, and all of them, may take. A zero member stands for its default.
type Limits struct {
	ReadHeader     time.Duration // to send the header of a request; default 10 s
	Idle           time.Duration // between two requests of a connection; default 2 min
	Grace          time.Duration // a body or an answer may stand still so long; default 10 s
	MinRate        int           // bytes per second that a body or an answer must move at beyond the grace; default 1024
	MaxHeaderBytes int           // of a request, names and values; default 32 KiB
	MaxConnections int           // open at once, more wait unaccepted; default 0, no limit
	Announce       time.Duration // /readyz says no and all is still served, so that a balancer looks away; default 0
	Drain          time.Duration // for requests in flight to finish once accepting has ended; default 30 s
}

func (l Limits) withDefaults() Limits {
	fallback(&l.ReadHeader, 10*time.Second)
	fallback(&l.Idle, 2*time.Minute)
	fallback(&l.Grace, 10*time.Second)
	fallback(&l.MinRate, 1024)
	fallback(&l.MaxHeaderBytes, 32<<10)
	fallback(&l.Drain, 30*time.Second)
	return l
}

func fallback[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Server serves until its context ends, then finishes what was begun. Make one with [New] and run it once.
type Server struct {
	cfg      Config
	http     *http.Server
	own      map[string]http.Handler // exact path → what the server answers itself
	docs     http.Handler            // everything below /docs/; nil without documents
	https    bool                    // the public address is https
	draining atomic.Bool
	ready    readiness
	requests sync.WaitGroup // handlers at work; the store must outlive them

	listening sync.Mutex // guards listener
	listener  net.Listener
}

// New checks cfg and builds the server; it does not listen yet.
func New(cfg Config) (*Server, error) {
	if cfg.Handler == nil {
		return nil, errors.New("api: Config.Handler is missing: there is nothing to serve")
	}
	if err := checkLimits(cfg.Limits); err != nil {
		return nil, err
	}
	https, err := isHTTPS(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Telemetry == nil {
		cfg.Telemetry = NewTelemetry(TelemetryConfig{Logger: cfg.Logger})
	}
	s := &Server{cfg: cfg, https: https, ready: readiness{check: cfg.Ready, logger: cfg.Logger}}
	if len(cfg.Documents) > 0 {
		if s.docs, err = newDocs(cfg.Documents, cfg.Logger); err != nil {
			return nil, err
		}
	}
	s.own = s.ownRoutes()
	s.http = &http.Server{
		Handler:           s.chain(),
		ReadHeaderTimeout: cfg.Limits.ReadHeader,
		IdleTimeout:       cfg.Limits.Idle,
		MaxHeaderBytes:    cfg.Limits.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}
	return s, nil
}

func checkLimits(l Limits) error {
	for _, d := range []time.Duration{l.ReadHeader, l.Idle, l.Grace, l.Announce, l.Drain} {
		if d < 0 {
			return fmt.Errorf("api: a time limit is negative: %s", d)
		}
	}
	for _, n := range []int{l.MinRate, l.MaxHeaderBytes, l.MaxConnections} {
		if n < 0 {
			return fmt.Errorf("api: a limit is negative: %d", n)
		}
	}
	return nil
}

func isHTTPS(publicURL string) (bool, error) {
	if publicURL == "" {
		return false, nil
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return false, fmt.Errorf("public URL %q is not an address such as https://espalier.example.com", publicURL)
	}
	return u.Scheme == "https", nil
}

// Listen opens the port, so that a caller learns of a refusal, and of [Server.Addr], before [Server.Run]. Run listens
// itself if nobody did.
func (s *Server) Listen(ctx context.Context) error {
	s.listening.Lock()
	defer s.listening.Unlock()
	if s.listener != nil {
		return nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s: another program does; stop it or choose another address with --listen: %w", s.cfg.Listen, err)
	case err != nil:
		return fmt.Errorf("cannot listen on %q: choose another address with --listen: %w", s.cfg.Listen, err)
	}
	if n := s.cfg.Limits.MaxConnections; n > 0 {
		ln = netutil.LimitListener(ln, n)
	}
	s.listener = ln
	return nil
}

// Addr is the address that the server listens on, "" before [Server.Listen].
func (s *Server) Addr() string {
	s.listening.Lock()
	defer s.listening.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run serves until ctx ends and then drains: /readyz says no, then accepting ends, then the requests in flight finish.
// It returns nil when each of them did, and an error that counts the others when [Limits.Drain] cut them off. When it
// returns no handler is at work any more, unless one ignored the end of its context for another 5 s.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		return err
	}
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	s.http.BaseContext = func(net.Listener) context.Context { return requests }

	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	s.cfg.Logger.Info("serving", "address", s.Addr(), "public_url", s.cfg.PublicURL)
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	err := s.drain(cancelRequests)
	<-served
	return err
}

// drain runs apart from the context that ended: its time is bounded by the limits.
func (s *Server) drain(cancelRequests context.CancelFunc) error {
	l := s.cfg.Limits
	s.draining.Store(true)
	s.cfg.Logger.Info("draining", "announce", l.Announce, "limit", l.Drain)
	if l.Announce > 0 {
		<-time.After(l.Announce)
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.Drain)
	defer cancel()
	if err := s.http.Shutdown(ctx); err == nil {
		s.requests.Wait()
		s.cfg.Logger.Info("drained")
		return nil
	}
	unfinished := s.cfg.Telemetry.inFlight.Load()
	cancelRequests()
	closeErr := s.http.Close()
	s.waitAtMost(5 * time.Second)
	return errors.Join(fmt.Errorf("stopped with %d requests unfinished after %s", unfinished, l.Drain), closeErr)
}

func (s *Server) waitAtMost(limit time.Duration) {
	done := make(chan struct{})
	go func() { s.requests.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// ownRoutes are matched by exact path before the product's routes, apart from any ServeMux: a mux would answer an unclean
// path such as //msp with a redirect, where the contract asks for its own 404.
func (s *Server) ownRoutes() map[string]http.Handler {
	t := s.cfg.Telemetry
	own := map[string]http.Handler{
		"/healthz": t.Observed("/healthz", get(http.HandlerFunc(serveHealth))),
		"/readyz":  t.Observed("/readyz", get(http.HandlerFunc(s.serveReady))),
		"/metrics": t.Observed("/metrics", get(t.Metrics())),
	}
	if s.docs != nil {
		s.docs = t.Observed("/docs/", get(s.docs))
		own["/docs"] = t.Observed("/docs", get(http.RedirectHandler("/docs/", http.StatusMovedPermanently)))
	}
	return own
}

// get refuses other methods than GET and HEAD.
func get(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}
