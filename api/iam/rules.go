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
	q, some, err := s.ruleQuery(match)
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
func (s *server) ruleQuery(match *filter.Expr) (q iam.RuleQuery, some bool, err error) {
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
		of, err := s.grantee("filter: subjectRef", text)
		if err != nil {
			return q, false, err
		}
		q.Of = &of
	}
	if text, ok := said["scopeRef"]; ok {
		if q.In, err = s.scopeOf("filter: scopeRef", text); err != nil {
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
	g, err := s.change(r)
	if err != nil {
		return err
	}
	if err := s.People.GrantRole(r.Context(), r.Caller(), r.OrgID(), g); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) revokeRole(w http.ResponseWriter, r *door.Request) error {
	g, err := s.change(r)
	if err != nil {
		return err
	}
	if err := s.People.RevokeRole(r.Context(), r.Caller(), r.OrgID(), iam.Revocation(g)); err != nil {
		return err
	}
	return door.NoContent(w)
}

// change reads the body of a grant or a revocation; its role is 0 for all of them, which no grant can be of.
func (s *server) change(r *door.Request) (g iam.Grant, err error) {
	body, err := door.Body[wire.ChangeRule](r)
	if err != nil {
		return g, err
	}
	if g.Of, err = s.grantee("subject.ref", body.Subject.Ref); err != nil {
		return g, err
	}
	if body.Scope != nil {
		if g.In, err = s.scopeOf("scope.ref", body.Scope.Ref); err != nil {
			return g, err
		}
	}
	g.Role, err = roleOf(body.Role)
	return g, err
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

// grantee reads a subject in either style, ref:nam:::iam:user:123 or iam#user:123.
func (s *server) grantee(member, text string) (iam.Grantee, error) {
	r, id := s.parseRef(text)
	switch r.Type {
	case "user":
		return iam.Grantee{User: ref.UserID(id), Org: r.Org}, nil
	case "group":
		return iam.Grantee{Group: ref.UserGroupID(id), Org: r.Org}, nil
	case "service-account":
		return iam.Grantee{Account: ref.ServiceAccountID(id), Org: r.Org}, nil
	}
	return iam.Grantee{}, errs.Invalidf("%s: %.128q names no user, user group or service account of zone %s; want one like %s",
		member, text, s.Zone, s.ref(0, "user", "123"))
}

// scopeOf reads ref:nam:::iam:org:10 or ref:nam:10::iam:project:100.
func (s *server) scopeOf(member, text string) (iam.Scope, error) {
	r, id := s.parseRef(text)
	switch {
	case r.Type == "project":
		return iam.Scope{Org: r.Org, Project: ref.ProjectID(id)}, nil
	case r.Type == "org" && (r.Org == 0 || r.Org == ref.OrgID(id)):
		return iam.Scope{Org: ref.OrgID(id)}, nil
	}
	return iam.Scope{}, errs.Invalidf("%s: %.128q names no organization and no project of zone %s; want one like %s or %s",
		member, text, s.Zone, s.ref(0, "org", "10"), s.ref(10, "project", "100"))
}

// parseRef reads a reference to a thing of this API in this zone, with its number. It is the zero value for any other text.
func (s *server) parseRef(text string) (ref.Ref, int64) {
	r, err := ref.Parse(text)
	if old, ok := strings.CutPrefix(text, "iam#"); ok {
		kind, id, _ := strings.Cut(old, ":")
		r, err = ref.Ref{Service: "iam", Type: kind, ID: id}, nil
	}
	if err != nil || r.Service != "iam" || r.Zone != "" && r.Zone != s.Zone || r.Project != 0 {
		return ref.Ref{}, 0
	}
	id, err := strconv.ParseInt(r.ID, 10, 64)
	if err != nil || id < 1 {
		return ref.Ref{}, 0
	}
	return r, id
}
