package signin

import (
	"context"
	"net/http"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/ref"
	auth "espalier.dev/signin"
)

// Invitations is what the page of an invitation's link asks for; *iam.Service is what serves.
type Invitations interface {
	OpenLink(ctx context.Context, token string) (iam.Opened, error)
	AcceptLink(ctx context.Context, token, passwordHash, requestID string) (ref.UserID, error)
	Accept(ctx context.Context, by access.Caller, id string) error
	Decline(ctx context.Context, by access.Caller, id string) error
}

// invitationView is what the page shows: one of the three ways to accept.
type invitationView struct {
	iam.Opened
	Mine  bool // the person is signed in
	Other bool // somebody else is
	First bool // the person sets a first password
	Roles []string
}

// openInvitation looks at the link, which is a secret: nothing of it is sent on.
func (p *Pages) openInvitation(r *http.Request, token string) (invitationView, auth.Session, error) {
	o, err := p.cfg.Invitations.OpenLink(r.Context(), token)
	if err != nil {
		return invitationView{}, auth.Session{}, err
	}
	v := invitationView{Opened: o, First: !o.HasPassword && !o.SSO}
	for _, role := range access.Set(o.Grants.Roles...).List() {
		v.Roles = append(v.Roles, role.DisplayName)
	}
	at, err := p.cfg.Service.Visit(r)
	if errs.KindOf(err) == errs.Unauthenticated {
		return v, at, nil
	}
	if err != nil {
		return v, at, err
	}
	a, err := p.cfg.Service.Account(r.Context(), at)
	v.Mine = err == nil && filter.Fold(a.Email) == filter.Fold(o.Email)
	v.Other = err == nil && !v.Mine
	return v, at, err
}

func (p *Pages) askInvitation(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	i, _, err := p.openInvitation(r, token)
	if err != nil {
		return p.deadInvitation(w, r, err)
	}
	return p.show(w, r, http.StatusOK, "invitation", view{Title: "Invitation to " + i.OrgName, Token: token, Email: i.Email, Next: r.URL.Path, Invitation: i})
}

// deadInvitation says in a page of its own that a link leads nowhere any more.
func (p *Pages) deadInvitation(w http.ResponseWriter, r *http.Request, err error) error {
	if errs.KindOf(err) != errs.NotFound {
		return err
	}
	return p.again(w, r, err, "notice", view{Title: "This invitation cannot be accepted"})
}

func (p *Pages) takeInvitation(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	i, at, err := p.openInvitation(r, token)
	if err != nil {
		return p.deadInvitation(w, r, err)
	}
	v := view{Title: "Invitation to " + i.OrgName, Token: token, Email: i.Email, Next: r.URL.Path, Invitation: i}
	switch {
	case r.PostFormValue("answer") == "decline" && i.Mine:
		err = p.cfg.Invitations.Decline(r.Context(), at.Caller(p.visitor(r).RequestID), i.ID)
		if err == nil {
			return p.show(w, r, http.StatusOK, "notice", view{Title: "Invitation declined", Note: "You have declined the invitation to " + i.OrgName + "."})
		}
	case i.Mine:
		err = p.cfg.Invitations.Accept(r.Context(), at.Caller(p.visitor(r).RequestID), i.ID)
		if err == nil {
			return p.onward(w, r, "")
		}
	case i.First:
		err = p.firstPassword(w, r, token, i)
		if err == nil {
			return p.onward(w, r, "")
		}
	default:
		err = errs.Forbiddenf("Sign in as %s to accept the invitation.", i.Email)
	}
	return p.again(w, r, err, "invitation", v)
}

// firstPassword accepts for a person without a password and opens a session: the link came to the person's address.
func (p *Pages) firstPassword(w http.ResponseWriter, r *http.Request, token string, i invitationView) error {
	if err := matching(r); err != nil {
		return err
	}
	hash, err := p.cfg.Service.PreparePassword(r.Context(), r.PostFormValue("password"), i.Email, i.FirstName, i.LastName, i.OrgName)
	if err != nil {
		return err
	}
	visitor := p.visitor(r)
	user, err := p.cfg.Invitations.AcceptLink(r.Context(), token, hash, visitor.RequestID)
	if err != nil {
		return err
	}
	opened, err := p.cfg.Service.Open(r.Context(), auth.OpenSession{User: user, Methods: []auth.Method{auth.Password}, Visitor: visitor})
	if err != nil {
		return err
	}
	p.cfg.Service.SetSession(w, opened)
	return nil
}
