package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// userVerb is the verbs about the people of an organization.
type userVerb struct {
	List       userList       `cmd:"" help:"List users: members, and those of the parent who are let in."`
	Show       userShow       `cmd:"" help:"Show one, with user groups, roles and what lets it into customers."`
	Create     userCreate     `cmd:"" help:"Make a person a member, without any role and without a mail; see also invite."`
	Deactivate userDeactivate `cmd:"" help:"Shut a member out for the time being; all that it holds stays."`
	Reactivate userReactivate `cmd:"" help:"Let a member in again."`
	Remove     userRemove     `cmd:"" help:"End a membership, with its roles and its place in user groups."`
}

// person is a user as an argument: by number or e-mail address.
type person struct {
	User string `arg:"" help:"A user, by number or e-mail address."`
}

// find returns the user's number.
func (p person) find(ctx context.Context, c *client.Client, org ref.OrgID) (ref.UserID, error) {
	return findUser(ctx, c, org, p.User)
}

func findUser(ctx context.Context, c *client.Client, org ref.OrgID, text string) (ref.UserID, error) {
	if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
		return ref.UserID(id), nil
	}
	if !strings.Contains(text, "@") {
		return 0, usageOf(fmt.Errorf("%q is no user: want a number or an e-mail address", text))
	}
	u, ok, err := c.UserByEmail(ctx, org, text)
	if err == nil && !ok {
		err = errs.NotFoundf("organization %d has no user %s", org, text)
	}
	return u.ID, err
}

// findUsers finds all, and names every one that is not there.
func findUsers(ctx context.Context, c *client.Client, org ref.OrgID, texts []string) ([]ref.UserID, error) {
	var ids []ref.UserID
	var absent []string
	for _, text := range texts {
		id, err := findUser(ctx, c, org, text)
		switch {
		case errs.KindOf(err) == errs.NotFound:
			absent = append(absent, text)
		case err != nil:
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(absent) > 0 {
		return nil, errs.NotFoundf("organization %d has no user %s; nothing was changed", org, strings.Join(absent, ", "))
	}
	return ids, nil
}

type userList struct {
	remote
	Filter  string `key:"user-filter" placeholder:"EXPR" help:"Only those that match, e.g. \"email co 'acme.example' and hasActiveRefreshToken eq true\"."`
	OrderBy string `key:"user-order-by" placeholder:"FIELD" help:"firstName, lastName, email, lastUILogin or lastAPILogin, with desc behind it for the other way."`
	Source  string `key:"user-source" enum:",member,policy" default:"" placeholder:"SOURCE" help:"member: only members; policy: only those let in by an access policy of the parent."`
	jsonOutput
}

// userSources is how the API calls the ways into an organization.
var userSources = map[string]string{"": "", "member": "org_member", "policy": "external_access_policy"}

// Run lists them.
func (v *userList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list := []wire.Person{}
	for p, err := range c.Users(ctx, org, client.UserQuery{Filter: v.Filter, OrderBy: v.OrderBy, Source: userSources[v.Source]}) {
		if err != nil {
			return err
		}
		list = append(list, p)
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.Person]{Values: list})
	}
	t := table{head: []string{"ID", "EMAIL", "NAME", "STATE", "COMES BY", "LAST SIGN-IN"}}
	for _, p := range list {
		t.add(p.ID.String(), p.Email, fullName(p.FirstName, p.LastName), p.State, comesBy(p.AccessSource), everInstant(p.LastUILogin))
	}
	return t.print(sh.Out)
}

func fullName(first, last string) string { return strings.TrimSpace(first + " " + last) }

// splitName parts 'Ann Lee' after the first name.
func splitName(name string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(name), " ")
	return first, strings.TrimSpace(last)
}

func comesBy(source string) string {
	if source == userSources["policy"] {
		return "access policy"
	}
	return "membership"
}

type userShow struct {
	remote
	person
	jsonOutput
}

// shownUser is what 'espalier user show --json' prints.
type shownUser struct {
	wire.OrgUser
	Groups         []wire.Group        `json:"groups"`
	AccessRules    []wire.AccessRule   `json:"accessRules"`
	AccessPolicies []wire.AccessPolicy `json:"accessPolicies"`
}

// Run shows one.
func (v *userShow) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	var u shownUser
	if u.OrgUser, err = c.User(ctx, org, id); err != nil {
		return err
	}
	if u.Groups, err = c.GroupsOfUser(ctx, org, id); err != nil {
		return err
	}
	if u.AccessRules, err = c.AccessRules(ctx, org, client.RuleQuery{Of: &client.Grantee{User: id}}); err != nil {
		return err
	}
	if u.AccessPolicies, err = policiesReaching(ctx, c, org, u.Groups); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, u)
	}
	return u.print(sh)
}

// policiesReaching is the access policies of the organization that name a user group of the user. There are none in an
// organization that cannot have customers, nor for a caller who may not see them.
func policiesReaching(ctx context.Context, c *client.Client, org ref.OrgID, groups []wire.Group) ([]wire.AccessPolicy, error) {
	list, err := c.AccessPolicies(ctx, org)
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Kind() == errs.Forbidden {
		return []wire.AccessPolicy{}, nil
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(p wire.AccessPolicy) bool {
		return !slices.ContainsFunc(groups, func(g wire.Group) bool { return slices.Contains(p.GroupIDs, g.ID) })
	}), nil
}

func (u shownUser) print(sh *Shell) error {
	facts := table{}
	facts.add("Id", u.ID.String())
	facts.add("Email", u.Email)
	facts.add("Name", fullName(u.FirstName, u.LastName))
	facts.add("Status", u.Status)
	facts.add("Comes by", comesBy(u.AccessSource))
	facts.add("Last sign-in", everInstant(u.LastUILogin))
	facts.add("Last use of the API", everInstant(u.LastAPILogin))
	facts.add("Has a refresh token", yesNo(u.HasActiveRefreshToken))
	roles := table{head: []string{"ROLE", "IN"}}
	for _, r := range u.AccessRules {
		roles.add(r.Role.Name, scopeText(r.Scope))
	}
	groups := table{head: []string{"USER GROUP", "NAME"}}
	for _, g := range u.Groups {
		groups.add(g.ID.String(), g.Name)
	}
	policies := table{head: []string{"ACCESS POLICY", "GIVES", "CUSTOMERS"}}
	for _, p := range u.AccessPolicies {
		policies.add(p.Name, strings.Join(policyGives(p), " "), strconv.Itoa(len(p.CustomerOrgIDs)))
	}
	return printTables(sh.Out, facts, roles, groups, policies)
}

type userCreate struct {
	remote
	Email string `arg:"" help:"Address of the person."`
	Name  string `key:"-" placeholder:"NAME" help:"Name of the person, 'Ann Lee'."`
	jsonOutput
}

// Run makes a member.
func (v *userCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	first, last := splitName(v.Name)
	id, err := c.CreateUser(ctx, org, wire.CreateUser{Email: v.Email, FirstName: first, LastName: last})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.CreatedUser{ID: id})
	}
	_, err = fmt.Fprintf(sh.Out, "User %d is a member. Roles come by: espalier access grant ROLE %s\n", id, printable(v.Email, false))
	return err
}

// memberChange is a verb about one user that answers with what became of it.
type memberChange struct {
	remote
	person
	jsonOutput
}

// changedUser is what such a verb prints with --json.
type changedUser struct {
	ID    ref.UserID `json:"id"`
	State string     `json:"state"` // active, inactive, removed
}

func (v *memberChange) run(ctx context.Context, sh *Shell, state string, change func(*client.Client, ref.OrgID, ref.UserID) error) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	if err := change(c, org, id); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, changedUser{id, state})
	}
	_, err = fmt.Fprintf(sh.Out, "User %d is %s in organization %d.\n", id, state, org)
	return err
}

type userDeactivate struct{ memberChange }

// Run shuts one out.
func (v *userDeactivate) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, "inactive", func(c *client.Client, org ref.OrgID, id ref.UserID) error {
		return c.SetUserActive(ctx, org, id, false)
	})
}

type userReactivate struct{ memberChange }

// Run lets one in again.
func (v *userReactivate) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, "active", func(c *client.Client, org ref.OrgID, id ref.UserID) error { return c.SetUserActive(ctx, org, id, true) })
}

type userRemove struct{ memberChange }

// Run ends a membership.
func (v *userRemove) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, "removed", func(c *client.Client, org ref.OrgID, id ref.UserID) error { return c.RemoveUser(ctx, org, id) })
}
