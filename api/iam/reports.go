package iam

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

func (s *server) userReports() map[string]door.Handler {
	return map[string]door.Handler{
		"User Memberships#index":                s.listUserOrgs,
		"User Memberships#indexProjects":        s.listUserProjects,
		"User Memberships#showPrivilegesReport": s.reportPrivileges,
	}
}

func (s *server) listUserOrgs(w http.ResponseWriter, r *door.Request) error {
	orgs, err := s.People.UserOrgs(r.Context(), r.Caller(), userID(r))
	if err != nil {
		return err
	}
	list := wire.UserOrgList{Kind: "iam:user-org-list", Values: make([]wire.UserOrg, len(orgs))}
	for i, o := range orgs {
		list.Values[i] = s.userOrg(o)
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) userOrg(o iam.Tie) wire.UserOrg {
	return wire.UserOrg{ID: o.ID, Kind: "iam:user-org", Ref: s.ref(0, "org", o.ID.String()), Name: o.Name}
}

func (s *server) listUserProjects(w http.ResponseWriter, r *door.Request) error {
	projects, err := s.People.UserProjects(r.Context(), r.Caller(), userID(r))
	if err != nil {
		return err
	}
	list := wire.UserProjectList{Kind: "iam:user-project-list", Values: make([]wire.UserProject, len(projects))}
	for i, p := range projects {
		list.Values[i].Project = wire.Project{ID: p.ID, Kind: "iam:user-project", Ref: s.ref(p.Org.ID, "project", p.ID.String()), Name: p.Name,
			CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
		if r.String("view") == "extended" {
			o := s.userOrg(p.Org)
			list.Values[i].Org = &o
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

// maxReportScopes bounds a report, each scope of which is worked out anew.
const maxReportScopes = 100

func (s *server) reportPrivileges(w http.ResponseWriter, r *door.Request) error {
	asked := r.Strings("scopeRefs")
	if len(asked) > maxReportScopes {
		return errs.Invalidf("scopeRefs: %d scopes; want at most %d", len(asked), maxReportScopes)
	}
	scopes := make([]iam.Scope, len(asked))
	for i, text := range asked {
		var err error
		if scopes[i], err = s.scopeOf(fmt.Sprintf("scopeRefs[%d]", i), text); err != nil {
			return err
		}
		if scopes[i].Org == 0 {
			return errs.Invalidf("scopeRefs[%d]: %.128q names a project without its organization; want one like %s", i, text, s.ref(10, "project", "100"))
		}
	}
	found, err := s.People.PrivilegesReport(r.Context(), r.Caller(), userID(r), scopes, r.String("prefix"))
	if err != nil {
		return err
	}
	report := wire.PrivilegesReport{Kind: "iam:user-privileges-report", Privileges: make([]wire.ReportPrivilege, len(found))}
	named := map[ref.RoleID]bool{}
	for i, p := range found {
		out := wire.ReportPrivilege{Kind: "iam:user-privilege", PrivilegeID: string(p.Privilege)}
		for _, in := range p.In {
			out.ScopePrivileges = append(out.ScopePrivileges, wire.ReportScope{Scope: asked[in.Scope], RoleIDs: append([]ref.RoleID{}, in.Roles...)})
			for _, id := range in.Roles {
				named[id] = true
			}
		}
		report.Privileges[i] = out
	}
	if r.String("view") == "extended" {
		for _, id := range slices.Sorted(maps.Keys(named)) {
			report.Roles = append(report.Roles, wire.ReportRole{ID: id, Kind: "iam:role", Name: access.Roles[id-1].Name})
		}
	}
	return door.JSON(w, http.StatusOK, report)
}
