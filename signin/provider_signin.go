package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/org"
	"espalier.dev/ref"
)

// Standing is what a user is in an organization.
type Standing string

// The standings.
const (
	Stranger Standing = "" // no member
	Invited  Standing = "invited"
	Active   Standing = "active"
	Inactive Standing = "inactive" // shut out
)

// throughTx is what a sign-in through an identity provider asks of a transaction.
type throughTx interface {
	// UseAnswer notes that something was said or asked, until it could not come again; false: it was noted before.
	UseAnswer(ctx context.Context, hash string, until time.Time) (first bool, err error)
	// NewPerson makes a user, or finds the one who has the address already.
	NewPerson(ctx context.Context, p Person) (Person, error)
	// Standing is what a user is in an organization.
	Standing(ctx context.Context, org ref.OrgID, user ref.UserID) (Standing, error)
	// Admit makes a user an active member of an organization, who may be invited there or no member yet.
	Admit(ctx context.Context, org ref.OrgID, user ref.UserID) error
	// Ancestors lists the organizations above one.
	Ancestors(ctx context.Context, org ref.OrgID) ([]ref.OrgID, error)
	// IsOwnerOf reports whether a user was granted the role of an owner in one of the organizations, and is a member who is not
	// shut out.
	IsOwnerOf(ctx context.Context, user ref.UserID, orgs []ref.OrgID) (bool, error)
	// IsMemberOf reports whether a user is a member of one of the organizations who is not shut out.
	IsMemberOf(ctx context.Context, user ref.UserID, orgs []ref.OrgID) (bool, error)
	// UserGroupsNamed lists the user groups of an organization by their folded names.
	UserGroupsNamed(ctx context.Context, org ref.OrgID) (map[string]ref.UserGroupID, error)
	// UserGroupsOf lists the user groups of an organization that a user is in.
	UserGroupsOf(ctx context.Context, org ref.OrgID, user ref.UserID) ([]ref.UserGroupID, error)
	JoinUserGroup(ctx context.Context, group ref.UserGroupID, user ref.UserID) error
	LeaveUserGroup(ctx context.Context, group ref.UserGroupID, user ref.UserID) error
}

// Asserted is whom an identity provider has vouched for, proved to have come from it and to be meant for this server.
type Asserted struct {
	Provider  Provider
	Email     string
	FirstName string
	LastName  string
	Groups    []string // names of user groups
	NoGroups  bool     // the provider said that it does not say; an empty list is that there are none
	Next      string   // where the visitor was going
	answers   []usedAnswer
}

// usedAnswer is something that is good once.
type usedAnswer struct {
	hash  string
	until time.Time
}

func answer(kind, text string, until time.Time) usedAnswer {
	return usedAnswer{hashFor(kind, text), until}
}

// method is the way in.
func (a Asserted) method() Method {
	if a.Provider.Protocol == ProtocolOIDC {
		return OIDC
	}
	return SAML
}

// started is a sign-in under way, kept by the browser in a cookie that only this server can open.
type started struct {
	Provider ref.ProviderID `json:"p"`
	Request  string         `json:"r"` // id of the request; the state of OpenID Connect
	Nonce    string         `json:"n,omitempty"`
	Verifier string         `json:"v,omitempty"` // of PKCE
	Issuer   string         `json:"i"`           // whom the browser was sent to
	Next     string         `json:"t,omitempty"`
	Ends     int64          `json:"e"` // µs
}

// startedLife is how long people may take at their identity provider.
const startedLife = 30 * time.Minute

const startedCookie = "espalier_provider"

func (p *Providers) sealStarted(s started) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	sealed, err := p.cfg.Box.Seal(plain, []byte(startedCookie))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openStarted reads a cookie's value; false if it is none, is over, or is of a sign-in at another provider.
func (p *Providers) openStarted(value string, at ref.ProviderID) (s started, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || value == "" {
		return started{}, false
	}
	plain, err := p.cfg.Box.Open(sealed, []byte(startedCookie))
	if err != nil || json.Unmarshal(plain, &s) != nil || s.Provider != at || p.now().UnixMicro() >= s.Ends {
		return started{}, false
	}
	return s, true
}

// used is the request of a sign-in, to be noted as answered.
func (s started) used() usedAnswer { return answer("request", s.Request, time.UnixMicro(s.Ends)) }

// SetStarted gives the browser what ties the provider's answer to it; "" takes it back.
func (s *Service) SetStarted(w http.ResponseWriter, value string) {
	http.SetCookie(w, s.cookie(startedCookie, value, startedLife))
}

// Started returns what SetStarted gave; "" if there is nothing.
func (s *Service) Started(r *http.Request) string { return s.cookieOf(r, startedCookie) }

// same compares in a time that tells nothing.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func sameFolded(a, b string) bool { return filter.Fold(a) == filter.Fold(b) }

// SignInThrough opens a session for whom an identity provider has vouched. It speaks for people whose domain its organization
// has verified, and for nobody else: an address of another domain is errs.Forbidden, whoever has it, and so are an owner of an
// organization above, and who is shut out. An answer that was used is errs.Unauthenticated.
func (s *Service) SignInThrough(ctx context.Context, v Visitor, a Asserted) (Opened, error) {
	if !org.IsEmail(a.Email) {
		return Opened{}, s.refuseThrough(ctx, v, a, "Your organization’s sign-in told no e-mail address of yours that can be used here. Its administrator sets which attribute is sent.")
	}
	var made Opened
	var refused string
	err := s.cfg.Store.Write(ctx, func(tx Tx) (err error) {
		for _, u := range a.answers {
			first, err := tx.UseAnswer(ctx, u.hash, u.until)
			if err != nil {
				return err
			}
			if !first {
				return errs.Unauthenticatedf("This answer of your organization’s sign-in was used before. Begin again.")
			}
		}
		var person Person
		if person, refused, err = admit(ctx, tx, v, a); err != nil || refused != "" {
			return err // what is refused has used its answers all the same
		}
		if err := syncGroups(ctx, tx, v, a, person.ID); err != nil {
			return err
		}
		o := OpenSession{User: person.ID, Methods: []Method{a.method()}, Provider: a.Provider.ID, Through: a.Provider.Org, Visitor: v}
		if o.Only, err = onlyIn(ctx, tx, a.Provider.Org, person); err != nil {
			return err
		}
		if made, err = s.newSession(o); err != nil {
			return err
		}
		return s.open(ctx, tx, o, made.Session)
	})
	if err != nil {
		return Opened{}, err
	}
	if refused != "" {
		return Opened{}, s.refuseThrough(ctx, v, a, refused)
	}
	return made, nil
}

// refuseThrough notes in the organization of the provider that somebody was not let in.
func (s *Service) refuseThrough(ctx context.Context, v Visitor, a Asserted, why string) error {
	err := s.cfg.Store.Write(ctx, func(tx Tx) error {
		told, err := json.Marshal(map[string]any{"reason": why, "email": shortened(a.Email, 320), "address": v.Address})
		if err != nil {
			return err
		}
		return tx.Record(ctx, audit.Entry{
			Org: a.Provider.Org, Actor: audit.Actor{Kind: audit.User}, RequestID: v.RequestID, Action: "authentication." + string(a.method()) + "_failed",
			TargetKind: "identity_provider", TargetID: string(a.Provider.ID), After: told,
		})
	})
	if err != nil {
		return err
	}
	return errs.Forbiddenf("%s", why)
}

// admit finds or makes the user and sees to it that it is an active member of the provider's organization, or says why not.
func admit(ctx context.Context, tx Tx, v Visitor, a Asserted) (p Person, refused string, err error) {
	speaks, err := speaksFor(ctx, tx, a.Provider.Org, domainOf(a.Email))
	if err != nil {
		return p, "", err
	}
	if !speaks {
		return p, "Your organization’s sign-in named an address of a domain that the organization has not verified here.", nil
	}
	p, err = tx.PersonByEmail(ctx, a.Email)
	known := err == nil
	if err != nil && !absent(err) {
		return p, "", err
	}
	standing := Stranger
	if known {
		if refused, err = aboveReach(ctx, tx, a.Provider.Org, p.ID); err != nil || refused != "" {
			return p, refused, err
		}
		if standing, err = tx.Standing(ctx, a.Provider.Org, p.ID); err != nil {
			return p, "", err
		}
	}
	switch {
	case standing == Active:
		return p, "", nil
	case standing == Inactive:
		return p, "You are deactivated in this organization. Ask one of its administrators.", nil
	case standing == Stranger && !a.Provider.JIT:
		return p, "You have no account in this organization, and its sign-in makes none. Ask one of its administrators to invite you.", nil
	}
	if !known {
		if p, err = tx.NewPerson(ctx, Person{Email: a.Email, FirstName: shortened(a.FirstName, 256), LastName: shortened(a.LastName, 256)}); err != nil {
			return p, "", err
		}
	}
	if err := tx.Admit(ctx, a.Provider.Org, p.ID); err != nil {
		return p, "", err
	}
	return p, "", record(ctx, tx, change{by: userOf(p.ID, v), action: "user.admit", user: p.ID, org: a.Provider.Org,
		details: map[string]any{"provider": a.Provider.ID, "was": standing, "new": !known}})
}

// aboveReach refuses owners of organizations above: whoever runs a customer's identity provider would else own its parent.
func aboveReach(ctx context.Context, tx Tx, in ref.OrgID, user ref.UserID) (refused string, err error) {
	above, err := tx.Ancestors(ctx, in)
	if err != nil {
		return "", err
	}
	owner, err := tx.IsOwnerOf(ctx, user, above)
	if owner {
		refused = "You are an owner of an organization that manages this one, and its sign-in cannot vouch for you. Sign in where you are at home."
	}
	return refused, err
}

// onlyIn is the organization that a session opened through its provider is good in: all of the user's (0) where that is the
// user's home, unless the user belongs to an organization above; else that one alone.
func onlyIn(ctx context.Context, tx Tx, through ref.OrgID, p Person) (ref.OrgID, error) {
	home, err := Home(ctx, tx, p.Email)
	if err != nil {
		return 0, err
	}
	if home != through {
		return through, nil
	}
	above, err := tx.Ancestors(ctx, through)
	if err != nil {
		return 0, err
	}
	if of, err := tx.IsMemberOf(ctx, p.ID, above); err != nil || of {
		return through, err
	}
	return 0, nil
}

// syncGroups brings the user groups of the provider's organization in line with what the provider says. Groups that it names
// and the organization has not are passed over: none is made that gives nothing. Owners stay owners, since no group holds that
// role.
func syncGroups(ctx context.Context, tx Tx, v Visitor, a Asserted, user ref.UserID) error {
	if a.Provider.GroupSync == SyncNone || a.NoGroups {
		return nil
	}
	named, err := tx.UserGroupsNamed(ctx, a.Provider.Org)
	if err != nil {
		return err
	}
	present, err := tx.UserGroupsOf(ctx, a.Provider.Org, user)
	if err != nil {
		return err
	}
	var wanted, joined, left []ref.UserGroupID
	for _, name := range a.Groups {
		if id, ok := named[filter.Fold(strings.TrimSpace(name))]; ok && !slices.Contains(wanted, id) {
			wanted = append(wanted, id)
		}
	}
	slices.Sort(wanted) // rows are locked in one order
	for _, id := range wanted {
		if !slices.Contains(present, id) {
			joined = append(joined, id)
			if err := tx.JoinUserGroup(ctx, id, user); err != nil {
				return err
			}
		}
	}
	for _, id := range present {
		if a.Provider.GroupSync == SyncWhole && !slices.Contains(wanted, id) {
			left = append(left, id)
			if err := tx.LeaveUserGroup(ctx, id, user); err != nil {
				return err
			}
		}
	}
	if len(joined)+len(left) == 0 {
		return nil
	}
	return record(ctx, tx, change{by: userOf(user, v), action: "user.group_sync", user: user, org: a.Provider.Org,
		details: map[string]any{"provider": a.Provider.ID, "joined": joined, "left": left}})
}

// Leave is where to go on to after a session was ended, as the identity provider that opened it asks; "" for nowhere.
func (p *Providers) Leave(ctx context.Context, ended Session) (to string, err error) {
	i := slices.IndexFunc(ended.Proofs, func(f Proof) bool { return f.Provider != "" })
	if i < 0 {
		return "", nil
	}
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		found, err := tx.IdentityProvider(ctx, 0, ended.Proofs[i].Provider)
		to = found.SAML.LogoutURL
		return err
	})
	if absent(err) {
		return "", nil
	}
	return to, err
}
