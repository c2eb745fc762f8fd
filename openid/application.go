package openid

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Bounds of applications.
const (
	maxApplications = 100 // of an organization
	maxURIs         = 20  // of each kind, of an application
	maxName         = 128 // characters
)

// Application is a program that signs people in here. It belongs to an organization, and so do those who may sign in to it.
type Application struct {
	ID           ref.ApplicationID // its client_id
	Org          ref.OrgID
	Name         string
	SecretHash   string   // SHA-256, in hexadecimal; "" for a public application, which can keep no secret
	RedirectURIs []string // where codes are sent to, byte by byte
	LogoutURIs   []string // where browsers may be sent to after signing out
	// API lets it ask its users for access to the API. They are asked each time they sign in anew.
	API bool
	// SkipConsent tells it who its users are without asking them. It does not speak for the API, nor for staying signed in.
	SkipConsent bool
	CreatedBy   int64 // the id of the user or service account that made it, which may be no more
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Public reports that the application can keep no secret: it runs in browsers or on people's devices.
func (a Application) Public() bool { return a.SecretHash == "" }

// is reports whether secret is the application's, in a time that says nothing about it.
func (a Application) is(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(a.SecretHash), []byte(hash(secret))) == 1
}

// Draft is what of an application is chosen.
type Draft struct {
	Name         string
	RedirectURIs []string
	LogoutURIs   []string
	API          bool
	SkipConsent  bool
}

// check finds all that is wrong at once.
func (d Draft) check(public bool) error {
	var wrong []string
	switch n := utf8.RuneCountInString(d.Name); {
	case strings.TrimSpace(d.Name) == "":
		wrong = append(wrong, "name: is empty")
	case n > maxName:
		wrong = append(wrong, fmt.Sprintf("name: is %d characters long; want at most %d", n, maxName))
	case !utf8.ValidString(d.Name) || strings.ContainsFunc(d.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		wrong = append(wrong, "name: has a character that cannot be shown")
	}
	if len(d.RedirectURIs) == 0 {
		wrong = append(wrong, "redirectUris: give at least one, or nobody can come back from signing in")
	}
	wrong = append(wrong, checkURIs("redirectUris", d.RedirectURIs, public)...)
	wrong = append(wrong, checkURIs("logoutUris", d.LogoutURIs, public)...)
	if len(wrong) > 0 {
		return errs.Invalidf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

func checkURIs(member string, list []string, public bool) (wrong []string) {
	if len(list) > maxURIs {
		wrong = append(wrong, fmt.Sprintf("%s: are %d; want at most %d", member, len(list), maxURIs))
	}
	for i, uri := range list {
		if problem := checkURI(uri, public); problem != "" {
			wrong = append(wrong, fmt.Sprintf("%s[%d]: %.64q %s", member, i, uri, problem))
		}
		if slices.Contains(list[:i], uri) {
			wrong = append(wrong, fmt.Sprintf("%s[%d]: is given twice", member, i))
		}
	}
	return wrong
}

func (a *Application) set(d Draft) {
	a.Name, a.RedirectURIs, a.LogoutURIs, a.API, a.SkipConsent = d.Name, d.RedirectURIs, d.LogoutURIs, d.API, d.SkipConsent
}

func (a Application) draft() Draft {
	return Draft{Name: a.Name, RedirectURIs: a.RedirectURIs, LogoutURIs: a.LogoutURIs, API: a.API, SkipConsent: a.SkipConsent}
}

// told is an application as its audit entries tell it.
func (a Application) told() map[string]any {
	return map[string]any{"name": a.Name, "redirectUris": a.RedirectURIs, "logoutUris": a.LogoutURIs, "api": a.API,
		"skipConsent": a.SkipConsent, "public": a.Public()}
}

type applicationTx interface {
	// Application reads one by its id.
	Application(ctx context.Context, id ref.ApplicationID) (Application, error)
	// Applications lists those of an organization, oldest first.
	Applications(ctx context.Context, org ref.OrgID) ([]Application, error)
	InsertApplication(ctx context.Context, a Application) error
	UpdateApplication(ctx context.Context, a Application) error
	// DeleteApplication removes one and ends the sessions of its users; from the commit on their tokens are dead.
	DeleteApplication(ctx context.Context, a Application) error
}

// Applications lists the applications of an organization, oldest first.
func (s *Service) Applications(ctx context.Context, by access.Caller, org ref.OrgID) (list []Application, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.ApplicationIndex, org); err != nil {
		return nil, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		list, err = tx.Applications(ctx, org)
		return err
	})
	return list, err
}

// Application returns one of an organization.
func (s *Service) Application(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ApplicationID) (a Application, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.ApplicationShow, org); err != nil {
		return Application{}, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		a, err = applicationOf(ctx, tx, org, id)
		return err
	})
	return a, err
}

func applicationOf(ctx context.Context, tx Tx, org ref.OrgID, id ref.ApplicationID) (Application, error) {
	a, err := tx.Application(ctx, id)
	if absent(err) || err == nil && a.Org != org {
		return Application{}, errs.NotFoundf("organization %d has no such application", org)
	}
	return a, err
}

// secretPrefix is what scanners for leaked secrets look for.
const secretPrefix = "esa_"

// CreateApplication registers an application and returns it with its secret, which cannot be had again; a public one has none.
func (s *Service) CreateApplication(ctx context.Context, by access.Caller, org ref.OrgID, d Draft, public bool) (Application, string, error) {
	if err := s.cfg.Guard.Require(ctx, by, access.ApplicationCreate, org); err != nil {
		return Application{}, "", err
	}
	if err := d.check(public); err != nil {
		return Application{}, "", err
	}
	if err := s.cfg.Tokens.ReadyID(ctx); err != nil { // its keys are read before the first user comes
		return Application{}, "", err
	}
	id, err := s.draw(idBytes)
	if err != nil {
		return Application{}, "", err
	}
	a := Application{ID: ref.ApplicationID(id), Org: org, CreatedBy: makerOf(by), CreatedAt: s.now(), UpdatedAt: s.now()}
	a.set(d)
	var secret string
	if !public {
		if secret, err = s.renew(&a); err != nil {
			return Application{}, "", err
		}
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		present, err := tx.Applications(ctx, org)
		if err != nil {
			return err
		}
		if len(present) >= maxApplications {
			return errs.Invalidf("organization %d has %d applications, and may have no more: delete one that is not used", org, len(present))
		}
		if err := tx.InsertApplication(ctx, a); err != nil {
			return err
		}
		return record(ctx, tx, by, "application.create", a, nil, a.told())
	})
	return a, secret, err
}

// makerOf is the id of whoever asks: a number alone, as the contract shows makers.
func makerOf(by access.Caller) int64 {
	if by.User != 0 {
		return int64(by.User)
	}
	return int64(by.ServiceAccount)
}

// renew gives an application another secret.
func (s *Service) renew(a *Application) (string, error) {
	text, err := s.draw(secretBytes)
	if err != nil {
		return "", err
	}
	a.SecretHash = hash(secretPrefix + text)
	return secretPrefix + text, nil
}

// ApplicationChange is what of an application is to be another; nil keeps.
type ApplicationChange struct {
	Name         *string
	RedirectURIs *[]string
	LogoutURIs   *[]string
	API          *bool
	SkipConsent  *bool
}

func (c ApplicationChange) apply(d *Draft) {
	setIf(&d.Name, c.Name)
	setIf(&d.RedirectURIs, c.RedirectURIs)
	setIf(&d.LogoutURIs, c.LogoutURIs)
	setIf(&d.API, c.API)
	setIf(&d.SkipConsent, c.SkipConsent)
}

func setIf[T any](at *T, value *T) {
	if value != nil {
		*at = *value
	}
}

// UpdateApplication changes what is given. Who has signed in stays so, but without access to the API if that is taken away.
func (s *Service) UpdateApplication(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ApplicationID, c ApplicationChange) error {
	return s.withApplication(ctx, by, access.ApplicationUpdate, org, id, func(tx Tx, a Application) error {
		before, old := a.told(), a.draft()
		d := a.draft()
		c.apply(&d)
		if err := d.check(a.Public()); err != nil {
			return err
		}
		a.set(d)
		a.UpdatedAt = s.now()
		if err := tx.UpdateApplication(ctx, a); err != nil {
			return err
		}
		if err := s.follow(ctx, tx, old, a); err != nil {
			return err
		}
		return record(ctx, tx, by, "application.update", a, before, a.told())
	})
}

// follow does what a change makes necessary. People allowed something to whoever was at the addresses then, so that they are asked
// anew where those are others.
func (s *Service) follow(ctx context.Context, tx Tx, old Draft, a Application) error {
	if !slices.Equal(old.RedirectURIs, a.RedirectURIs) {
		if err := tx.DropOpenIDConsents(ctx, a.ID); err != nil {
			return err
		}
	}
	if old.API && !a.API {
		return tx.EndSessionsWith(ctx, a.ID, ScopeAPI)
	}
	return nil
}

// RenewSecret gives an application another secret, and returns it; the old one is worthless at once.
func (s *Service) RenewSecret(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ApplicationID) (secret string, err error) {
	err = s.withApplication(ctx, by, access.ApplicationUpdate, org, id, func(tx Tx, a Application) error {
		if a.Public() {
			return errs.Invalidf("application %s is public and has no secret: it proves itself by PKCE", a.ID)
		}
		if secret, err = s.renew(&a); err != nil {
			return err
		}
		a.UpdatedAt = s.now()
		if err := tx.UpdateApplication(ctx, a); err != nil {
			return err
		}
		return record(ctx, tx, by, "application.secret", a, nil, nil)
	})
	return secret, err
}

// DeleteApplication ends an application and everything its users opened with it, at once.
func (s *Service) DeleteApplication(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ApplicationID) error {
	return s.withApplication(ctx, by, access.ApplicationDelete, org, id, func(tx Tx, a Application) error {
		if err := tx.DeleteApplication(ctx, a); err != nil {
			return err
		}
		return record(ctx, tx, by, "application.delete", a, a.told(), nil)
	})
}

// withApplication is a use case that changes one application, which is held.
func (s *Service) withApplication(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.ApplicationID, change func(Tx, Application) error) error {
	if err := s.cfg.Guard.Require(ctx, by, p, org); err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		a, err := applicationOf(ctx, tx, org, id)
		if err != nil {
			return err
		}
		return change(tx, a)
	})
}
