package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"espalier.dev/errs"
)

// readyWithin bounds the question to the database, below the patience of the usual probes.
const readyWithin = 2 * time.Second

// serveHealth says that the process is alive, and nothing about what it depends on: a restart would not mend that.
func serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, health{Status: "alive"})
}

// serveReady says whether to send requests here: 200 or 503.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		writeHealth(w, http.StatusServiceUnavailable, health{Status: "draining", Reason: "the server is stopping"})
		return
	}
	if err := s.ready.ask(r.Context()); err != nil {
		reason := errs.Message(err) // the cause may tell names and addresses: it goes to the log only
		if reason == "" {
			reason = "the database does not answer"
		}
		writeHealth(w, http.StatusServiceUnavailable, health{Status: "unready", Reason: reason})
		return
	}
	writeHealth(w, http.StatusOK, health{Status: "ready"})
}

type health struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func writeHealth(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A probe that went away needs no answer.
	_ = json.NewEncoder(w).Encode(h)
}

// readiness asks whether the database answers, and logs each change of that, not each probe.
type readiness struct {
	check  func(context.Context) error // nil: always ready
	logger *slog.Logger

	mu   sync.Mutex
	away bool
}

func (rd *readiness) ask(ctx context.Context) error {
	if rd.check == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err := rd.check(ctx)

	rd.mu.Lock()
	defer rd.mu.Unlock()
	switch {
	case err != nil && !rd.away:
		rd.logger.Warn("not ready", "error", err)
	case err == nil && rd.away:
		rd.logger.Info("ready again")
	}
	rd.away = err != nil
	return err
}
