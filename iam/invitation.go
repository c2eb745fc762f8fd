package iam

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// InvitationLife is how long an invitation can be accepted; it is removed 30 days after it ended.
const (
	InvitationLife = 7 * 24 * time.Hour
	invitationKept = 30 * 24 * time.Hour
)

// InvitationState is where an invitation stands.
type InvitationState string

// The states of an invitation. Expired is never stored: it follows from the end of a pending one.
const (
	Pending  InvitationState = "pending"
	Accepted InvitationState = "accepted"
	Declined InvitationState = "declined"
	Expired  InvitationState = "expired"
)

// Invitation asks a person into an organization: who accepts becomes a member with the roles and user groups it names. What a
// person was given before, as an owner named by the parent, is not its to take away.
type Invitation struct {
	ID        string // 24 hexadecimal digits
	Org       ref.OrgID
	OrgName   string // given by the store
	Email     string
	FirstName string
	LastName  string
	SSO       bool // the person signs in through the organization's identity provider, and sets no password
	Grants    Grants
	State     InvitationState
	Inviter   Inviter
	Hash      string // SHA-256 of the secret in the link
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time
}

// Grants is what an invitation gives.
type Grants struct {
	Roles    []ref.RoleID      `json:"roles,omitempty"`
	Groups   []ref.UserGroupID `json:"groups,omitempty"`
	Projects []ProjectGrant    `json:"projects,omitempty"`
}

// ProjectGrant is roles in one project.
type ProjectGrant struct {
	ID    ref.ProjectID `json:"id"`
	Roles []ref.RoleID  `json:"roles"`
}

// Inviter is who invited, as the invited person sees it; the zero value is the operator of the server.
type Inviter struct {
	access.Principal
	Email     string // "" of a service account
	FirstName string
	LastName  string
	Name      string // of a service account
}

// Called is the inviter for a sentence.
func (i Inviter) Called() string {
	for _, name := range []string{strings.TrimSpace(i.FirstName + " " + i.LastName), i.Name, i.Email} {
		if name != "" {
			return name
		}
	}
	return "The operator of the server"
}

// at is the invitation as it stands at now.
func (i Invitation) at(now time.Time) Invitation {
	if i.State == Pending && !now.Before(i.ExpiresAt) {
		i.State = Expired
	}
	return i
}

// Mailer sends the link of an invitation, in the transaction of its cause.
type Mailer interface {
	// Enabled reports whether mail leaves.
	Enabled() bool
	Invite(ctx context.Context, tx Tx, i Invitation, link string) error
}

// Member is a person as far as invitations ask: its id, and how it belongs to the organization.
type Member struct {
	User  ref.UserID // 0: there is no such user
	State string     // invited, active, inactive; "": no member
}

// Names is the names of what an invitation gives; what is no more is left out.
type Names struct {
	Groups   map[ref.UserGroupID]string
	Projects map[ref.ProjectID]string
}

// invitationTx is what the use cases of invitations ask of a transaction.
type invitationTx interface {
	// Invitations lists those of an organization, newest first; those to an address for the zero id.
	Invitations(ctx context.Context, org ref.OrgID, email string) ([]Invitation, error)
	// Invitation finds one by its id.
	Invitation(ctx context.Context, id string) (Invitation, error)
	// PutInvitation writes one, new or changed.
	PutInvitation(ctx context.Context, i Invitation) error
	DeleteInvitation(ctx context.Context, id string) error
	// DropInvitations removes those that ended before an instant.
	DropInvitations(ctx context.Context, before time.Time) error
	// Inviter tells who a principal is.
	Inviter(ctx context.Context, p access.Principal) (Inviter, error)
	OrgName(ctx context.Context, org ref.OrgID) (string, error)
	// Named tells the names of the groups and projects of an organization.
	Named(ctx context.Context, org ref.OrgID, g Grants) (Names, error)
	// MemberByEmail tells how a person belongs to an organization.
	MemberByEmail(ctx context.Context, org ref.OrgID, email string) (Member, error)
	// Email is the address of a user.
	Email(ctx context.Context, user ref.UserID) (string, error)
	// Enrol makes the invited person an active member with what the invitation gives, and a user if it is none; groups and
	// projects that are no more are passed over.
	Enrol(ctx context.Context, i Invitation) (ref.UserID, error)
	// HasPassword reports whether a user has a password.
	HasPassword(ctx context.Context, user ref.UserID) (bool, error)
	// InsertPassword gives a user its first password; errs.Conflict if it has one.
	InsertPassword(ctx context.Context, user ref.UserID, hash string) error
}

// NewInvitation is what an invitation is to be.
type NewInvitation struct {
	Email     string
	FirstName string
	LastName  string
	Grants    Grants
	SSO       bool
	NoMail    bool // the inviter tells the person itself; needs both names
}

// check says everything that is wrong with the request itself.
func (n NewInvitation) check() error {
	var wrong []string
	if a, err := mail.ParseAddress(n.Email); err != nil || a.Address != n.Email {
		wrong = append(wrong, "inviteeEmail: want an address as ann@acme.example")
	}
	wrong = checkText(wrong, "inviteeFirstName", n.FirstName, 256)
	wrong = checkText(wrong, "inviteeLastName", n.LastName, 256)
	if n.NoMail && (strings.TrimSpace(n.FirstName) == "" || strings.TrimSpace(n.LastName) == "") {
		wrong = append(wrong, "skipEmailNotification: needs inviteeFirstName and inviteeLastName")
	}
	wrong = checkRoles(wrong, "orgRoleIds", n.Grants.Roles, false)
	for k, p := range n.Grants.Projects {
		if len(p.Roles) == 0 {
			wrong = append(wrong, fmt.Sprintf("projects[%d].roleIds: want at least one", k))
		}
		wrong = checkRoles(wrong, fmt.Sprintf("projects[%d].roleIds", k), p.Roles, true)
	}
	if len(wrong) > 0 {
		return errs.Invalidf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

func checkRoles(wrong []string, member string, roles []ref.RoleID, inProject bool) []string {
	for k, id := range roles {
		switch {
		case id < 1 || int(id) > len(access.Roles):
			wrong = append(wrong, fmt.Sprintf("%s[%d]: there is no role %d", member, k, id))
		case inProject && access.Roles[id-1].OrgOnly:
			wrong = append(wrong, fmt.Sprintf("%s[%d]: the role %s counts in a whole organization only", member, k, access.Roles[id-1].DisplayName))
		}
	}
	return wrong
}

// Invitations lists the invitations of an organization, newest first.
func (s *Service) Invitations(ctx context.Context, by access.Caller, org ref.OrgID, state InvitationState) ([]Invitation, error) {
	if err := s.guard.Require(ctx, by, access.InvitationIndex, org); err != nil {
		return nil, err
	}
	return s.listInvitations(ctx, org, "", state)
}

func (s *Service) listInvitations(ctx context.Context, org ref.OrgID, email string, state InvitationState) (list []Invitation, err error) {
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.Invitations(ctx, org, email)
		return err
	})
	for k := range list {
		list[k] = list[k].at(s.now())
	}
	return slices.DeleteFunc(list, func(i Invitation) bool { return state != "" && i.State != state }), err
}

// Invitation returns one of an organization.
func (s *Service) Invitation(ctx context.Context, by access.Caller, org ref.OrgID, id string) (i Invitation, err error) {
	if err := s.guard.Require(ctx, by, access.InvitationShow, org); err != nil {
		return Invitation{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		i, err = invitationOf(ctx, tx, org, id)
		return err
	})
	return i.at(s.now()), err
}

// NamesOf tells what the invitations' groups and projects are called.
func (s *Service) NamesOf(ctx context.Context, list ...Invitation) (Names, error) {
	all := Names{Groups: map[ref.UserGroupID]string{}, Projects: map[ref.ProjectID]string{}}
	err := s.store.Read(ctx, func(tx Tx) error {
		for _, i := range list {
			if len(i.Grants.Groups) == 0 && len(i.Grants.Projects) == 0 {
				continue
			}
			n, err := tx.Named(ctx, i.Org, i.Grants)
			if err != nil {
				return err
			}
			for id, name := range n.Groups {
				all.Groups[id] = name
			}
			for id, name := range n.Projects {
				all.Projects[id] = name
			}
		}
		return nil
	})
	return all, err
}

func invitationOf(ctx context.Context, tx Tx, org ref.OrgID, id string) (Invitation, error) {
	i, err := tx.Invitation(ctx, id)
	if errs.KindOf(err) == errs.NotFound || err == nil && i.Org != org {
		return Invitation{}, errs.NotFoundf("organization %d has no such invitation", org)
	}
	return i, err
}

// Invite asks a person into an organization. Where no mail leaves, or none is wanted, the link is returned, once. A person
// who is a member already, or is invited, is Unprocessable.
func (s *Service) Invite(ctx context.Context, by access.Caller, org ref.OrgID, n NewInvitation) (i Invitation, link string, err error) {
	if err := s.guard.Require(ctx, by, access.InvitationCreate, org); err != nil {
		return Invitation{}, "", err
	}
	if err := n.check(); err != nil {
		return Invitation{}, "", err
	}
	if slices.Contains(n.Grants.Roles, access.OrgOwner) {
		if err := s.guard.Require(ctx, by, access.OrgOwn, org); err != nil {
			return Invitation{}, "", errs.Forbiddenf("only an owner of organization %d makes owners", org)
		}
	}
	err = s.store.Write(ctx, func(tx Tx) error {
		if err := s.mayInvite(ctx, tx, org, n); err != nil {
			return err
		}
		inviter, err := tx.Inviter(ctx, by.Principal())
		if err != nil {
			return err
		}
		i, link, err = s.newInvitation(ctx, tx, by, org, n, inviter)
		return err
	})
	return i, link, err
}

// mayInvite says what stands in the way of an invitation, in the organization as it is.
func (s *Service) mayInvite(ctx context.Context, tx Tx, org ref.OrgID, n NewInvitation) error {
	if err := tx.HoldOrg(ctx, org); err != nil {
		return err
	}
	m, err := tx.MemberByEmail(ctx, org, n.Email)
	if err != nil {
		return err
	}
	if m.State == "active" || m.State == "inactive" {
		return errs.Unprocessablef("", "%s is a member of organization %d already", n.Email, org)
	}
	present, err := tx.Invitations(ctx, org, n.Email)
	if err != nil {
		return err
	}
	for _, i := range present {
		if i.at(s.now()).State == Pending {
			return errs.Unprocessablef("", "%s has an invitation to organization %d already: send invitation %s again, or delete it", n.Email, org, i.ID)
		}
	}
	names, err := tx.Named(ctx, org, n.Grants)
	if err != nil {
		return err
	}
	var wrong []string
	for k, id := range n.Grants.Groups {
		if _, ok := names.Groups[id]; !ok {
			wrong = append(wrong, fmt.Sprintf("groupIds[%d]: organization %d has no user group %d", k, org, id))
		}
	}
	for k, p := range n.Grants.Projects {
		if _, ok := names.Projects[p.ID]; !ok {
			wrong = append(wrong, fmt.Sprintf("projects[%d].id: organization %d has no project %d", k, org, p.ID))
		}
	}
	if len(wrong) > 0 {
		return errs.Unprocessablef("", "%s", strings.Join(wrong, "; "))
	}
	return nil
}

func (s *Service) newInvitation(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, n NewInvitation, inviter Inviter) (Invitation, string, error) {
	id, err := drawHex(s.rand, 12)
	if err != nil {
		return Invitation{}, "", err
	}
	name, err := tx.OrgName(ctx, org)
	if err != nil {
		return Invitation{}, "", err
	}
	i := Invitation{ID: id, Org: org, OrgName: name, Email: n.Email, FirstName: n.FirstName, LastName: n.LastName, SSO: n.SSO, Grants: n.Grants,
		State: Pending, Inviter: inviter, CreatedAt: tx.Now()}
	link, err := s.sendInvitation(ctx, tx, &i, !n.NoMail)
	if err != nil {
		return Invitation{}, "", err
	}
	return i, link, recordInvitation(ctx, tx, by, "invitation.create", i, nil, i.told())
}

// sendInvitation gives an invitation a new link and a new end, writes it, and sends the link; what is not sent is returned.
func (s *Service) sendInvitation(ctx context.Context, tx Tx, i *Invitation, byMail bool) (string, error) {
	secret, err := drawText(s.rand, 20)
	if err != nil {
		return "", err
	}
	i.Hash, i.UpdatedAt, i.ExpiresAt, i.State = hashSecret(secret), tx.Now(), tx.Now().Add(InvitationLife), Pending
	if err := tx.PutInvitation(ctx, *i); err != nil {
		return "", err
	}
	link := s.public + "/invitation/" + i.ID + "." + secret
	if byMail && s.mail != nil && s.mail.Enabled() {
		return "", s.mail.Invite(ctx, tx, *i, link)
	}
	return link, nil
}

func drawHex(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// InviteOwner asks somebody in whom another use case has made an owner who has not signed in yet, in that use case's
// transaction. Where no mail leaves nothing is done: an owner of the parent invites by hand.
func (s *Service) InviteOwner(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, email, first, last string) error {
	if s.mail == nil || !s.mail.Enabled() {
		return nil
	}
	inviter, err := tx.Inviter(ctx, by.Principal())
	if err != nil {
		return err
	}
	_, _, err = s.newInvitation(ctx, tx, by, org, NewInvitation{Email: email, FirstName: first, LastName: last}, inviter)
	return err
}

// Resend sends an invitation again with a new link and a new end; the link before it is dead. One that was accepted is
// Unprocessable. The link is returned where no mail leaves.
func (s *Service) Resend(ctx context.Context, by access.Caller, org ref.OrgID, id string) (link string, err error) {
	return link, s.withInvitation(ctx, by, access.InvitationResend, org, id, func(tx Tx, i Invitation) error {
		if i.State == Accepted {
			return errs.Unprocessablef("", "the invitation was accepted on %s", i.UpdatedAt.Format(time.DateOnly))
		}
		before := i.State
		if link, err = s.sendInvitation(ctx, tx, &i, true); err != nil {
			return err
		}
		return recordInvitation(ctx, tx, by, "invitation.resend", i, map[string]any{"state": before}, map[string]any{"state": i.State, "expiresAt": i.ExpiresAt})
	})
}

// Withdraw removes an invitation; its link is dead. What was accepted stays.
func (s *Service) Withdraw(ctx context.Context, by access.Caller, org ref.OrgID, id string) error {
	return s.withInvitation(ctx, by, access.InvitationDelete, org, id, func(tx Tx, i Invitation) error {
		if err := tx.DeleteInvitation(ctx, id); err != nil {
			return err
		}
		return recordInvitation(ctx, tx, by, "invitation.delete", i, i.told(), nil)
	})
}

func (s *Service) withInvitation(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id string, change func(Tx, Invitation) error) error {
	if err := s.guard.Require(ctx, by, p, org); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		i, err := invitationOf(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if err := tx.DropInvitations(ctx, tx.Now().Add(-invitationKept)); err != nil {
			return err
		}
		return change(tx, i.at(s.now()))
	})
}

// MyInvitations lists the invitations to the caller's address, newest first.
func (s *Service) MyInvitations(ctx context.Context, by access.Caller, state InvitationState) ([]Invitation, error) {
	email, err := s.ownEmail(ctx, by)
	if err != nil {
		return nil, err
	}
	return s.listInvitations(ctx, 0, email, state)
}

// MyInvitation returns one of them.
func (s *Service) MyInvitation(ctx context.Context, by access.Caller, id string) (i Invitation, err error) {
	email, err := s.ownEmail(ctx, by)
	if err != nil {
		return Invitation{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		i, err = invitationTo(ctx, tx, email, id)
		return err
	})
	return i.at(s.now()), err
}

func (s *Service) ownEmail(ctx context.Context, by access.Caller) (email string, err error) {
	if by.User == 0 {
		return "", errs.Forbiddenf("invitations are to people: sign in as a user")
	}
	if by.Only != 0 {
		return "", errs.Forbiddenf("this session opens organization %d only: sign in in another way to look at invitations", by.Only)
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		email, err = tx.Email(ctx, by.User)
		return err
	})
	return email, err
}

func invitationTo(ctx context.Context, tx Tx, email, id string) (Invitation, error) {
	i, err := tx.Invitation(ctx, id)
	if errs.KindOf(err) == errs.NotFound || err == nil && filter.Fold(i.Email) != filter.Fold(email) {
		return Invitation{}, errs.NotFoundf("there is no such invitation to you")
	}
	return i, err
}

// Accept makes the caller a member with what the invitation gives. One that is not pending is Unprocessable.
func (s *Service) Accept(ctx context.Context, by access.Caller, id string) error {
	return s.answer(ctx, by, id, func(tx Tx, i Invitation) error { return s.accept(ctx, tx, by, i) })
}

// Decline says no. What the caller was given before stays.
func (s *Service) Decline(ctx context.Context, by access.Caller, id string) error {
	return s.answer(ctx, by, id, func(tx Tx, i Invitation) error {
		i.State, i.UpdatedAt = Declined, tx.Now()
		if err := tx.PutInvitation(ctx, i); err != nil {
			return err
		}
		return recordInvitation(ctx, tx, by, "invitation.decline", i, nil, map[string]any{"state": i.State})
	})
}

func (s *Service) answer(ctx context.Context, by access.Caller, id string, with func(Tx, Invitation) error) error {
	email, err := s.ownEmail(ctx, by)
	if err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		i, err := s.holdPending(ctx, tx, id, func() (Invitation, error) { return invitationTo(ctx, tx, email, id) })
		if err != nil {
			return err
		}
		return with(tx, i)
	})
}

// holdPending finds an invitation, holds its organization, and finds it again as it is then: of two that answer it at once the
// second finds it answered.
func (s *Service) holdPending(ctx context.Context, tx Tx, id string, find func() (Invitation, error)) (Invitation, error) {
	i, err := find()
	if err != nil {
		return Invitation{}, err
	}
	if err := tx.HoldOrg(ctx, i.Org); err != nil {
		return Invitation{}, err
	}
	if i, err = find(); err != nil {
		return Invitation{}, err
	}
	if i = i.at(s.now()); i.State != Pending {
		return Invitation{}, errs.Unprocessablef("", "the invitation is %s", i.State)
	}
	return i, nil
}

func (s *Service) accept(ctx context.Context, tx Tx, by access.Caller, i Invitation) error {
	user, err := tx.Enrol(ctx, i)
	if err != nil {
		return err
	}
	i.State, i.UpdatedAt = Accepted, tx.Now()
	if err := tx.PutInvitation(ctx, i); err != nil {
		return err
	}
	if by.User == 0 {
		by.User = user
	}
	return recordInvitation(ctx, tx, by, "invitation.accept", i, nil, map[string]any{"state": i.State, "user": user})
}

// Opened is an invitation that was opened by its link, with what its page has to know.
type Opened struct {
	Invitation
	User        ref.UserID // 0: the person is no user yet
	HasPassword bool
}

// OpenLink finds the pending invitation of a link's last part. A link that is none, was replaced, or has ended is NotFound.
func (s *Service) OpenLink(ctx context.Context, token string) (o Opened, err error) {
	err = s.store.Read(ctx, func(tx Tx) error {
		if o.Invitation, err = linked(ctx, tx, token); err != nil {
			return err
		}
		m, err := tx.MemberByEmail(ctx, o.Org, o.Email)
		if err != nil {
			return err
		}
		if o.User = m.User; m.User != 0 {
			o.HasPassword, err = tx.HasPassword(ctx, m.User)
		}
		return err
	})
	if err == nil && o.Invitation.at(s.now()).State != Pending {
		err = deadLink()
	}
	return o, err
}

func deadLink() error {
	return errs.NotFoundf("this invitation has ended, or its link was replaced by a newer one; ask whoever invited you to send it again")
}

func linked(ctx context.Context, tx Tx, token string) (Invitation, error) {
	id, secret, _ := strings.Cut(token, ".")
	i, err := tx.Invitation(ctx, id)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return Invitation{}, err
	}
	if subtle.ConstantTimeCompare([]byte(i.Hash), []byte(hashSecret(secret))) != 1 {
		return Invitation{}, deadLink()
	}
	return i, nil
}

// AcceptLink makes the person of a link a member, with its first password, whose hash is given. A person who has a password
// signs in and accepts as itself; so does one who is to come through an identity provider.
func (s *Service) AcceptLink(ctx context.Context, token, passwordHash, requestID string) (user ref.UserID, err error) {
	err = s.store.Write(ctx, func(tx Tx) error {
		id, _, _ := strings.Cut(token, ".")
		i, err := s.holdPending(ctx, tx, id, func() (Invitation, error) { return linked(ctx, tx, token) })
		if err != nil {
			return err
		}
		if i.SSO {
			return errs.Forbiddenf("this invitation is accepted by signing in through the organization's identity provider")
		}
		if err := s.accept(ctx, tx, access.Caller{RequestID: requestID}, i); err != nil {
			return err
		}
		m, err := tx.MemberByEmail(ctx, i.Org, i.Email)
		if err != nil {
			return err
		}
		user = m.User
		err = tx.InsertPassword(ctx, user, passwordHash)
		if errs.KindOf(err) == errs.Conflict {
			return errs.Conflictf("", "you have a password already: sign in with it to accept the invitation")
		}
		return err
	})
	return user, err
}

// told is an invitation as its audit entries tell it.
func (i Invitation) told() map[string]any {
	m := map[string]any{"email": i.Email, "state": i.State, "grants": i.Grants}
	if i.SSO {
		m["sso"] = true
	}
	return m
}

func recordInvitation(ctx context.Context, tx Tx, by access.Caller, action string, i Invitation, before, after any) error {
	return record(ctx, tx, by, audit.Entry{Org: i.Org, Action: action, TargetKind: "invitation", TargetID: i.ID}, before, after)
}
