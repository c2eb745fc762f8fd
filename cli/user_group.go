package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// userGroupVerb is the verbs about user groups and who is in them.
type userGroupVerb struct {
	List   userGroupList   `cmd:"" help:"List user groups."`
	Show   userGroupShow   `cmd:"" help:"Show one, with its members and its roles."`
	Create userGroupCreate `cmd:"" help:"Make one, empty and without any role."`
	Update userGroupUpdate `cmd:"" help:"Rename or describe one."`
	Delete userGroupDelete `cmd:"" help:"End one, and what was granted to it."`
	Member memberVerb      `cmd:"" help:"Who is in a user group."`
}

type memberVerb struct {
	List   memberList   `cmd:"" help:"List who is in a user group."`
	Add    memberAdd    `cmd:"" help:"Add users; who is in it already stays."`
	Remove memberRemove `cmd:"" help:"Take users out."`
	Set    memberSet    `cmd:"" help:"Make these users all that are in it."`
}

// userGroup is a user group as an argument: by number or name.
type userGroup struct {
	Group string `arg:"" help:"A user group, by number or name."`
}

func (g userGroup) find(ctx context.Context, c *client.Client, org ref.OrgID) (ref.UserGroupID, error) {
	return findGroup(ctx, c, org, g.Group)
}

// findGroup looks for a number first, then for a name, without regard to case; names are unique in an organization.
func findGroup(ctx context.Context, c *client.Client, org ref.OrgID, text string) (ref.UserGroupID, error) {
	if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
		return ref.UserGroupID(id), nil
	}
	list, err := c.Groups(ctx, org)
	if err != nil {
		return 0, err
	}
	var names []string
	for _, g := range list {
		if strings.EqualFold(g.Name, text) {
			return g.ID, nil
		}
		names = append(names, g.Name)
	}
	if len(names) == 0 {
		return 0, errs.NotFoundf("organization %d has no user group %q: it has none", org, text)
	}
	return 0, errs.NotFoundf("organization %d has no user group %q; there are: %s", org, text, strings.Join(names[:min(len(names), 10)], ", "))
}

type userGroupList struct {
	remote
	jsonOutput
}

// Run lists them.
func (v *userGroupList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.Groups(ctx, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.Group]{Values: append([]wire.Group{}, list...)})
	}
	t := table{head: []string{"ID", "NAME", "USERS", "DESCRIPTION"}}
	for _, g := range list {
		t.add(g.ID.String(), g.Name, userCount(g), g.Description)
	}
	return t.print(sh.Out)
}

func userCount(g wire.Group) string {
	if g.UserCount == nil {
		return ""
	}
	return strconv.FormatInt(*g.UserCount, 10)
}

type userGroupShow struct {
	remote
	userGroup
	jsonOutput
}

// shownGroup is what 'espalier user-group show --json' prints.
type shownGroup struct {
	wire.Group
	Users       []wire.OrgUser    `json:"users"`
	AccessRules []wire.AccessRule `json:"accessRules"`
}

// Run shows one.
func (v *userGroupShow) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	g := shownGroup{Users: []wire.OrgUser{}}
	if g.Group, err = c.Group(ctx, org, id); err != nil {
		return err
	}
	if g.AccessRules, err = c.AccessRules(ctx, org, client.RuleQuery{Of: &client.Grantee{Group: id}}); err != nil {
		return err
	}
	if g.Users, err = groupUsers(ctx, c, org, id); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, g)
	}
	facts := table{}
	facts.add("Id", g.ID.String())
	facts.add("Name", g.Name)
	facts.add("Description", g.Description)
	facts.add("Created", instant(g.CreatedAt))
	roles := table{head: []string{"ROLE", "IN"}}
	for _, r := range g.AccessRules {
		roles.add(r.Role.Name, scopeText(r.Scope))
	}
	return printTables(sh.Out, facts, roles, userTable(g.Users))
}

func groupUsers(ctx context.Context, c *client.Client, org ref.OrgID, id ref.UserGroupID) ([]wire.OrgUser, error) {
	list, err := c.GroupMembers(ctx, org, id)
	users := make([]wire.OrgUser, len(list))
	for i, m := range list {
		users[i] = m.User
	}
	return users, err
}

func userTable(users []wire.OrgUser) table {
	t := table{head: []string{"USER", "EMAIL", "NAME", "STATUS"}}
	for _, u := range users {
		t.add(u.ID.String(), u.Email, fullName(u.FirstName, u.LastName), u.Status)
	}
	return t
}

type userGroupCreate struct {
	remote
	Name        string `arg:"" help:"Name, unique in the organization."`
	Description string `key:"-" placeholder:"TEXT" help:"What it is for."`
	jsonOutput
}

// Run makes one.
func (v *userGroupCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	g, err := c.CreateGroup(ctx, org, wire.CreateGroup{Name: v.Name, Description: v.Description})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, g)
	}
	_, err = fmt.Fprintf(sh.Out, "User group %d is made. Add people: espalier user-group member add %d ann@acme.example\n", g.ID, g.ID)
	return err
}

type userGroupUpdate struct {
	remote
	userGroup
	Name        *string `key:"-" placeholder:"NAME" help:"Another name."`
	Description *string `key:"-" placeholder:"TEXT" help:"Another description."`
	jsonOutput
}

// Validate is called by kong.
func (v *userGroupUpdate) Validate() error {
	if v.Name == nil && v.Description == nil {
		return errors.New("nothing to change: give --name or --description")
	}
	return nil
}

// Run changes one.
func (v *userGroupUpdate) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	g, err := c.UpdateGroup(ctx, org, id, wire.UpdateGroup{Name: v.Name, Description: v.Description})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, g)
	}
	_, err = fmt.Fprintf(sh.Out, "User group %d is changed.\n", id)
	return err
}

// changedGroup is what a verb prints with --json that leaves no more to show.
type changedGroup struct {
	ID ref.UserGroupID `json:"id"`
}

type userGroupDelete struct {
	remote
	userGroup
	jsonOutput
}

// Run ends one.
func (v *userGroupDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	if err := c.DeleteGroup(ctx, org, id); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, changedGroup{id})
	}
	_, err = fmt.Fprintf(sh.Out, "User group %d is deleted.\n", id)
	return err
}

type memberList struct {
	remote
	userGroup
	jsonOutput
}

// Run lists who is in it.
func (v *memberList) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	return v.print(ctx, sh, c, org, id)
}

func (v *memberList) print(ctx context.Context, sh *Shell, c *client.Client, org ref.OrgID, id ref.UserGroupID) error {
	users, err := groupUsers(ctx, c, org, id)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.OrgUser]{Values: users})
	}
	t := userTable(users)
	return t.print(sh.Out)
}

// members is a change of who is in a user group; it answers with who is in it afterwards.
type members struct {
	memberList
	User []string `arg:"" help:"Users, by number or e-mail address."`
}

func (v *members) run(ctx context.Context, sh *Shell, change func(*client.Client, ref.OrgID, ref.UserGroupID, []ref.UserID) error) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	users, err := findUsers(ctx, c, org, v.User)
	if err != nil {
		return err
	}
	if err := change(c, org, id, users); err != nil {
		return err
	}
	return v.print(ctx, sh, c, org, id)
}

type memberAdd struct{ members }

// Run adds users.
func (v *memberAdd) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, func(c *client.Client, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) error {
		return c.AddGroupMembers(ctx, org, id, users)
	})
}

type memberRemove struct{ members }

// Run takes users out, one after the other: the API has no call for several.
func (v *memberRemove) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, func(c *client.Client, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) error {
		for i, u := range users {
			if err := c.RemoveGroupMember(ctx, org, id, u); err != nil {
				return fmt.Errorf("%w (%d of %d users were taken out before)", err, i, len(users))
			}
		}
		return nil
	})
}

type memberSet struct{ members }

// Run makes users all that are in it.
func (v *memberSet) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, func(c *client.Client, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) error {
		return c.SetGroupMembers(ctx, org, id, users)
	})
}
