package own

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"espalier.dev/api/door"
	"espalier.dev/audit/trail"
	"espalier.dev/contract/wire"
)

// followEvery is how often a followed export looks for new entries.
const followEvery = time.Second

func auditQuery(r *door.Request) (q trail.Query, err error) {
	q.Match, err = r.Filter("filter", trail.EntryFilter)
	q.Customers = r.Bool("customers")
	return q, err
}

func (s *server) listAudit(w http.ResponseWriter, r *door.Request) error {
	q, err := auditQuery(r)
	if err != nil {
		return err
	}
	var after trail.Position
	if err := r.SkipToken(&after); err != nil {
		return err
	}
	if after != (trail.Position{}) {
		q.After = &after
	}
	q.Limit = int(r.Int64("limit"))
	page, err := s.Trail.Search(r.Context(), r.Caller(), r.OrgID(), q)
	if err != nil {
		return err
	}
	out := wire.AuditPage{Values: make([]wire.AuditEntry, len(page.Items))}
	for i, e := range page.Items {
		out.Values[i] = auditEntry(e)
	}
	if page.More {
		last := page.Items[len(page.Items)-1]
		out.NextPage = r.NextPage(trail.Position{Mark: last.Mark, ID: last.ID})
	}
	return door.JSON(w, http.StatusOK, out)
}

func auditEntry(e trail.Entry) wire.AuditEntry {
	name := e.By.Name
	if name == "" {
		name = strings.TrimSpace(e.By.FirstName + " " + e.By.LastName)
	}
	return wire.AuditEntry{
		ID: e.ID, Timestamp: e.At, OrgID: e.Org, OrgName: e.OrgName, ViaOrgID: e.Via,
		Actor:  wire.AuditActor{Kind: string(e.Actor.Kind), ID: e.Actor.ID, Name: name, Email: e.By.Email},
		Action: e.Action, Target: wire.AuditTarget{Kind: e.TargetKind, ID: e.TargetID}, Before: e.Before, After: e.After, RequestID: e.RequestID,
	}
}

// exportAudit sends a line of JSON per entry, oldest first. A followed export stays open and sends an empty line whenever it
// has looked and there was nothing new, so that either side notices when the other is gone.
func (s *server) exportAudit(w http.ResponseWriter, r *door.Request) error {
	q, err := auditQuery(r)
	if err != nil {
		return err
	}
	follow := time.Duration(0)
	if r.Bool("follow") {
		follow = followEvery
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-s.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	w.Header().Set("Content-Type", mediaLines)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	control := http.NewResponseController(w)
	begun := false
	err = s.Trail.Export(ctx, r.Caller(), r.OrgID(), q, follow,
		func(e trail.Entry) error {
			begun = true
			return enc.Encode(auditEntry(e))
		},
		func() error {
			begun = true
			if _, err := w.Write([]byte("\n")); err != nil {
				return err
			}
			return control.Flush()
		})
	if err == nil && !begun {
		w.WriteHeader(http.StatusOK)
	}
	return err
}
