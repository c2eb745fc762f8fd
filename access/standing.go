package access

import (
	"context"
	"slices"

	"espalier.dev/ref"
)

// Standing is what somebody is in an organization at present.
type Standing struct {
	Member       bool    // else an access policy of the parent lets it in
	Roles        RoleSet // in the whole organization, those that capabilities in force give a meaning
	Capabilities []string
}

// Standing tells what a caller is in an organization: what decisions are made by, for others to know. It is errs.NotFound for
// who is neither a member nor let in by an access policy, also for members of the parent.
func (g *Guard) Standing(ctx context.Context, by Caller, org ref.OrgID) (Standing, error) {
	v := g.recall(by.Principal(), org)
	fresh := v.subject == nil && v.org == nil
	if err := g.read(ctx, by.Principal(), org, &v); err != nil {
		return Standing{}, err
	}
	s, err := standing(v, by.Only)
	if err == nil || fresh || g.cfg.TTL == 0 {
		return s, err
	}
	v = g.recall(nobody, 0)
	if err := g.read(ctx, by.Principal(), org, &v); err != nil {
		return Standing{}, err
	}
	return standing(v, by.Only)
}

func standing(v view, only ref.OrgID) (Standing, error) {
	if only != 0 && only != v.org.ID {
		return Standing{}, orgNotFound(v.org.ID)
	}
	roles, member := v.subject.Orgs[v.org.ID]
	if only == 0 {
		let, given, _ := v.org.external(v.subject, "", v.at.UnixMicro())
		roles, member = roles|given, member || let
	}
	if !member {
		return Standing{}, orgNotFound(v.org.ID)
	}
	s := Standing{}
	_, s.Member = v.subject.Orgs[v.org.ID]
	for _, c := range v.org.Capabilities {
		if c.Active(v.at) {
			s.Capabilities = append(s.Capabilities, c.Name)
		}
	}
	slices.Sort(s.Capabilities)
	for _, r := range roles.List() {
		if slices.Contains(s.Capabilities, r.Capability) {
			s.Roles = s.Roles.Add(r.ID)
		}
	}
	return s, nil
}
