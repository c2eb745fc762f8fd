package own

import (
	"net/http"
	"slices"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// asks is the question of a request.
func asks(r *door.Request) access.Ask {
	return access.Ask{Privilege: access.Privilege(r.String("privilege")), Project: ref.ProjectID(r.Int64("projectId"))}
}

func (s *server) explainAccess(w http.ResponseWriter, r *door.Request) error {
	e, err := s.People.ExplainAccess(r.Context(), r.Caller(), r.OrgID(), r.String("user"), asks(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, explanation(e))
}

// listedPrincipal is where a page of principals ended, and of which question.
type listedPrincipal struct {
	Ask access.Ask       `json:"ask"`
	Org ref.OrgID        `json:"org"`
	Of  access.Principal `json:"of"`
}

func (s *server) whoHasAccess(w http.ResponseWriter, r *door.Request) error {
	var after listedPrincipal
	if err := r.SkipToken(&after); err != nil {
		return err
	}
	if r.Given("skipToken") && (after.Ask != asks(r) || after.Org != r.OrgID()) {
		return errs.Invalidf("skipToken: is of another question; follow nextPage as it stands")
	}
	list, err := s.People.WhoHas(r.Context(), r.Caller(), r.OrgID(), asks(r))
	if err != nil {
		return err
	}
	out := wire.AccessPage{Values: []wire.AccessExplanation{}, Total: int64(len(list))}
	rest := list
	if r.Given("skipToken") {
		rest = slices.DeleteFunc(list, func(e access.Explanation) bool { return e.Principal.Compare(after.Of) <= 0 })
	}
	limit := int(r.Int64("limit"))
	for _, e := range rest[:min(limit, len(rest))] {
		out.Values = append(out.Values, explanation(e))
	}
	if len(rest) > limit {
		out.NextPage = r.NextPage(listedPrincipal{Ask: asks(r), Org: r.OrgID(), Of: rest[limit-1].Principal})
	}
	return door.JSON(w, http.StatusOK, out)
}

func explanation(e access.Explanation) wire.AccessExplanation {
	out := wire.AccessExplanation{Principal: wire.AccessPrincipal{Kind: "user", ID: int64(e.Principal.User), Name: e.Name},
		OrgID: e.Org, ProjectID: e.Ask.Project, Privilege: string(e.Ask.Privilege), Allowed: e.Allowed, Refusal: e.Refusal, At: e.At.UTC(),
		Capability: e.Capability.Name, CapabilityHeld: e.Held, CapabilityActive: e.Held && e.Capability.Active(e.At),
		CapabilityEndsAt: e.Capability.Ends, Member: e.Member, EveryMember: e.Everybody, Reasons: []wire.AccessReason{}}
	if e.Principal.ServiceAccount != 0 {
		out.Principal.Kind, out.Principal.ID = "service-account", int64(e.Principal.ServiceAccount)
	}
	for _, reason := range e.Reasons {
		out.Reasons = append(out.Reasons, accessReason(reason))
	}
	return out
}

func accessReason(r access.Reason) wire.AccessReason {
	out := wire.AccessReason{Kind: "rule", ProjectID: r.Project, GroupID: r.Group, GroupName: r.GroupName,
		AccessPolicyID: r.Policy, AccessPolicyName: r.PolicyName, Counts: r.Rests == "", Rests: r.Rests}
	if r.Role != 0 {
		out.Role = access.Roles[r.Role-1].Name
	}
	switch {
	case r.Policy != "":
		out.Kind = "policy"
	case r.Group != 0:
		out.Kind = "group"
	}
	return out
}
