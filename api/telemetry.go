package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/errs"
)

// TelemetryConfig says where log lines go and which build they come from.
type TelemetryConfig struct {
	Logger  *slog.Logger // nil: slog.Default()
	Version string       // of the product, for espalier_build_info; "" for "dev"
}

// Telemetry counts and logs requests. Its registry is its own, so several servers fit into one process.
type Telemetry struct {
	logger   *slog.Logger
	registry *prometheus.Registry
	count    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight atomic.Int64
}

// NewTelemetry registers the metrics of requests, of the Go runtime and of the process.
func NewTelemetry(cfg TelemetryConfig) *Telemetry {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	t := &Telemetry{
		logger:   cfg.Logger,
		registry: prometheus.NewRegistry(),
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "espalier_http_requests_total",
			Help: "Requests answered, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "espalier_http_request_duration_seconds",
			Help:    "Time from the header of a request to the end of its answer, by route pattern, method and class of status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route", "method", "class"}),
	}
	t.registry.MustRegister(
		t.count, t.duration,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "espalier_http_requests_in_flight",
			Help: "Requests being answered now.",
		}, func() float64 { return float64(t.inFlight.Load()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(cfg.Version),
	)
	return t
}

func buildInfo(version string) prometheus.Collector {
	if version == "" {
		version = "dev"
	}
	revision, goVersion := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "espalier_build_info",
		Help:        "Always 1; the labels say which build runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go": goVersion},
	})
	g.Set(1)
	return g
}

// Registerer takes the metrics of other packages: the store's, the job queue's.
func (t *Telemetry) Registerer() prometheus.Registerer { return t.registry }

// Metrics answers in the formats that Prometheus asks for.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(t.logger.Handler(), slog.LevelError),
	})
}

// Observe writes the one log line of a request, counts it, and tells the span in ctx, if there is one. It is what
// door.Config.Observe wants. An observation holds nothing that a client wrote but the method: no path, query, header or
// body, so no secret can slip through.
func (t *Telemetry) Observe(ctx context.Context, o door.Observation) {
	t.observe(ctx, requestLevel(o.Status), o)
}

func (t *Telemetry) observe(ctx context.Context, level slog.Level, o door.Observation) {
	route, method, status := o.Pattern, knownMethod(o.Method), strconv.Itoa(o.Status)
	if route == "" {
		route = "unmatched"
	}
	t.count.WithLabelValues(route, method, status).Inc()
	t.duration.WithLabelValues(route, method, status[:1]+"xx").Observe(o.Duration.Seconds())

	span := trace.SpanFromContext(ctx)
	if span.IsRecording() {
		describe(span, o)
	}
	ctx = context.WithoutCancel(ctx) // a line is written also when the request's context ended
	if !t.logger.Enabled(ctx, level) {
		return
	}
	as := attributes(o, route, method)
	if sc := span.SpanContext(); sc.IsValid() {
		as = append(as, slog.String("trace_id", sc.TraceID().String()))
	}
	t.logger.LogAttrs(ctx, level, "request", as...)
}

// describe adds to a span what only the handler knew.
func describe(span trace.Span, o door.Observation) {
	span.SetAttributes(
		attribute.String("espalier.operation", o.Operation),
		attribute.Int64("espalier.org", int64(o.Org)),
		attribute.String("espalier.caller", callerName(o.Caller)),
		attribute.String("espalier.request_id", o.RequestID),
	)
	if o.Err != nil && o.Status >= http.StatusInternalServerError {
		span.RecordError(o.Err)
	}
}

// attributes leaves out what says nothing, so that a line stays readable.
func attributes(o door.Observation, route, method string) []slog.Attr {
	as := make([]slog.Attr, 0, 11)
	as = append(as,
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", o.Status),
		slog.Float64("ms", float64(o.Duration.Microseconds())/1000),
		slog.Int64("bytes", o.Bytes),
	)
	if o.RequestID != "" {
		as = append(as, slog.String("request_id", o.RequestID))
	}
	if o.Operation != "" {
		as = append(as, slog.String("operation", o.Operation))
	}
	if o.Org != 0 {
		as = append(as, slog.Int64("org", int64(o.Org)))
	}
	if c := callerName(o.Caller); c != "" {
		as = append(as, slog.String("caller", c))
	}
	if o.Err != nil {
		as = append(as, slog.String("error", loggedError(o.Err)))
	}
	return as
}

// loggedError is the whole chain of an error that is our fault, and otherwise what its caller was told.
func loggedError(err error) string {
	switch errs.KindOf(err) {
	case errs.Internal, errs.Unavailable:
		return err.Error()
	}
	if msg := errs.Message(err); msg != "" {
		return msg
	}
	return errs.KindOf(err).String()
}

func callerName(c access.Caller) string {
	switch {
	case c.Operator:
		return "operator"
	case c.User != 0:
		return "user:" + strconv.FormatInt(int64(c.User), 10)
	case c.ServiceAccount != 0:
		return "service-account:" + strconv.FormatInt(int64(c.ServiceAccount), 10)
	}
	return ""
}

// knownMethod bounds the values of a label: the method is a word that the client chose.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "other"
}

func requestLevel(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// Observed reports the requests of a handler that has no reporting of its own. Probes come every few seconds, so their
// lines are for slog.LevelDebug; pattern is what the metrics call the route.
func (t *Telemetry) Observed(pattern string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		cw := &countingWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			t.observe(r.Context(), slog.LevelDebug, door.Observation{
				Pattern: pattern, Method: r.Method, Status: cw.status, Bytes: cw.bytes, Duration: time.Since(began),
			})
		}()
		h.ServeHTTP(cw, r)
	})
}

// countingWriter remembers what was answered.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController reach the connection.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *countingWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
