package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"

	"espalier.dev/api"
	"espalier.dev/api/door"
	apiiam "espalier.dev/api/iam"
	"espalier.dev/api/msp"
	"espalier.dev/api/oidc"
	apiopenid "espalier.dev/api/openid"
	"espalier.dev/api/own"
	apiscim "espalier.dev/api/scim"
	pages "espalier.dev/api/signin"
	"espalier.dev/audit/trail"
	"espalier.dev/egress"
	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/signin"
)

// served is the documents at /docs, in the order of their chooser.
var served = []string{own.API, msp.API, apiiam.API, apiscim.API, oidc.API}

type serveVerb struct {
	database
	Listen         string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on, host:port."`
	PublicURL      string        `name:"public-url" placeholder:"URL" help:"What clients call the server, e.g. https://espalier.example.com; the issuer of access tokens."`
	Migrate        bool          `help:"Bring a PostgreSQL schema up to date before serving; on SQLite that is done always."`
	CapabilityFile string        `placeholder:"FILE" help:"YAML list of further capabilities: name, displayName, description, keptToOneself."`
	AuditKeep      time.Duration `default:"9600h" placeholder:"TIME" help:"How long audit entries are kept, e.g. 9600h (400 days); 0 keeps them for ever."`
	mailFlags
	APIEvents      string         `name:"api-events" default:"changes" enum:"none,changes,all" placeholder:"WHICH" help:"Calls of the API that organizations see in their api-events: changes (and refusals), all, or none."`
	EgressMap      string         `placeholder:"FILE" help:"YAML map host: base URL that sends requests for a host elsewhere, *.suffix for many hosts."`
	EgressAllow    []netip.Prefix `placeholder:"NET,…" help:"Private networks that identity providers may nevertheless be in, e.g. 10.1.0.0/16."`
	DNS            string         `name:"dns" placeholder:"ADDR" help:"DNS server that domains are verified by, host:port, instead of the machine's."`
	RateLimit      float64        `default:"200" placeholder:"N" help:"Requests per second that one caller may make on average; 0: any number."`
	RateBurst      int            `default:"400" placeholder:"N" help:"Requests that one caller may make at once."`
	TrustedProxies []netip.Prefix `placeholder:"NET,…" help:"Networks of proxies whose X-Forwarded-For is believed, e.g. 10.0.0.0/8."`
	MaxConnections int            `default:"0" placeholder:"N" help:"Connections open at once; 0: any number."`
	DrainTimeout   time.Duration  `default:"30s" placeholder:"TIME" help:"How long requests in flight may take to finish when the server stops."`
	AnnounceStop   time.Duration  `default:"0s" placeholder:"TIME" help:"How long /readyz says no before the server stops accepting, so that a balancer looks away."`
	LogLevel       slog.Level     `default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat      string         `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text or json."`
}

// collectAt is how far the heap grows between two collections of garbage, in percent of what lives. What lives is little, and
// Go's own 100 would collect twenty times a second under load: GET of one customer on 16 connections took 8 percent longer.
const collectAt = 300

// Run serves until it is told to stop.
func (v *serveVerb) Run(ctx context.Context, sh *Shell) (err error) {
	if err := v.check(); err != nil {
		return err
	}
	if sh.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	log := v.logger(sh)
	slog.SetDefault(slog.New(lowered{log.Handler()}))
	definitions, err := readCatalog(v.CapabilityFile)
	if err != nil {
		return usageOf(err)
	}
	db, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	if err := v.schema(ctx, db, v.Migrate); err != nil {
		return err
	}
	if !exists(v.keyFile()) {
		if err := createKeys(ctx, db, v.keyFile()); err != nil {
			return err
		}
		log.Info("made a key file; keep a copy of it apart from the backups", "file", v.keyFile())
	}
	mail, err := v.transport(v.PublicURL, log)
	if err != nil {
		return usageOf(err)
	}
	cfg := systemConfig{
		keyFile: v.keyFile(), publicURL: v.PublicURL, keepAudit: v.AuditKeep, catalog: definitions, mail: mail, log: log, resolver: v.resolver(),
	}
	if cfg.egress, err = readEgress(v.EgressMap, v.EgressAllow); err != nil {
		return usageOf(err)
	}
	sys, err := newSystem(ctx, db, cfg)
	if err != nil {
		return err
	}
	defer closing(sys, &err)
	return v.serve(ctx, sh, sys, log)
}

// readEgress makes of the flags what lets requests out that somebody other than the operator names.
func readEgress(file string, allow []netip.Prefix) (cfg egress.Config, err error) {
	cfg.Allow = allow
	if file == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return cfg, fmt.Errorf("--egress-map: %w", err)
	}
	cfg.Map, err = egress.ParseMap(text)
	return cfg, err
}

// resolver asks the DNS server that was named; nil: the machine's own.
func (v *serveVerb) resolver() signin.Resolver {
	if v.DNS == "" {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, v.DNS)
	}}
}

func (v *serveVerb) logger(sh *Shell) *slog.Logger {
	options := &slog.HandlerOptions{Level: v.LogLevel}
	if v.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(sh.Err, options))
	}
	return slog.New(slog.NewTextHandler(sh.Err, options))
}

// readCatalog reads the operator's definitions of capabilities; "" for none.
func readCatalog(path string) ([]org.Definition, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--capability-file: %w", err)
	}
	var list []org.Definition
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("--capability-file %s: %s", path, yaml.FormatError(err, false, false))
	}
	return list, nil
}

// serve runs the server and, on a data folder, the operator's socket beside it.
func (v *serveVerb) serve(ctx context.Context, sh *Shell, sys *system, log *slog.Logger) (err error) {
	tracing, err := api.StartTracing(ctx, api.TracingConfig{Env: sh.Getenv, Version: BuildVersion().Version, Logger: log})
	if err != nil {
		return err
	}
	telemetry := api.NewTelemetry(api.TelemetryConfig{Logger: log, Version: BuildVersion().Version})
	recorder, err := trail.NewRecorder(sys.db.Trail(), map[string]trail.Calls{"changes": trail.ChangeCalls, "all": trail.AllCalls}[v.APIEvents], time.Now, log)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, sys.unlessAway(recorder.Close(stop)))
	}()
	telemetry.Registerer().MustRegister(storeMetrics{sys.db, recorder})
	routes, err := v.routes(sys, telemetry, recorder, ctx.Done())
	if err != nil {
		return err
	}
	srv, err := api.New(api.Config{
		Listen: v.Listen, PublicURL: v.PublicURL, Handler: v.initialized(sys, routes), Ready: sys.db.Ping,
		Documents: served, Telemetry: telemetry, Tracing: tracing, Logger: log,
		Limits: api.Limits{MaxConnections: v.MaxConnections, Drain: v.DrainTimeout, Announce: v.AnnounceStop},
	})
	if err != nil {
		return err
	}
	if err := srv.Listen(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return srv.Run(gctx) })
	if v.Data != "" {
		g.Go(func() error { return serveOperator(gctx, v.Data, sys) })
	}
	err = g.Wait()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, tracing.Shutdown(stop))
}

// routes mounts every API that is served.
func (v *serveVerb) routes(sys *system, telemetry *api.Telemetry, recorder *trail.Recorder, stopping <-chan struct{}) (http.Handler, error) {
	callers, err := api.NewCallerLimiter(api.RateConfig{Rate: v.RateLimit, Burst: v.RateBurst})
	if err != nil {
		return nil, usageOf(err)
	}
	addresses, err := api.NewAddressLimiter(api.RateConfig{Rate: v.RateLimit, Burst: v.RateBurst})
	if err != nil {
		return nil, usageOf(err)
	}
	visits, err := trail.NewVisits(sys.db.Trail(), sys.guard, time.Now)
	if err != nil {
		return nil, err
	}
	d, err := door.New(door.Config{
		Authenticate: oidc.Authenticate(sys.tokens),
		Enter:        visits.Enter,
		Allow:        api.Admit(callers, addresses, v.TrustedProxies),
		Observe:      telemetry.Observe,
		Record:       api.Calls(recorder, sys.guard, v.TrustedProxies),
	})
	if err != nil {
		return nil, err
	}
	for name, handlers := range map[string]map[string]door.Handler{
		apiscim.API: apiscim.Handlers(apiscim.Config{Directory: sys.directory, PublicURL: v.PublicURL}),
		msp.API:     msp.Handlers(sys.orgs, sys.logins),
		apiiam.API:  apiiam.Handlers(apiiam.Config{Orgs: sys.orgs, People: sys.people, Tokens: sys.tokens, Trail: sys.trail, Providers: sys.logins, Catalog: sys.catalog, Zone: zone}),
		oidc.API:    oidc.Handlers(sys.tokens),
		own.API:     own.Handlers(own.Config{Orgs: sys.orgs, People: sys.people, Tokens: sys.tokens, Trail: sys.trail, Providers: sys.logins, Applications: sys.openid, Catalog: sys.catalog, Now: time.Now, Stopping: stopping}),
	} {
		if err := d.Mount(name, handlers); err != nil {
			return nil, err
		}
	}
	address := func(r *http.Request) netip.Addr { return api.ClientAddr(r, v.TrustedProxies) }
	allow := func(r *http.Request) (time.Duration, bool) { return addresses.Allow(address(r)) }
	people, err := pages.New(pages.Config{
		Service: sys.signin, Invitations: sys.people, Providers: sys.logins, Log: sys.log, Allow: allow, Address: address,
	})
	if err != nil {
		return nil, err
	}
	applications, err := apiopenid.New(apiopenid.Config{Service: sys.openid, SignIn: sys.signin, Log: sys.log, Assets: people.Assets(), Allow: allow, Address: address})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", d)
	people.Mount(mux, telemetry.Observed)
	applications.Mount(mux, telemetry.Observed)
	mux.Handle("GET /.well-known/jwks.json", telemetry.Observed("/.well-known/jwks.json", oidc.Keys(sys.tokens)))
	return mux, nil
}

// initialized answers with what to run until there is an organization.
func (v *serveVerb) initialized(sys *system, routes http.Handler) http.Handler {
	empty := api.Uninitialized(fmt.Sprintf("espalier org create %s --org \"Northwind MSP\" --owner you@example.com", v.where()))
	return &gate{routes: routes, empty: empty, any: sys.orgs.AnyRoot}
}

// gate shows empty until there is an organization.
type gate struct {
	routes, empty http.Handler
	any           func(context.Context) error // NotFound: none yet
	open          atomic.Bool
}

// ServeHTTP asks the database only while there is nothing to serve. Where it cannot say, the routes answer, and the next
// request asks again.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.open.Load() {
		err := g.any(r.Context())
		if errs.KindOf(err) == errs.NotFound {
			g.empty.ServeHTTP(w, r)
			return
		}
		g.open.Store(err == nil)
	}
	g.routes.ServeHTTP(w, r)
}
