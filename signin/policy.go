package signin

import (
	"context"
	"net/url"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// LoginPolicy is how the people of an organization sign in. The zero value lets everybody choose.
type LoginPolicy struct {
	Org ref.OrgID
	// EnforceSSO sends the members whose home it is through its identity provider. Guests with addresses of other domains, whom
	// no provider of it could vouch for, are not concerned.
	EnforceSSO bool
	// Default is the provider that its people are led to; "": the one that speaks for their domain.
	Default ref.ProviderID
	// BreakGlass is the one owner who may sign in here all the same, with a second factor; 0: none.
	BreakGlass ref.UserID
	UpdatedAt  time.Time
}

type policyTx interface {
	// LoginPolicy reads that of an organization; the zero value with its Org if it was never set.
	LoginPolicy(ctx context.Context, org ref.OrgID) (LoginPolicy, error)
	PutLoginPolicy(ctx context.Context, l LoginPolicy) error
}

// LoginPolicy shows that of an organization.
func (p *Providers) LoginPolicy(ctx context.Context, by access.Caller, org ref.OrgID) (l LoginPolicy, err error) {
	if err := p.cfg.Guard.Require(ctx, by, access.LoginPolicyShow, org); err != nil {
		return LoginPolicy{}, err
	}
	err = p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		l, err = tx.LoginPolicy(ctx, org)
		return err
	})
	return l, err
}

// LoginPolicyChange is what of a login policy is to be another; nil keeps.
type LoginPolicyChange struct {
	EnforceSSO *bool
	Default    *ref.ProviderID
}

// UpdateLoginPolicy changes what is given. SSO is enforced only where there is a way in: a provider that speaks for a verified
// domain, and an owner for the day that it fails, which is the caller if none was named.
func (p *Providers) UpdateLoginPolicy(ctx context.Context, by access.Caller, org ref.OrgID, c LoginPolicyChange) error {
	return p.changePolicy(ctx, by, access.LoginPolicyUpdate, org, "login_policy.update", func(tx Tx, l *LoginPolicy) error {
		if c.Default != nil {
			found, err := tx.IdentityProvider(ctx, org, c.Default.Canonical())
			if absent(err) {
				return errs.Invalidf("loginPolicy.defaultIdpId: organization %d has no identity provider %s", org, *c.Default)
			}
			if err != nil {
				return err
			}
			l.Default = found.ID
		}
		if c.EnforceSSO == nil || *c.EnforceSSO == l.EnforceSSO {
			return nil
		}
		l.EnforceSSO = *c.EnforceSSO
		if !l.EnforceSSO {
			return nil
		}
		return enforceable(ctx, tx, by, l)
	})
}

// enforceable refuses to enforce what would shut everybody out, and sees to it that there is a break-glass owner.
func enforceable(ctx context.Context, tx Tx, by access.Caller, l *LoginPolicy) error {
	if err := wayIn(ctx, tx, l.Org, func(Domain) bool { return true }); err != nil {
		return err
	}
	for _, candidate := range []ref.UserID{l.BreakGlass, by.User} {
		owner, err := tx.IsOwnerOf(ctx, candidate, []ref.OrgID{l.Org})
		if err != nil {
			return err
		}
		if owner {
			l.BreakGlass = candidate
			return nil
		}
	}
	return errs.Invalidf("loginPolicy.enforceSso: organization %d has named no owner who can still sign in should its identity provider fail: an owner names one at /espalier/v1/orgs/%d/break-glass", l.Org, l.Org)
}

// wayIn refuses if no domain that keep lets stay is verified by the organization itself: nobody would be at home there.
func wayIn(ctx context.Context, tx Tx, org ref.OrgID, keep func(Domain) bool) error {
	domains, err := tx.Domains(ctx, org, "")
	if err != nil {
		return err
	}
	for _, d := range domains {
		if !d.VerifiedAt.IsZero() && d.Via == 0 && keep(d) {
			return nil
		}
	}
	return errs.Invalidf("organization %d has no identity provider with a verified domain, which enforcing SSO asks for", org)
}

// keepWay is wayIn where SSO is enforced.
func keepWay(ctx context.Context, tx Tx, org ref.OrgID, keep func(Domain) bool) error {
	l, err := tx.LoginPolicy(ctx, org)
	if err != nil || !l.EnforceSSO {
		return err
	}
	if err := wayIn(ctx, tx, org, keep); err != nil {
		return errs.Invalidf("organization %d enforces SSO, and this is the last of its identity providers' verified domains: end enforcing first", org)
	}
	return nil
}

// BreakGlass names the one owner who may sign in past the identity provider, or with 0 nobody. Owners alone name it; while SSO
// is enforced there has to be one.
func (p *Providers) BreakGlass(ctx context.Context, by access.Caller, org ref.OrgID, user ref.UserID) error {
	return p.changePolicy(ctx, by, access.OrgOwn, org, "login_policy.break_glass", func(tx Tx, l *LoginPolicy) error {
		if user == 0 && l.EnforceSSO {
			return errs.Invalidf("userId: organization %d enforces SSO, and needs an owner who can still sign in should its identity provider fail", org)
		}
		if user != 0 {
			owner, err := tx.IsOwnerOf(ctx, user, []ref.OrgID{org})
			if err != nil {
				return err
			}
			if !owner {
				return errs.Invalidf("userId: user %d is no owner of organization %d", user, org)
			}
		}
		l.BreakGlass = user
		return nil
	})
}

func (p *Providers) changePolicy(ctx context.Context, by access.Caller, privilege access.Privilege, org ref.OrgID, action string, change func(Tx, *LoginPolicy) error) error {
	if err := p.cfg.Guard.Require(ctx, by, privilege, org); err != nil {
		return err
	}
	return p.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		before, err := tx.LoginPolicy(ctx, org)
		if err != nil {
			return err
		}
		after := before
		if err := change(tx, &after); err != nil {
			return err
		}
		after.UpdatedAt = tx.Now()
		if err := tx.PutLoginPolicy(ctx, after); err != nil {
			return err
		}
		return recordChange(ctx, tx, by, audit.Entry{Org: org, Action: action, TargetKind: "organization", TargetID: org.String()}, before.told(), after.told())
	})
}

func (l LoginPolicy) told() map[string]any {
	return map[string]any{"enforceSso": l.EnforceSSO, "defaultProvider": l.Default, "breakGlassUser": l.BreakGlass}
}

// Local says whether a user may sign in here. The home organization decides, for its members: another one could else shut
// people out of what is not its own.
func (p *Providers) Local(ctx context.Context, user ref.UserID) (terms LocalTerms, err error) {
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		terms = LocalTerms{}
		person, err := tx.Person(ctx, user)
		if err != nil {
			return err
		}
		home, err := Home(ctx, tx, person.Email)
		if err != nil || home == 0 {
			return err
		}
		l, err := tx.LoginPolicy(ctx, home)
		if err != nil || !l.EnforceSSO {
			return err
		}
		standing, err := tx.Standing(ctx, home, user)
		if err != nil || standing != Active && standing != Invited {
			return err
		}
		terms, err = l.terms(ctx, tx, user)
		return err
	})
	return terms, err
}

// terms is what an enforcing policy asks of a member.
func (l LoginPolicy) terms(ctx context.Context, tx Tx, user ref.UserID) (LocalTerms, error) {
	if user == l.BreakGlass {
		owner, err := tx.IsOwnerOf(ctx, user, []ref.OrgID{l.Org})
		if err != nil || owner {
			return LocalTerms{SecondFactor: true, BreakGlass: []ref.OrgID{l.Org}}, err
		}
	}
	return LocalTerms{Refused: "Your organization has its people sign in through its identity provider. Go back, give your e-mail address and go on from there."}, nil
}

// Discover leads to the identity provider of the domain of an address, whoever it is.
func (p *Providers) Discover(ctx context.Context, email, next string) (to string, ok bool, err error) {
	if p.origin == "" {
		return "", false, nil
	}
	var id ref.ProviderID
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		d, err := tx.HomeDomain(ctx, domainOf(email))
		if err != nil {
			return err
		}
		l, err := tx.LoginPolicy(ctx, d.Org)
		if id = l.Default; id == "" {
			id = d.Provider
		}
		return err
	})
	if absent(err) {
		return "", false, nil
	}
	return startPath(id, next), err == nil, err
}

// ByHint leads to the identity provider that somebody names by its hint; errs.NotFound if there is none.
func (p *Providers) ByHint(ctx context.Context, hint, next string) (to string, err error) {
	var found Provider
	err = p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		found, err = tx.IdentityProviderByHint(ctx, hint)
		return err
	})
	if absent(err) {
		return "", errs.NotFoundf("No organization’s sign-in goes by that name.")
	}
	return startPath(found.ID, next), err
}

// startPath is where a sign-in at an identity provider begins.
func startPath(id ref.ProviderID, next string) string {
	path := "/signin/provider/" + string(id)
	if next != "" {
		path += "?" + url.Values{"next": {next}}.Encode()
	}
	return path
}
