package api

import (
	"net/http"
	"net/netip"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/audit/trail"
	"espalier.dev/errs"
)

// Calls records the calls of the API in organizations that their callers have a tie to: of others nobody may write into the
// record. It is what door.Config.Record wants.
func Calls(recorder *trail.Recorder, guard trail.Guard, trusted []netip.Prefix) func(*http.Request, door.Observation) {
	return func(r *http.Request, o door.Observation) {
		if !recorder.Wants(o.Caller, o.Org, o.Method, o.Status) ||
			errs.KindOf(guard.Require(r.Context(), o.Caller, access.OrgShow, o.Org)) == errs.NotFound {
			return
		}
		recorder.Record(trail.APIEvent{
			Org: o.Org, User: o.Caller.User, Account: o.Caller.ServiceAccount, RequestID: o.RequestID,
			Method: o.Method, Path: clipped(r.URL.Path), Host: clipped(r.Host), Address: ClientAddr(r, trusted).String(),
			Agent: clipped(r.UserAgent()), BodyBytes: max(r.ContentLength, 0), Status: o.Status, Bytes: o.Bytes, Duration: o.Duration,
		})
	}
}

// clipped is a text that a client wrote, in the length and the bytes that both engines keep.
func clipped(s string) string {
	const most = 1024
	clean := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(clean) == most {
			break
		}
		if r < ' ' || r == 0x7f {
			r = '\ufffd'
		}
		clean = append(clean, r)
	}
	return string(clean)
}
