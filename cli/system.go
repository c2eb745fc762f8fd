package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/audit/trail"
	"espalier.dev/egress"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/keyring"
	"espalier.dev/notify"
	"espalier.dev/openid"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/scim"
	"espalier.dev/signin"
	"espalier.dev/store"
	"espalier.dev/store/auditdb"
	"espalier.dev/token"
)

// zone is the server's part of references.
const zone = "nam"

// audience is who access tokens are for: the APIs of this server.
const audience = "espalier"

// othersSeen is how long a change by another server may go unseen where several share a database.
const othersSeen = 3 * time.Second

// systemConfig is what the services need besides the database.
type systemConfig struct {
	keyFile   string
	publicURL string
	keepAudit time.Duration
	egress    egress.Config
	resolver  signin.Resolver  // nil: the machine's
	catalog   []org.Definition // of the operator's file
	mail      notify.Transport // nil: no mail leaves
	log       *slog.Logger
}

// system is the services over an open database. Serving and the operator's verbs make the same one.
type system struct {
	db        *store.DB
	keys      *keyring.Keyring
	guard     *access.Guard
	catalog   org.Catalog
	orgs      *org.Service
	people    *iam.Service
	directory *scim.Service
	tokens    *token.Service
	trail     *trail.Service
	notify    *notify.Service
	egress    *egress.Guard
	logins    *signin.Providers
	signin    *signin.Service
	openid    *openid.Service
	sealer    *audit.Sealer
	log       *slog.Logger
}

// newSystem makes the services. The database's schema is up to date.
func newSystem(ctx context.Context, db *store.DB, cfg systemConfig) (s *system, err error) {
	s = &system{db: db, log: cfg.log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
			s = nil
		}
	}()
	if s.keys, err = keyring.Load(cfg.keyFile); err != nil {
		return s, err
	}
	if err := auditdb.Settle(ctx, db.DB); err != nil {
		return s, err
	}
	if err := s.openGuard(); err != nil {
		return s, err
	}
	for _, open := range []func(context.Context, systemConfig) error{s.openTree, s.openProviders, s.openPeople, s.openTokens} {
		if err := open(ctx, cfg); err != nil {
			return s, err
		}
	}
	if s.trail, err = trail.New(trail.Config{Store: db.Trail(), Guard: s.guard, Now: time.Now, Shared: db.Shared()}); err != nil {
		return s, err
	}
	s.sealer, err = audit.NewSealer(audit.Config{Store: db.Audit(), Keys: s.keys, Now: time.Now, Log: cfg.log, Keep: cfg.keepAudit})
	return s, err
}

// openGuard makes what decides.
func (s *system) openGuard() (err error) {
	ttl := time.Duration(0) // this process alone writes
	if s.db.Shared() {
		ttl = othersSeen
	}
	if s.guard, err = access.NewGuard(access.Config{Loader: s.db.Access(), Now: time.Now, TTL: ttl}); err == nil {
		s.db.Tell(s.guard)
	}
	return err
}

// openTree makes the tree, and the mail that tells of what happens in it.
func (s *system) openTree(_ context.Context, cfg systemConfig) (err error) {
	if s.catalog, err = org.NewCatalog(cfg.catalog); err != nil {
		return err
	}
	if s.orgs, err = org.New(org.Config{Store: s.db.Org(), Guard: s.guard, Now: time.Now, Catalog: s.catalog, Tell: s.tellOwners}); err != nil {
		return err
	}
	s.notify, err = notify.New(notify.Config{Store: s.db.Notify(), Box: s.keys, Transport: cfg.mail, PublicURL: cfg.publicURL, Now: time.Now, Log: cfg.log})
	return err
}

// openPeople makes members, the directories that keep them, and how they sign in.
func (s *system) openPeople(_ context.Context, cfg systemConfig) (err error) {
	s.people, err = iam.New(iam.Config{
		Store: s.db.IAM(), Guard: s.guard, Mail: inviter{s.notify}, PublicURL: cfg.publicURL, Domains: s.logins, Now: time.Now,
	})
	if err != nil {
		return err
	}
	home := func(ctx context.Context, tx scim.Tx, email string) (ref.OrgID, error) {
		return signin.Home(ctx, tx.(signin.Tx), email) // a transaction has the statements of every domain
	}
	if s.directory, err = scim.New(scim.Config{Store: s.db.SCIM(), Guard: s.guard, People: s.people, Home: home}); err != nil {
		return err
	}
	s.signin, err = signin.New(signin.Config{
		Store: s.db.SignIn(), Box: s.keys, Mailer: mailer{s.notify}, Now: time.Now, Log: cfg.log, PublicURL: cfg.publicURL, Local: s.logins, Discover: s.logins,
	})
	return err
}

// openTokens makes what programs authenticate by, and users in other applications.
func (s *system) openTokens(ctx context.Context, cfg systemConfig) (err error) {
	issuer := cmp.Or(cfg.publicURL, "urn:espalier") // the same on every server of a database, wherever it listens
	s.tokens, err = token.New(ctx, token.Config{
		Store: s.db.Token(), Box: s.keys, Sessions: s.guard, Issuer: issuer, Audience: audience, Now: time.Now, Log: cfg.log,
	})
	if err != nil {
		return err
	}
	s.openid, err = openid.New(openid.Config{
		Store: s.db.OpenID(), Guard: s.guard, Tokens: s.tokens, SignIn: s.signin, Issuer: cfg.publicURL, Audience: audience, Now: time.Now,
	})
	return err
}

// openProviders makes identity providers, and what their addresses are asked through.
func (s *system) openProviders(_ context.Context, cfg systemConfig) (err error) {
	if s.egress, err = egress.New(cfg.egress); err != nil {
		return err
	}
	s.logins, err = signin.NewProviders(signin.ProvidersConfig{
		Store: s.db.SignIn(), Guard: s.guard, Box: s.keys, Now: time.Now, Log: cfg.log, PublicURL: cfg.publicURL,
		Client: s.egress.Client(), Resolver: cfg.resolver,
	})
	return err
}

// Close ends what runs in the background. The database stays open. Where it is away, what is left to do waits for the next
// start: entries to be sealed, last uses of tokens and sessions.
func (s *system) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var all []error
	if s.tokens != nil {
		all = append(all, s.unlessAway(s.tokens.Close(ctx)))
	}
	if s.signin != nil {
		all = append(all, s.unlessAway(s.signin.Close(ctx)))
	}
	if s.notify != nil {
		all = append(all, s.notify.Close(ctx))
	}
	if s.egress != nil {
		s.egress.Close()
	}
	if s.sealer != nil {
		all = append(all, s.unlessAway(s.sealer.Close(ctx)))
	}
	return errors.Join(all...)
}

func (s *system) unlessAway(err error) error {
	if errs.KindOf(err) != errs.Unavailable {
		return err
	}
	s.log.Warn("left for the next start", "err", err)
	return nil
}

// rootRequest is a root to be made, with the password of its owner; "" for none.
type rootRequest struct {
	org.NewRoot
	Password string
}

func (s *system) createRoot(ctx context.Context, n rootRequest) (Made, error) {
	if n.Password != "" { // before anything is made
		if err := signin.CheckStrength(n.Password, n.Owner.Email, n.Owner.FirstName, n.Owner.LastName); err != nil {
			return Made{}, err
		}
	}
	root, err := s.orgs.CreateRoot(ctx, byOperator(), n.NewRoot)
	if err != nil {
		return Made{}, err
	}
	if n.Password != "" {
		if err := s.signin.OverridePassword(ctx, byOperator(), root.User, n.Password); err != nil {
			return Made{}, fmt.Errorf("organization %d is there, but its owner has no password: %w", root.Org, err)
		}
	}
	_, text, err := s.tokens.CreateFor(ctx, byOperator(), root.User, "made with organization "+root.Org.String())
	if err != nil {
		return Made{}, fmt.Errorf("organization %d is there, but its owner has no token: %w", root.Org, err)
	}
	return Made{OrgID: root.Org, ProjectID: root.Project, UserID: root.User, Email: root.Email, RefreshToken: text}, nil
}

func (s *system) setCapability(ctx context.Context, c org.SetCapability) (heldJSON, error) {
	h, err := s.orgs.SetCapability(ctx, byOperator(), c)
	if err != nil {
		return heldJSON{}, err
	}
	out := heldJSON{Name: h.Name, ExpiresAt: h.ExpiresAt, Ends: h.Ends}
	if h.Name == org.MSP {
		out.MaxDepth, out.MaxWidth = &h.Depth, h.MaxWidth
	}
	return out, nil
}

// createKeys makes a key file for a database that needs none yet: one whose secrets other keys sealed would be lost with them.
func createKeys(ctx context.Context, db *store.DB, path string) error {
	sealed, err := db.Sealed(ctx)
	if err != nil {
		return err
	}
	if sealed {
		return errs.Conflictf("", "the database was sealed with other keys: put its key file at %s, or name it with --key-file", path)
	}
	return keyring.Create(path)
}
