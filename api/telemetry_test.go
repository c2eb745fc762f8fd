package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/errs"
)

func TestObserveWritesOneLine(t *testing.T) {
	t.Parallel()
	hidden := errors.New("dial tcp 10.0.0.7: refused")
	for _, tt := range []struct {
		name string
		o    door.Observation
		want string
	}{
		{
			"full",
			door.Observation{
				Operation: "msp#create", Pattern: "/msp/v2/orgs/{orgId}/customers", Method: "POST", Status: 201,
				Duration: 1500 * time.Microsecond, Bytes: 7, Org: 12, Caller: access.Caller{User: 3}, RequestID: "r1",
			},
			`level=INFO msg=request method=POST route=/msp/v2/orgs/{orgId}/customers status=201 ms=1.5 bytes=7 request_id=r1 operation=msp#create org=12 caller=user:3`,
		},
		{
			"unmatched, unknown method",
			door.Observation{Method: "EVIL\nlevel=ERROR", Status: 404},
			`level=INFO msg=request method=other route=unmatched status=404 ms=0 bytes=0`,
		},
		{
			"internal error with its cause",
			door.Observation{Pattern: "/x", Method: "GET", Status: 500, Err: fmt.Errorf("read: %w", hidden), Caller: access.Caller{ServiceAccount: 4}},
			`level=ERROR msg=request method=GET route=/x status=500 ms=0 bytes=0 caller=service-account:4 error="read: dial tcp 10.0.0.7: refused"`,
		},
		{
			"the caller's own error without its cause",
			door.Observation{Pattern: "/x", Method: "GET", Status: 400, Err: &errs.Error{Kind: errs.Invalid, Msg: "name is empty", Err: hidden}},
			`level=INFO msg=request method=GET route=/x status=400 ms=0 bytes=0 error="name is empty"`,
		},
	} {
		log, logger := newLog()
		NewTelemetry(TelemetryConfig{Logger: logger}).Observe(t.Context(), tt.o)
		_, got, _ := strings.Cut(strings.TrimSpace(log.String()), " ") // the time stands first
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	_, logger := newLog()
	tel := NewTelemetry(TelemetryConfig{Logger: logger, Version: "1.2.3"})
	kept := prometheus.NewGauge(prometheus.GaugeOpts{Name: "espalier_store_organizations", Help: "Kept by another package."})
	kept.Set(250)
	tel.Registerer().MustRegister(kept)
	tel.Observe(t.Context(), door.Observation{Pattern: "/a/{id}", Method: "GET", Status: 200, Duration: 3 * time.Millisecond})
	tel.Observe(t.Context(), door.Observation{Pattern: "/a/{id}", Method: "GET", Status: 200})
	tel.Observe(t.Context(), door.Observation{Pattern: "/a/{id}", Method: "BREW", Status: 404})

	w := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`espalier_http_requests_total{method="GET",route="/a/{id}",status="200"} 2`,
		`espalier_http_requests_total{method="other",route="/a/{id}",status="404"} 1`,
		`espalier_http_request_duration_seconds_bucket{class="2xx",method="GET",route="/a/{id}",le="0.0025"} 1`,
		`espalier_http_request_duration_seconds_bucket{class="2xx",method="GET",route="/a/{id}",le="0.005"} 2`,
		"espalier_http_requests_in_flight 0",
		`version="1.2.3"`,
		"espalier_store_organizations 250",
		"go_goroutines ",
		"process_resident_memory_bytes ",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// What the server answers itself is counted, and logged for debugging only; a token in a query is in neither.
func TestOwnRoutesAreObserved(t *testing.T) {
	t.Parallel()
	log, logger := newLog()
	s := start(t, Config{Handler: text(""), Logger: logger, Documents: shown})
	s.get(t, "/healthz?access_token=sesame", "Authorization", "Bearer sesame")
	s.get(t, "/docs/sesame")
	metrics := s.get(t, "/metrics").body
	for _, want := range []string{`route="/healthz",status="200"} 1`, `route="/docs/",status="404"} 1`, "in_flight 1"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if !strings.Contains(log.String(), "level=DEBUG msg=request method=GET route=/healthz status=200") {
		t.Errorf("no line for /healthz in:\n%s", log)
	}
	if strings.Contains(log.String()+metrics, "sesame") {
		t.Errorf("a secret reached log or metrics:\n%s", log)
	}
}
