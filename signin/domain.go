package signin

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Resolver looks up what stands in the DNS; *net.Resolver is what serves.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Domain is a domain whose people an organization's identity provider speaks for, once it is verified. One organization shows
// in the DNS that a domain is its own; its customers may have it too, on its word. The one that showed it is the home of its
// people.
type Domain struct {
	Org        ref.OrgID
	Name       string // in small letters
	Provider   ref.ProviderID
	Code       string // what a TXT record of the domain is to hold
	CreatedAt  time.Time
	VerifiedAt time.Time // zero: not yet
	Via        ref.OrgID // the parent that vouched for it; 0: it stood in the DNS
}

type domainTx interface {
	// Domains lists those of an organization by name, or with a provider those of one.
	Domains(ctx context.Context, org ref.OrgID, of ref.ProviderID) ([]Domain, error)
	// OrgDomain reads the one of an organization by its name.
	OrgDomain(ctx context.Context, org ref.OrgID, name string) (Domain, error)
	// HomeDomain reads the one that an organization has shown in the DNS.
	HomeDomain(ctx context.Context, name string) (Domain, error)
	InsertDomain(ctx context.Context, d Domain) error
	// VerifyDomain writes when and by whose word a domain was verified; errs.Conflict if another organization was first.
	VerifyDomain(ctx context.Context, d Domain) error
	DeleteDomain(ctx context.Context, d Domain) error
	// IsCustomer reports whether an organization is a direct customer of another.
	IsCustomer(ctx context.Context, parent, customer ref.OrgID) (bool, error)
}

// codePrefix begins what stands in the DNS, so that who reads a zone knows whose it is.
const codePrefix = "espalier-domain-verification="

// lookupTime bounds one question to the DNS.
const lookupTime = 10 * time.Second

// domainOf is the domain of an e-mail address in the form it is kept in; "" if it has none.
func domainOf(email string) string {
	folded := filter.Fold(email)
	return folded[strings.LastIndexByte(folded, '@')+1:]
}

// Domains lists the domains of an identity provider by name.
func (p *Providers) Domains(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID) (list []Domain, err error) {
	if err := p.cfg.Guard.Require(ctx, by, access.DomainIndex, org); err != nil {
		return nil, err
	}
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		found, err := readProvider(ctx, tx, org, of, "")
		if err == nil {
			list, err = tx.Domains(ctx, org, found.ID)
		}
		return err
	})
	return list, err
}

// Domain returns one.
func (p *Providers) Domain(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID, name string) (d Domain, err error) {
	if err := p.cfg.Guard.Require(ctx, by, access.DomainShow, org); err != nil {
		return Domain{}, err
	}
	err = p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		d, err = readDomain(ctx, tx, org, of, name)
		return err
	})
	return d, err
}

func readDomain(ctx context.Context, tx Tx, org ref.OrgID, of ref.ProviderID, name string) (Domain, error) {
	d, err := tx.OrgDomain(ctx, org, strings.ToLower(name))
	if absent(err) || err == nil && d.Provider != of.Canonical() {
		return Domain{}, errs.NotFoundf("identity provider %s of organization %d has no domain %s", of, org, name)
	}
	return d, err
}

// RegisterDomain says that an identity provider is to speak for a domain, and draws the code to be put into its DNS. An
// organization registers a domain once.
func (p *Providers) RegisterDomain(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID, name string) (d Domain, err error) {
	if err := p.cfg.Guard.Require(ctx, by, access.DomainRegister, org); err != nil {
		return Domain{}, err
	}
	code, err := randomText(p.cfg.Rand, 20)
	if err != nil {
		return Domain{}, err
	}
	err = p.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		found, err := readProvider(ctx, tx, org, of, "")
		if err != nil {
			return err
		}
		d = Domain{Org: org, Name: strings.ToLower(name), Provider: found.ID, Code: codePrefix + code, CreatedAt: tx.Now()}
		other, err := tx.OrgDomain(ctx, org, d.Name)
		if err == nil {
			return errs.Conflictf("", "name: %s is registered with identity provider %s of organization %d already", d.Name, other.Provider, org)
		}
		if !absent(err) {
			return err
		}
		if err := tx.InsertDomain(ctx, d); err != nil {
			return err
		}
		return recordDomain(ctx, tx, by, "domain.register", d, nil, d.told())
	})
	return d, err
}

// DeleteDomain ends that an organization speaks for a domain, and with it that its customers do on its word.
func (p *Providers) DeleteDomain(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID, name string) error {
	if err := p.cfg.Guard.Require(ctx, by, access.DomainDelete, org); err != nil {
		return err
	}
	return p.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		d, err := readDomain(ctx, tx, org, of, name)
		if err != nil {
			return err
		}
		if err := keepWay(ctx, tx, org, func(other Domain) bool { return other.Name != d.Name }); err != nil {
			return err
		}
		if err := tx.DeleteDomain(ctx, d); err != nil {
			return err
		}
		return recordDomain(ctx, tx, by, "domain.delete", d, d.told(), nil)
	})
}

// ProveDomain looks for the code in the DNS. A code that is not there is errs.Unprocessable; a domain that another organization
// has shown to be its own is errs.Conflict. One that is verified stays so.
func (p *Providers) ProveDomain(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID, name string) (Domain, error) {
	if err := p.cfg.Guard.Require(ctx, by, access.DomainProve, org); err != nil {
		return Domain{}, err
	}
	var d Domain
	err := p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if d, err = readDomain(ctx, tx, org, of, name); err != nil {
			return err
		}
		return free(ctx, tx, d)
	})
	if err != nil || !d.VerifiedAt.IsZero() {
		return d, err
	}
	if err := p.lookFor(ctx, d); err != nil {
		return Domain{}, err
	}
	return p.verified(ctx, by, d, "domain.verify")
}

// lookFor asks the DNS for the code of a domain.
func (p *Providers) lookFor(ctx context.Context, d Domain) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	records, err := p.cfg.Resolver.LookupTXT(ctx, d.Name+".") // whole, so that no search list of the machine adds to it
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		err = nil
	}
	if err != nil {
		return &errs.Error{Kind: errs.Unprocessable, Msg: "the DNS of " + d.Name + " gave no answer; try again later", Err: err}
	}
	if !slices.ContainsFunc(records, func(r string) bool { return strings.TrimSpace(r) == d.Code }) {
		return errs.Unprocessablef("", "none of the %d TXT records of %s is %s; put it there, wait until the DNS has it everywhere, and try again", len(records), d.Name, d.Code)
	}
	return nil
}

// free refuses a domain that another organization has shown to be its own.
func free(ctx context.Context, tx Tx, d Domain) error {
	home, err := tx.HomeDomain(ctx, d.Name)
	if err == nil && home.Org != d.Org && d.VerifiedAt.IsZero() {
		return errs.Conflictf("", "%s has been verified by another organization; who owns it asks that one to delete it", d.Name)
	}
	if absent(err) {
		return nil
	}
	return err
}

// verified writes that a domain was verified, if it is still the one that was looked at. by acts in the organization of the
// domain, or as Via in its customer.
func (p *Providers) verified(ctx context.Context, by access.Caller, seen Domain, action string) (d Domain, err error) {
	err = p.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, seen.Org); err != nil {
			return err
		}
		d, err = readDomain(ctx, tx, seen.Org, seen.Provider, seen.Name)
		if err != nil {
			return err
		}
		if d.Code != seen.Code {
			return errs.Conflictf("", "%s was registered anew meanwhile; put its new code into the DNS", d.Name)
		}
		before := d.told()
		if !d.VerifiedAt.IsZero() {
			return nil
		}
		if seen.Via == 0 {
			if err := free(ctx, tx, d); err != nil {
				return err
			}
		}
		d.VerifiedAt, d.Via = tx.Now(), seen.Via
		if err := tx.VerifyDomain(ctx, d); err != nil {
			return err
		}
		return recordDomain(ctx, tx, by, action, d, before, d.told())
	})
	return d, err
}

// VouchForDomain verifies a domain of a direct customer that the parent itself has shown to be its own: its customer's identity
// provider speaks for it, too. A domain that the parent has not is errs.Unprocessable.
func (p *Providers) VouchForDomain(ctx context.Context, by access.Caller, parent, customer ref.OrgID, of ref.ProviderID, name string) (Domain, error) {
	if err := p.cfg.Guard.Require(ctx, by, access.DomainVerify, parent); err != nil {
		return Domain{}, err
	}
	var d Domain
	err := p.cfg.Store.Read(ctx, func(tx Tx) error {
		ours, err := tx.IsCustomer(ctx, parent, customer)
		if err != nil {
			return err
		}
		if !ours {
			return errs.NotFoundf("organization %d has no customer %d", parent, customer)
		}
		if d, err = readDomain(ctx, tx, customer, of, name); err != nil || !d.VerifiedAt.IsZero() {
			return err
		}
		home, err := tx.HomeDomain(ctx, d.Name)
		switch {
		case absent(err):
			return errs.Unprocessablef("", "organization %d has not verified %s itself: verify it there first, or have the customer put its code into the DNS", parent, d.Name)
		case err == nil && home.Org != parent:
			return errs.Conflictf("", "%s has been verified by another organization", d.Name)
		}
		return err
	})
	if err != nil || !d.VerifiedAt.IsZero() {
		return d, err
	}
	d.Via = parent
	return p.verified(ctx, by, d, "domain.vouch")
}

// VerifiedDomain reports whether an organization has verified a domain, itself or on its parent's word.
func (p *Providers) VerifiedDomain(ctx context.Context, org ref.OrgID, domain string) (ok bool, err error) {
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		ok, err = speaksFor(ctx, tx, org, filter.Fold(domain))
		return err
	})
	return ok, err
}

// speaksFor reports whether an organization has verified a domain.
func speaksFor(ctx context.Context, tx Tx, org ref.OrgID, domain string) (bool, error) {
	d, err := tx.OrgDomain(ctx, org, domain)
	if absent(err) {
		return false, nil
	}
	return err == nil && !d.VerifiedAt.IsZero(), err
}

// Home is the home organization of the people with an e-mail address: the one that showed their domain to be its own. 0: none.
func Home(ctx context.Context, tx domainTx, email string) (ref.OrgID, error) {
	d, err := tx.HomeDomain(ctx, domainOf(email))
	if absent(err) {
		return 0, nil
	}
	return d.Org, err
}

// told is a domain as audit entries tell it. The code stands in the DNS for everybody to read.
func (d Domain) told() map[string]any {
	return map[string]any{"name": d.Name, "provider": d.Provider, "code": d.Code, "verified": !d.VerifiedAt.IsZero()}
}

func recordDomain(ctx context.Context, tx Tx, by access.Caller, action string, d Domain, before, after any) error {
	return recordChange(ctx, tx, by, audit.Entry{Org: d.Org, Via: d.Via, Action: action, TargetKind: "domain", TargetID: d.Name}, before, after)
}
