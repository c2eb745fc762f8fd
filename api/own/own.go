package own

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/audit/trail"
	"espalier.dev/contract/wire"
	"espalier.dev/iam"
	"espalier.dev/openid"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/token"
)

// API is the name of the document that is served.
const API = "espalier"

// Tokens is the refresh tokens of callers; *token.Service is what serves.
type Tokens interface {
	List(ctx context.Context, by access.Caller) ([]token.RefreshToken, error)
	Create(ctx context.Context, by access.Caller, name string) (token.RefreshToken, string, error)
	Revoke(ctx context.Context, by access.Caller, id ref.TokenID) error
}

// Config is the use cases that the API is served over. All are needed.
type Config struct {
	Orgs   *org.Service
	People *iam.Service
	Tokens Tokens
	Trail  *trail.Service
	// Providers is identity providers and who may pass them by.
	Providers *signin.Providers
	// Applications signs users in to other programs.
	Applications *openid.Service
	Catalog      org.Catalog // describes capabilities
	Now          func() time.Time
	// Stopping is closed when the server begins to stop: answers that wait for news end then.
	Stopping <-chan struct{}
}

// Handlers is the operations of the API.
func Handlers(c Config) map[string]door.Handler {
	s := &server{c}
	all := map[string]door.Handler{
		"Me#show": s.me,

		"Access#explain": s.explainAccess,
		"Access#who":     s.whoHasAccess,

		"Customer#index":   s.listCustomers,
		"Customer#show":    s.showCustomer,
		"Customer#import":  s.importCustomers,
		"Customer#export":  s.exportCustomers,
		"Capability#index": s.listCapabilities,
		"Tag#index":        s.listTags,

		"Invitation#create": s.createInvitation,
		"Invitation#resend": s.resendInvitation,

		"Audit#index":  s.listAudit,
		"Audit#export": s.exportAudit,

		"User#index":      s.listUsers,
		"User#deactivate": s.deactivateUser,
		"User#reactivate": s.reactivateUser,
		"Project#index":   s.listProjects,
		"Project#create":  s.createProject,

		"Application#index":  s.listApplications,
		"Application#show":   s.showApplication,
		"Application#create": s.createApplication,
		"Application#update": s.updateApplication,
		"Application#delete": s.deleteApplication,
		"Application#secret": s.renewApplicationSecret,

		"Token#index":  s.listTokens,
		"Token#create": s.createToken,
		"Token#revoke": s.revokeToken,
	}
	maps.Copy(all, s.providers())
	return all
}

type server struct{ Config }

func (s *server) me(w http.ResponseWriter, r *door.Request) error {
	p, err := s.People.Me(r.Context(), r.Caller())
	if err != nil {
		return err
	}
	me := wire.Me{UserID: p.ID, Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Orgs: make([]wire.Membership, len(p.Orgs))}
	for i, tie := range p.Orgs {
		me.Orgs[i] = membership(tie)
	}
	slices.SortFunc(me.Orgs, func(a, b wire.Membership) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return door.JSON(w, http.StatusOK, me)
}

func membership(tie iam.Tie) wire.Membership {
	m := wire.Membership{ID: tie.ID, Name: tie.Name, ParentID: tie.Parent, Roles: []string{}}
	for _, role := range tie.Roles.List() {
		m.Roles = append(m.Roles, role.Name)
	}
	slices.Sort(m.Roles)
	return m
}

func (s *server) listCapabilities(w http.ResponseWriter, r *door.Request) error {
	held, err := s.Orgs.Capabilities(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	now := s.Now()
	list := wire.Values[wire.OwnCapability]{Values: make([]wire.OwnCapability, len(held))}
	for i, h := range held {
		about := s.Catalog[h.Name]
		list.Values[i] = wire.OwnCapability{Capability: capability(h, now), DisplayName: about.DisplayName, Description: about.Description,
			Assignable: s.Catalog.Assignable(held, h.Name, now)}
		list.Values[i].Terms = terms(h)
	}
	return door.JSON(w, http.StatusOK, list)
}

func capability(h org.Held, now time.Time) wire.Capability {
	return wire.Capability{Name: h.Name, ExpiresAt: h.ExpiresAt, HasCustomExpiry: h.HasCustomExpiry(), EffectiveExpiresAt: h.Ends, Active: h.Active(now)}
}

// terms is those of msp, nil for another capability.
func terms(h org.Held) *wire.MSPTerms {
	if h.Name != org.MSP {
		return nil
	}
	return &wire.MSPTerms{MaxDepth: h.Depth, MaxWidth: h.MaxWidth}
}

func (s *server) listTags(w http.ResponseWriter, r *door.Request) error {
	counts, err := s.Orgs.TagCounts(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := wire.Values[wire.TagCount]{Values: make([]wire.TagCount, len(counts))}
	for i, c := range counts {
		list.Values[i] = wire.TagCount{Tag: c.Tag, Customers: c.Customers}
	}
	return door.JSON(w, http.StatusOK, list)
}
