package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// inviteVerb is the verbs about invitations into an organization.
type inviteVerb struct {
	Create inviteCreate `cmd:"" help:"Invite a person; without a mail server the link is printed, once."`
	List   inviteList   `cmd:"" help:"List invitations, newest first."`
	Show   inviteShow   `cmd:"" help:"Show one invitation and what it gives."`
	Resend inviteResend `cmd:"" help:"Send an invitation again, with a new link."`
	Delete inviteDelete `cmd:"" help:"Take an invitation back; its link is dead."`
}

type inviteCreate struct {
	remote
	Email  string            `arg:"" help:"Address of the person."`
	Name   string            `key:"invite-name" placeholder:"NAME" help:"Name of the person, 'Ann Lee'."`
	Role   []roleFlag        `key:"invite-role" placeholder:"ROLE" help:"Role in the organization, such as policy_manager; may be repeated."`
	Group  []ref.UserGroupID `key:"invite-group" placeholder:"ID" help:"User group to join; may be repeated."`
	SSO    bool              `name:"sso" key:"invite-sso" help:"The person signs in through the organization's identity provider, and sets no password."`
	NoMail bool              `key:"invite-no-mail" help:"Send no mail but print the link; needs --name."`
	jsonOutput
}

// roleFlag is a role by its internal name.
type roleFlag ref.RoleID

// UnmarshalText is called by kong.
func (r *roleFlag) UnmarshalText(text []byte) error {
	role, ok := access.RoleNamed(string(text))
	if !ok {
		var names []string
		for _, known := range access.Roles {
			names = append(names, known.Name)
		}
		return fmt.Errorf("%q is no role; want one of %s", text, strings.Join(names, ", "))
	}
	*r = roleFlag(role.ID)
	return nil
}

// Run invites and prints the link, if there is one.
func (v *inviteCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	first, last := splitName(v.Name)
	body := wire.CreateInvitation{InviteeEmail: v.Email, InviteeFirstName: first, InviteeLastName: last, GroupIDs: v.Group,
		IsSSO: v.SSO, SkipEmailNotification: v.NoMail}
	for _, r := range v.Role {
		body.OrgRoleIDs = append(body.OrgRoleIDs, ref.RoleID(r))
	}
	made, err := c.Invite(ctx, org, body)
	if err != nil {
		return err
	}
	return printLink(sh, v.JSON, made, "Invited "+v.Email)
}

// printLink says what became of an invitation.
func printLink(sh *Shell, asJSON bool, made wire.InvitationLink, what string) error {
	switch {
	case asJSON:
		return printJSON(sh.Out, made)
	case made.Link == "":
		_, err := fmt.Fprintf(sh.Out, "%s by mail; invitation %s.\n", what, made.ID)
		return err
	}
	_, err := fmt.Fprintf(sh.Out, "%s; invitation %s. No mail left: hand over this link, which is not shown again:\n%s\n", what, made.ID, made.Link)
	return err
}

type inviteList struct {
	remote
	Status string `placeholder:"STATE" enum:"pending,accepted,declined,expired," default:"" help:"Only those that are pending, accepted, declined or expired."`
	jsonOutput
}

// Run lists invitations.
func (v *inviteList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.Invitations(ctx, org, v.Status)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, list)
	}
	t := table{head: []string{"ID", "EMAIL", "STATUS", "ENDS", "INVITED BY"}}
	for _, i := range list {
		t.add(i.ID, i.InviteeEmail, i.Status, i.ExpiresAt.Local().Format(time.DateTime), i.InvitedBy.Email)
	}
	return t.print(sh.Out)
}

// inviteID is the argument of a verb about one invitation.
type inviteID struct {
	ID string `arg:"" help:"Id of the invitation."`
}

type inviteShow struct {
	remote
	inviteID
	jsonOutput
}

// Run shows one invitation.
func (v *inviteShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	i, err := c.Invitation(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, i)
	}
	t := table{}
	t.add("Id", i.ID)
	t.add("Email", i.InviteeEmail)
	t.add("Status", i.Status)
	t.add("Ends", i.ExpiresAt.Local().Format(time.DateTime))
	t.add("Invited by", i.InvitedBy.Email)
	if i.Org != nil {
		t.add("Roles", roleNames(i.Org.Roles))
	}
	for _, p := range i.Projects {
		t.add("Project "+p.Name, roleNames(p.Roles))
	}
	for _, g := range i.Groups {
		t.add("User group", g.Name)
	}
	return t.print(sh.Out)
}

func roleNames(roles []wire.InvitedRole) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Name
	}
	return strings.Join(names, " ")
}

type inviteResend struct {
	remote
	inviteID
	jsonOutput
}

// Run sends an invitation again.
func (v *inviteResend) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	made, err := c.ResendInvitation(ctx, org, v.ID)
	if err != nil {
		return err
	}
	return printLink(sh, v.JSON, made, "Sent again")
}

type inviteDelete struct {
	remote
	inviteID
}

// Run takes an invitation back.
func (v *inviteDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.DeleteInvitation(ctx, org, v.ID); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sh.Out, "Deleted invitation %s.\n", v.ID)
	return err
}
