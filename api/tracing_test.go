package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"espalier.dev/api/door"
)

func TestTracingWanted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		env  map[string]string
		want bool
		err  string
	}{
		{"nothing set", nil, false, ""},
		{"endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, true, ""},
		{"endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, true, ""},
		{"disabled", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, false, ""},
		{"no exporter", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, false, ""},
		{"gRPC", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "4318"},
		{
			"traces override the protocol",
			map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
				"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
			}, true, "",
		},
	} {
		got, err := tracingWanted(func(name string) string { return tt.env[name] })
		if got != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, %v, want %v, %q", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func TestTracingOff(t *testing.T) {
	t.Parallel()
	tr, err := StartTracing(t.Context(), TracingConfig{Env: func(string) string { return "" }})
	if tr != nil || err != nil {
		t.Fatalf("got %v, %v, want nil, nil", tr, err)
	}
	_, span := tr.Provider().Tracer("store").Start(t.Context(), "write")
	if span.IsRecording() {
		t.Error("a span records although tracing is off")
	}
	if err := tr.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// A request becomes a span of the client's trace, named by its route, and Shutdown sends it. Not parallel: it sets the
// environment, where the exporter looks.
func TestTracingSendsSpans(t *testing.T) {
	sent := make(chan []byte, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && r.URL.Path == "/v1/traces" {
			sent <- body
		}
	}))
	defer collector.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_SERVICE_NAME": "northwind"}
	for name, value := range env {
		t.Setenv(name, value)
	}
	_, logger := newLog()
	tr, err := StartTracing(t.Context(), TracingConfig{Env: func(name string) string { return env[name] }, Version: "1.2.3", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	log, requestLogger := newLog()
	tel := NewTelemetry(TelemetryConfig{Logger: requestLogger})
	mux.HandleFunc("GET /msp/v2/orgs/{orgId}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "served")
		tel.Observe(r.Context(), door.Observation{Pattern: "/msp/v2/orgs/{orgId}", Method: "GET", Status: 200, RequestID: "r-17"})
	})
	s := start(t, Config{Handler: mux, Tracing: tr})
	a := s.get(t, "/msp/v2/orgs/12?token=sesame", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if a.body != "served" {
		t.Errorf("got %q", a.body)
	}
	s.stop()
	<-s.done
	if err := tr.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	body := <-sent
	trace := []byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	for _, want := range [][]byte{trace, []byte("GET /msp/v2/orgs/{orgId}"), []byte("northwind"), []byte("1.2.3"), []byte("r-17")} {
		if !bytes.Contains(body, want) {
			t.Errorf("the spans sent lack %q", want)
		}
	}
	if want := "trace_id=0af7651916cd43dd8448eb211c80319c"; !strings.Contains(log.String(), want) {
		t.Errorf("the log line lacks %s: %s", want, log)
	}
	if bytes.Contains(body, []byte("sesame")) {
		t.Error("the spans sent hold a query")
	}
}
