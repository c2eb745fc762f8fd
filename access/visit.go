package access

import (
	"context"
	"slices"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Visit is how somebody comes into an organization that it is no member of.
type Visit struct {
	From     ref.OrgID // the parent
	Policies []ref.AccessPolicyID
}

// Visit tells whether a caller comes into an organization from outside, and by which access policies of the parent. Members do
// not, nor does who is let in nowhere. It is asked for every request: members and visitors cost it two lookups in memory. Of
// whoever else is in a user group the organization is read anew, as one that is absent is read: else the time would tell which of
// the two it is.
func (g *Guard) Visit(ctx context.Context, by Caller, org ref.OrgID) (Visit, bool, error) {
	if by.Operator || by.Only != 0 { // a session of one organization opens nothing by policies
		return Visit{}, false, nil
	}
	v := g.recall(by.Principal(), org)
	if v.subject == nil {
		if err := g.readSubject(ctx, by.Principal(), &v); err != nil {
			return Visit{}, false, err
		}
	}
	if _, member := v.subject.Orgs[org]; member || len(v.subject.Groups) == 0 {
		return Visit{}, false, nil
	}
	if v.org == nil || !v.visiting() {
		if err := g.readOrg(ctx, org, &v); err != nil {
			if errs.KindOf(err) == errs.NotFound {
				err = nil
			}
			return Visit{}, false, err
		}
	}
	if !v.visiting() {
		return Visit{}, false, nil
	}
	visit := Visit{From: v.org.Parent}
	for _, e := range v.org.External {
		if v.subject.Groups[e.Group] && !slices.Contains(visit.Policies, e.Policy) {
			visit.Policies = append(visit.Policies, e.Policy)
		}
	}
	return visit, true, nil
}

// visiting reports whether an access policy lets the subject in.
func (v *view) visiting() bool {
	in, _, _ := v.org.external(v.subject, "", v.at.UnixMicro())
	return in
}
