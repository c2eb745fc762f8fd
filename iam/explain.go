package iam

import (
	"context"
	"strconv"
	"strings"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// ExplainAccess tells whether somebody has a privilege in an organization, and why; see access.Guard.Explain. who is a user by
// number or e-mail, or service-account:4. An address is looked for among those who have a tie to the organization alone.
func (s *Service) ExplainAccess(ctx context.Context, by access.Caller, org ref.OrgID, who string, ask access.Ask) (access.Explanation, error) {
	of, byEmail, err := s.principal(ctx, who)
	if err != nil {
		return access.Explanation{}, err
	}
	unknown := errs.NotFoundf("organization %d has no user %.128q, and lets none of that address in", org, who)
	if byEmail && of.User == 0 {
		if err := s.guard.Require(ctx, by, access.RuleIndex, org); err != nil {
			return access.Explanation{}, err
		}
		return access.Explanation{}, unknown
	}
	e, err := s.guard.Explain(ctx, by, of, org, ask)
	if err == nil && byEmail && e.Name == "" && by.Principal() != of {
		return access.Explanation{}, unknown
	}
	return e, err
}

// principal reads who is meant. An address that is nobody's is the zero value.
func (s *Service) principal(ctx context.Context, who string) (p access.Principal, byEmail bool, err error) {
	if strings.Contains(who, "@") {
		err = s.store.Read(ctx, func(tx Tx) (err error) {
			p.User, err = tx.UserByEmail(ctx, who)
			return err
		})
		if errs.KindOf(err) == errs.NotFound {
			err = nil
		}
		return p, true, err
	}
	number, account := strings.CutPrefix(who, "service-account:")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 {
		return p, false, errs.Invalidf("user: %.128q is no user: want a number, an e-mail address, or service-account:4", who)
	}
	if account {
		return access.Principal{ServiceAccount: ref.ServiceAccountID(id)}, false, nil
	}
	return access.Principal{User: ref.UserID(id)}, false, nil
}

// WhoHas lists who has a privilege in an organization at present, and why.
func (s *Service) WhoHas(ctx context.Context, by access.Caller, org ref.OrgID, ask access.Ask) ([]access.Explanation, error) {
	return s.guard.Who(ctx, by, org, ask)
}
