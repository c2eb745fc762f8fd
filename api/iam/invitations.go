package iam

import (
	"fmt"
	"net/http"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

func (s *server) invitations() map[string]door.Handler {
	return map[string]door.Handler{
		"Organization Invitation#index":      s.listInvitations,
		"Organization Invitation#show":       s.showInvitation,
		"Organization Invitation#create":     s.createInvitation,
		"Organization Invitation#resend":     s.resendInvitation,
		"Organization Invitation#delete":     s.deleteInvitation,
		"User Invitation#index":              s.listMyInvitations,
		"User Invitation#show":               s.showMyInvitation,
		"User Invitation#accept_invitation":  s.acceptInvitation,
		"User Invitation#decline_invitation": s.declineInvitation,
	}
}

func (s *server) listInvitations(w http.ResponseWriter, r *door.Request) error {
	list, err := s.People.Invitations(r.Context(), r.Caller(), r.OrgID(), iam.InvitationState(r.String("status")))
	if err != nil {
		return err
	}
	return s.answerInvitations(w, r, list)
}

func (s *server) listMyInvitations(w http.ResponseWriter, r *door.Request) error {
	list, err := s.People.MyInvitations(r.Context(), r.Caller(), iam.InvitationState(r.String("status")))
	if err != nil {
		return err
	}
	return s.answerInvitations(w, r, list)
}

func (s *server) answerInvitations(w http.ResponseWriter, r *door.Request, list []iam.Invitation) error {
	names, err := s.People.NamesOf(r.Context(), list...)
	if err != nil {
		return err
	}
	out := make([]wire.Invitation, len(list))
	for k, i := range list {
		out[k] = invitation(i, names, r.String("view"))
	}
	return door.JSON(w, http.StatusOK, out)
}

func (s *server) showInvitation(w http.ResponseWriter, r *door.Request) error {
	i, err := s.People.Invitation(r.Context(), r.Caller(), r.OrgID(), r.String("id"))
	return s.answerInvitation(w, r, i, err)
}

func (s *server) showMyInvitation(w http.ResponseWriter, r *door.Request) error {
	i, err := s.People.MyInvitation(r.Context(), r.Caller(), r.String("id"))
	return s.answerInvitation(w, r, i, err)
}

func (s *server) answerInvitation(w http.ResponseWriter, r *door.Request, i iam.Invitation, err error) error {
	if err != nil {
		return err
	}
	names, err := s.People.NamesOf(r.Context(), i)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, invitation(i, names, r.String("view")))
}

// nobodyAt is the domain of addresses that nobody has: the contract wants one of every inviter.
const nobodyAt = "@espalier.invalid"

func invitation(i iam.Invitation, names iam.Names, view string) wire.Invitation {
	by := wire.InvitedBy{ID: int64(i.Inviter.User), Kind: "iam#user", Email: i.Inviter.Email, FirstName: i.Inviter.FirstName, LastName: i.Inviter.LastName}
	switch {
	case i.Inviter.ServiceAccount != 0:
		by.ID, by.Kind, by.LastName = int64(i.Inviter.ServiceAccount), "iam#service-account", i.Inviter.Name
		by.Email = fmt.Sprintf("service-account-%d%s", i.Inviter.ServiceAccount, nobodyAt)
	case i.Inviter.Email == "": // the operator, or a user who is no more
		by.Email = "operator" + nobodyAt
	}
	out := wire.Invitation{ID: i.ID, Kind: "iam#invitation", Status: string(i.State), InviteeEmail: i.Email, InvitedBy: by}
	if view == "tiny" {
		return out
	}
	out.ExpiresAt, out.CreatedAt, out.UpdatedAt = i.ExpiresAt, i.CreatedAt, i.UpdatedAt
	out.Org = &wire.OrgInvitation{ID: i.Org, Kind: "iam#org-invitation", Name: i.OrgName, Roles: invitedRoles(i.Grants.Roles)}
	for _, p := range i.Grants.Projects {
		if name, ok := names.Projects[p.ID]; ok {
			out.Projects = append(out.Projects, wire.ProjectInvitation{ID: p.ID, Kind: "iam#project-invitation", Name: name, Roles: invitedRoles(p.Roles)})
		}
	}
	for _, id := range i.Grants.Groups {
		if name, ok := names.Groups[id]; ok {
			out.Groups = append(out.Groups, wire.InvitedGroup{ID: id, Kind: "iam#group", Name: name, Ref: "iam#group:" + id.String()})
		}
	}
	return out
}

func invitedRoles(ids []ref.RoleID) []wire.InvitedRole {
	list := []wire.InvitedRole{}
	for _, r := range access.Set(ids...).List() {
		list = append(list, wire.InvitedRole{ID: r.ID, Kind: "iam#role", Name: r.Name, DisplayName: r.DisplayName, Category: r.Capability})
	}
	return list
}

// NewInvitation reads a body, which our own API takes too.
func NewInvitation(b wire.CreateInvitation) iam.NewInvitation {
	n := iam.NewInvitation{Email: b.InviteeEmail, FirstName: b.InviteeFirstName, LastName: b.InviteeLastName, SSO: b.IsSSO, NoMail: b.SkipEmailNotification,
		Grants: iam.Grants{Roles: b.OrgRoleIDs, Groups: b.GroupIDs}}
	for _, p := range b.Projects {
		n.Grants.Projects = append(n.Grants.Projects, iam.ProjectGrant{ID: p.ID, Roles: p.RoleIDs})
	}
	return n
}

func (s *server) createInvitation(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateInvitation](r)
	if err != nil {
		return err
	}
	i, _, err := s.People.Invite(r.Context(), r.Caller(), r.OrgID(), NewInvitation(body))
	if err != nil {
		return err
	}
	return door.Created(w, r.URL.Path+"/"+i.ID)
}

func (s *server) resendInvitation(w http.ResponseWriter, r *door.Request) error {
	if _, err := s.People.Resend(r.Context(), r.Caller(), r.OrgID(), r.String("id")); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) deleteInvitation(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.Withdraw(r.Context(), r.Caller(), r.OrgID(), r.String("id")); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) acceptInvitation(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.Accept(r.Context(), r.Caller(), r.String("id")); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) declineInvitation(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.Decline(r.Context(), r.Caller(), r.String("id")); err != nil {
		return err
	}
	return door.NoContent(w)
}
