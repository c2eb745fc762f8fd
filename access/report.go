package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Roles returns the roles a caller holds in an organization: as a member and by access policies of the parent, with those granted
// in the project unless that is 0. Whether the organization's capabilities unlock them is not asked; see [Guard.Unlocked]. Both read
// anew: what rests on them is written down.
func (g *Guard) Roles(ctx context.Context, by Caller, org ref.OrgID, project ref.ProjectID) (RoleSet, error) {
	v := g.recall(nobody, 0)
	if err := g.read(ctx, by.Principal(), org, &v); err != nil {
		return 0, err
	}
	return v.org.roles(v.subject, Ask{Project: project, Only: by.Only}, v.at), nil
}

// roles is what [Decide] goes by.
func (o *Organization) roles(s *Subject, a Ask, now time.Time) (held RoleSet) {
	if a.Only != 0 && a.Only != o.ID {
		return 0
	}
	if roles, member := s.Orgs[o.ID]; member {
		held = roles
		if slices.Contains(o.Projects, a.Project) {
			held |= s.Projects[a.Project] &^ orgOnly
		}
	}
	if a.Only == 0 {
		_, let, _ := o.external(s, a.Privilege, now.UnixMicro())
		held |= let
	}
	return held
}

// Unlocked returns the roles to which the capabilities of an organization that are in force give a meaning.
func (g *Guard) Unlocked(ctx context.Context, org ref.OrgID) (RoleSet, error) {
	v, err := g.organization(ctx, org)
	if err != nil {
		return 0, err
	}
	return v.org.unlocked(v.at), nil
}

func (o *Organization) unlocked(now time.Time) (s RoleSet) {
	for i, gate := range gates {
		if now.UnixMicro() < o.brief.ends[i] {
			s |= gate.roles
		}
	}
	return s
}

// Held is a privilege that somebody has, and the roles that give it; none where every member has it, or it was given by itself.
type Held struct {
	Privilege Privilege
	Roles     []ref.RoleID
}

// Report lists the privileges, by name, that a principal has in an organization, or in one of its projects, at present. It reads
// anew. Who may know is asked by the caller.
func (g *Guard) Report(ctx context.Context, of Principal, org ref.OrgID, project ref.ProjectID) ([]Held, error) {
	o, err := g.cfg.Loader.Organization(ctx, org)
	if errs.KindOf(err) == errs.NotFound {
		err = orgNotFound(org)
	}
	if err != nil {
		return nil, err
	}
	s, err := g.cfg.Loader.Subject(ctx, of)
	if err != nil {
		return nil, err
	}
	if project != 0 && !slices.Contains(o.Projects, project) {
		return nil, noProject(org, project)
	}
	return report(s, o.settled(), project, g.cfg.Now()), nil
}

func report(s *Subject, o *Organization, project ref.ProjectID, now time.Time) (list []Held) {
	unlocked := o.unlocked(now)
	for p, r := range rules {
		ask := Ask{Privilege: p, Project: project}
		if p == Self || Decide(s, o, ask, now) != nil {
			continue
		}
		h := Held{Privilege: p}
		for _, role := range (o.roles(s, ask, now) & r.holders & unlocked).List() {
			h.Roles = append(h.Roles, role.ID)
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Held) int { return strings.Compare(string(a.Privilege), string(b.Privilege)) })
	return list
}
