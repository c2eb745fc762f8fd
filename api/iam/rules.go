package iam

import (
	"net/http"
	"strconv"
	"strings"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

func (s *server) accessRules() map[string]door.Handler {
	return map[string]door.Handler{
		"Access Rule#index":  s.listRules,
		"Access Rule#grant":  s.grantRole,
		"Access Rule#revoke": s.revokeRole,
	}
}

// ruleFilter is what access rules may be filtered by. Source: the contract, section 1.6.
var ruleFilter = filter.MustSchema(filter.Config{
	Joins: filter.And,
	Attrs: []filter.Attr{
		{Name: "subjectRef", Type: filter.Text, Ops: filter.Eq},
		{Name: "scopeRef", Type: filter.Text, Ops: filter.Eq},
		{Name: "roleName", Type: filter.Text, Ops: filter.Eq},
	},
})

func (s *server) listRules(w http.ResponseWriter, r *door.Request) error {
	match, err := r.Filter("filter", ruleFilter)
	if err != nil {
		return err
	}
	list := wire.AccessRuleList{Kind: "iam:access-rule-list", Values: []wire.AccessRule{}}
	q, some, err := s.ruleQuery(r.OrgID(), match)
	if err != nil {
		return err
	}
	rules, err := s.People.Rules(r.Context(), r.Caller(), r.OrgID(), q)
	if err != nil {
		return err
	}
	if !some {
		rules = nil
	}
	for _, rule := range rules {
		list.Values = append(list.Values, s.accessRule(rule, r.String("view") == "extended"))
	}
	return door.JSON(w, http.StatusOK, list)
}

// ruleQuery reads a filter. Without a scope it is about the organization as a whole; some is false where two of its terms leave
// nothing.
func (s *server) ruleQuery(org ref.OrgID, match *filter.Expr) (q iam.RuleQuery, some bool, err error) {
	said := map[string]string{}
	some = true
	for term := range match.Terms() {
		text := term.Values[0].Text()
		if before, twice := said[term.Attr]; twice && before != text {
			some = false
		}
		said[term.Attr] = text
	}
	if text, ok := said["subjectRef"]; ok {
		of, err := s.grantee("filter: subjectRef", text, org)
		if err != nil {
			return q, false, err
		}
		q.Of = &of
	}
	if text, ok := said["scopeRef"]; ok {
		if q.Project, err = s.project("filter: scopeRef", text, org); err != nil {
			return q, false, err
		}
	}
	if name, ok := said["roleName"]; ok {
		role, known := access.RoleNamed(name)
		q.Role, some = role.ID, some && known
	}
	return q, some, nil
}

func (s *server) accessRule(r iam.Rule, extended bool) wire.AccessRule {
	role := access.Roles[r.Role-1]
	out := wire.AccessRule{Kind: "iam:access-rule", CreatedAt: r.CreatedAt, Subject: s.subject(r), Scope: s.scope(r.Org, r.Project),
		Role: wire.RuleRole{ID: role.ID, Kind: "iam:role", Name: role.Name}}
	if extended {
		out.Subject.Email, out.Subject.FirstName, out.Subject.LastName, out.Subject.Name = r.Email, r.FirstName, r.LastName, r.Name
		out.Role.DisplayName, out.Role.Category = role.DisplayName, s.category(role)
	}
	return out
}

func (s *server) subject(r iam.Rule) wire.RuleSubject {
	switch of := r.Of; {
	case of.User != 0:
		return wire.RuleSubject{ID: int64(of.User), Kind: "iam:user", Ref: s.ref(0, "user", of.User.String())}
	case of.Group != 0:
		return wire.RuleSubject{ID: int64(of.Group), Kind: "iam:group", Ref: s.ref(r.Org, "group", of.Group.String())}
	default:
		return wire.RuleSubject{ID: int64(of.Account), Kind: "iam:service-account", Ref: s.ref(r.Org, "service-account", of.Account.String())}
	}
}

func (s *server) scope(org ref.OrgID, project ref.ProjectID) wire.RuleScope {
	if project == 0 {
		return wire.RuleScope{ID: int64(org), Kind: "iam:org", Ref: s.ref(0, "org", org.String())}
	}
	return wire.RuleScope{ID: int64(project), Kind: "iam:project", Ref: s.ref(org, "project", project.String())}
}

func (s *server) grantRole(w http.ResponseWriter, r *door.Request) error {
	of, project, role, err := s.change(r)
	if err != nil {
		return err
	}
	if err := s.People.GrantRole(r.Context(), r.Caller(), r.OrgID(), iam.Grant{Of: of, Project: project, Role: role}); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) revokeRole(w http.ResponseWriter, r *door.Request) error {
	of, project, role, err := s.change(r)
	if err != nil {
		return err
	}
	if err := s.People.RevokeRole(r.Context(), r.Caller(), r.OrgID(), iam.Revocation{Of: of, Project: project, Role: role}); err != nil {
		return err
	}
	return door.NoContent(w)
}

// change reads the body of a grant or a revocation; role is 0 for all of them, which a grant refuses.
func (s *server) change(r *door.Request) (of iam.Grantee, project ref.ProjectID, role ref.RoleID, err error) {
	body, err := door.Body[wire.ChangeRule](r)
	if err != nil {
		return of, 0, 0, err
	}
	if of, err = s.grantee("subject.ref", body.Subject.Ref, r.OrgID()); err != nil {
		return of, 0, 0, err
	}
	if body.Scope != nil {
		if project, err = s.project("scope.ref", body.Scope.Ref, r.OrgID()); err != nil {
			return of, 0, 0, err
		}
	}
	role, err = roleOf(body.Role)
	return of, project, role, err
}

// roleOf finds the role that is meant by its id, its name, or both.
func roleOf(r wire.RoleOfRule) (ref.RoleID, error) {
	byName, known := access.RoleNamed(r.Name)
	switch {
	case r.All && (r.ID != 0 || r.Name != ""):
		return 0, errs.Invalidf("role: all stands alone, without id and name")
	case r.All:
		return 0, nil
	case r.Name != "" && !known:
		return 0, errs.Invalidf("role.name: there is no role %.64q; see the roles of the organization", r.Name)
	case r.Name != "" && r.ID != 0 && r.ID != byName.ID:
		return 0, errs.Invalidf("role: %s is role %d and not %d", r.Name, byName.ID, r.ID)
	case r.Name != "":
		return byName.ID, nil
	case r.ID < 1 || int(r.ID) > len(access.Roles):
		return 0, errs.Invalidf("role: want the id or the name of a role; see the roles of the organization")
	}
	return r.ID, nil
}

// grantee reads a subject in either style, ref:nam:::iam:user:123 or iam#user:123. One of another organization is refused.
func (s *server) grantee(member, text string, org ref.OrgID) (iam.Grantee, error) {
	r, err := s.parseRef(member, text, org)
	if err != nil {
		return iam.Grantee{}, err
	}
	id, err := strconv.ParseInt(r.ID, 10, 64)
	if err == nil && id > 0 {
		switch r.Type {
		case "user":
			return iam.Grantee{User: ref.UserID(id)}, nil
		case "group":
			return iam.Grantee{Group: ref.UserGroupID(id)}, nil
		case "service-account":
			return iam.Grantee{Account: ref.ServiceAccountID(id)}, nil
		}
	}
	return iam.Grantee{}, errs.Invalidf("%s: %.128q names no user, user group or service account; want one like ref:%s:::iam:user:123", member, text, s.Zone)
}

// project reads a scope; it is 0 for the organization itself, which has to be the one of the path.
func (s *server) project(member, text string, org ref.OrgID) (ref.ProjectID, error) {
	r, err := s.parseRef(member, text, org)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(r.ID, 10, 64)
	switch {
	case err == nil && r.Type == "project" && id > 0:
		return ref.ProjectID(id), nil
	case err == nil && r.Type == "org" && ref.OrgID(id) == org:
		return 0, nil
	}
	return 0, errs.Invalidf("%s: %.128q is neither organization %d nor a project of it; want %s or one like %s", member, text, org,
		s.ref(0, "org", org.String()), s.ref(org, "project", "100"))
}

// parseRef reads a reference to a thing of this API in this zone and in this organization, or in none.
func (s *server) parseRef(member, text string, org ref.OrgID) (ref.Ref, error) {
	if old, ok := strings.CutPrefix(text, "iam#"); ok {
		kind, id, _ := strings.Cut(old, ":")
		return ref.Ref{Service: "iam", Type: kind, ID: id}, nil
	}
	r, err := ref.Parse(text)
	switch {
	case err != nil:
		return ref.Ref{}, errs.Invalidf("%s: %.128q is no reference; want one like ref:%s:::iam:user:123", member, text, s.Zone)
	case r.Service != "iam" || r.Zone != "" && r.Zone != s.Zone || r.Project != 0:
		return ref.Ref{}, errs.Invalidf("%s: %.128q is of another service, zone or project; want one like ref:%s:::iam:user:123", member, text, s.Zone)
	case r.Org != 0 && r.Org != org:
		return ref.Ref{}, errs.Invalidf("%s: %.128q is of another organization than %d", member, text, org)
	}
	return r, nil
}
