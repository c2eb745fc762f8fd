package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	notrace "go.opentelemetry.io/otel/trace/noop"
)

// TracingConfig says whether spans are sent, and what they say about their origin.
type TracingConfig struct {
	Env     func(name string) string // reads the OTEL_ variables: os.Getenv in cmd
	Version string                   // of the product
	Logger  *slog.Logger             // gets the exporter's failures; nil: slog.Default()
}

// Tracing sends spans over OTLP. A nil Tracing is off and costs nothing: all its methods may be called.
type Tracing struct {
	provider *sdktrace.TracerProvider
}

// StartTracing returns nil, nil unless OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. The
// other usual variables (headers, timeouts, certificates, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_SERVICE_NAME, ...) are read by the libraries, from the environment itself.
// A collector that cannot be reached does not stop the server: spans are dropped, and the log says so.
func StartTracing(ctx context.Context, cfg TracingConfig) (*Tracing, error) {
	wanted, err := tracingWanted(cfg.Env)
	if err != nil || !wanted {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	// The one global of the library that we set: failures in the background have no other way out.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		cfg.Logger.Warn("telemetry", "error", err)
	}))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send spans as the OTEL_ variables say: %w", err)
	}
	origin, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "espalier"),
			attribute.String("service.version", cfg.Version),
		),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // last, so that OTEL_SERVICE_NAME wins
	)
	if err != nil {
		return nil, fmt.Errorf("describe this server to the collector, see OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return &Tracing{provider: sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), sdktrace.WithResource(origin),
	)}, nil
}

func tracingWanted(env func(string) string) (bool, error) {
	const prefix = "OTEL_EXPORTER_OTLP_"
	if env == nil || env("OTEL_SDK_DISABLED") == "true" || env("OTEL_TRACES_EXPORTER") == "none" {
		return false, nil
	}
	if env(prefix+"ENDPOINT") == "" && env(prefix+"TRACES_ENDPOINT") == "" {
		return false, nil
	}
	protocol := env(prefix + "TRACES_PROTOCOL")
	if protocol == "" {
		protocol = env(prefix + "PROTOCOL")
	}
	if protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("%sPROTOCOL is %q: only http/protobuf is spoken (usually port 4318 of the collector)", prefix, protocol)
	}
	return true, nil
}

// Provider makes tracers for other packages: one that does nothing when tracing is off.
func (t *Tracing) Provider() trace.TracerProvider {
	if t == nil {
		return notrace.NewTracerProvider()
	}
	return t.provider
}

// Wrap opens a span per request, as a child of the client's by the W3C trace context, named by method and route pattern.
func (t *Tracing) Wrap(h http.Handler) http.Handler {
	if t == nil {
		return h
	}
	return otelhttp.NewHandler(h, "request",
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // Prometheus has them already
	)
}

// Shutdown sends what is still buffered, until ctx ends.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}
