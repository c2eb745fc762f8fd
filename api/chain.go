package api

import (
	"net/http"
	"strings"
	"time"
)

// chain is what each request passes, outermost first: the count of requests at work, security headers, the pace, spans,
// compression, the route.
func (s *Server) chain() http.Handler {
	routes := s.cfg.Tracing.Wrap(compressed(s.cfg.Handler))
	p := pacing{grace: s.cfg.Limits.Grace, rate: s.cfg.Limits.MinRate, now: time.Now}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		defer s.requests.Done()
		s.cfg.Telemetry.inFlight.Add(1)
		defer s.cfg.Telemetry.inFlight.Add(-1)

		setSecurityHeaders(w.Header(), s.https)
		if s.draining.Load() {
			// The connection ends with this answer, so that the client opens its next one elsewhere.
			w.Header().Set("Connection", "close")
		}
		w, r, done := p.wrap(w, r)
		defer done()
		s.handler(r.URL.Path, routes).ServeHTTP(w, r)
	})
}

func (s *Server) handler(path string, routes http.Handler) http.Handler {
	if h, ok := s.own[path]; ok {
		return h
	}
	if s.docs != nil && strings.HasPrefix(path, "/docs/") {
		return s.docs
	}
	return routes
}
