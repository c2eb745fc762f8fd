package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"espalier.dev/access"
	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// whoHelp is how somebody is named who holds roles.
const whoHelp = "A user by number or e-mail address, user-group:7 or user-group:Technicians, or service-account:4."

// findGrantee reads that.
func findGrantee(ctx context.Context, c *client.Client, org ref.OrgID, text string) (g client.Grantee, err error) {
	kind, rest, tagged := strings.Cut(text, ":")
	switch {
	case tagged && kind == "user-group":
		g.Group, err = findGroup(ctx, c, org, rest)
	case tagged && kind == "service-account":
		id, parse := strconv.ParseInt(rest, 10, 64)
		if parse != nil || id < 1 {
			return g, usageOf(fmt.Errorf("%q is no service account: want one like service-account:4", text))
		}
		g.Account = ref.ServiceAccountID(id)
	default:
		g.User, err = findUser(ctx, c, org, text)
	}
	return g, err
}

type accessList struct {
	remote
	Who     string        `key:"-" placeholder:"WHO" help:"Only what this one holds itself. ${who}"`
	Role    *roleFlag     `key:"-" placeholder:"ROLE" help:"Only this role."`
	Project ref.ProjectID `key:"-" placeholder:"ID" help:"What was granted in this project, instead of in the organization as a whole."`
	jsonOutput
}

// Run lists access rules.
func (v *accessList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	q := client.RuleQuery{Project: v.Project}
	if v.Role != nil {
		q.Role = access.Roles[*v.Role-1].Name
	}
	if v.Who != "" {
		g, err := findGrantee(ctx, c, org, v.Who)
		if err != nil {
			return err
		}
		q.Of = &g
	}
	list, err := c.AccessRules(ctx, org, q)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.AccessRule]{Values: append([]wire.AccessRule{}, list...)})
	}
	t := table{head: []string{"WHO", "ROLE", "IN", "SINCE"}}
	for _, r := range list {
		t.add(subjectText(r.Subject), r.Role.Name, scopeText(r.Scope), instant(r.CreatedAt))
	}
	return t.print(sh.Out)
}

// subjectText names who holds a role as findGrantee reads it, with the name behind.
func subjectText(s wire.RuleSubject) string {
	switch s.Kind {
	case "iam:group":
		return fmt.Sprintf("user-group:%d %s", s.ID, s.Name)
	case "iam:service-account":
		return fmt.Sprintf("service-account:%d %s", s.ID, s.Name)
	}
	return fmt.Sprintf("%d %s", s.ID, s.Email)
}

func scopeText(s wire.RuleScope) string {
	return fmt.Sprintf("%s %d", map[string]string{"iam:org": "organization", "iam:project": "project"}[s.Kind], s.ID)
}

// accessChange is what a grant and a revocation are asked with.
type accessChange struct {
	remote
	Project ref.ProjectID `key:"-" placeholder:"ID" help:"In this project, instead of in the organization as a whole."`
	jsonOutput
}

// changedAccess is what a grant or a revocation prints with --json.
type changedAccess struct {
	Role string   `json:"role"` // "" for all
	Who  []string `json:"who"`
}

// each changes what several hold, all of whom are found before the first is changed.
func (v *accessChange) each(ctx context.Context, sh *Shell, who []string, role, done string, change func(c *client.Client, org ref.OrgID, g client.Grantee) error) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	var grantees []client.Grantee
	var problems []error
	for _, text := range who {
		g, err := findGrantee(ctx, c, org, text)
		grantees, problems = append(grantees, g), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for i, g := range grantees {
		if err := change(c, org, g); err != nil {
			return fmt.Errorf("%s: %w", who[i], err)
		}
		if !v.JSON {
			fmt.Fprintf(sh.Out, "%s %s %s\n", printable(who[i], false), done, v.where(org))
		}
	}
	if v.JSON {
		return printJSON(sh.Out, changedAccess{role, who})
	}
	return nil
}

func (v *accessChange) where(org ref.OrgID) string {
	if v.Project != 0 {
		return fmt.Sprintf("in project %d", v.Project)
	}
	return fmt.Sprintf("in organization %d", org)
}

type accessGrant struct {
	Role roleFlag `arg:"" help:"Role, as policy_manager; see 'espalier role list'."`
	Who  []string `arg:"" help:"${who}"`
	accessChange
}

// Run grants a role.
func (v *accessGrant) Run(ctx context.Context, sh *Shell) error {
	name := access.Roles[v.Role-1].Name
	return v.each(ctx, sh, v.Who, name, "holds "+name, func(c *client.Client, org ref.OrgID, g client.Grantee) error {
		return c.GrantRole(ctx, org, g, ref.RoleID(v.Role), v.Project)
	})
}

type accessRevoke struct {
	Role string   `arg:"" help:"Role, as policy_manager, or all."`
	Who  []string `arg:"" help:"${who}"`
	accessChange
}

// Run takes a role back, or all of them.
func (v *accessRevoke) Run(ctx context.Context, sh *Shell) error {
	var role roleFlag
	name, done := v.Role, "no longer holds "+v.Role
	if v.Role == "all" {
		name, done = "", "holds no role any more"
	} else if err := role.UnmarshalText([]byte(v.Role)); err != nil {
		return usageOf(err)
	}
	return v.each(ctx, sh, v.Who, name, done, func(c *client.Client, org ref.OrgID, g client.Grantee) error {
		return c.RevokeRole(ctx, org, g, ref.RoleID(role), v.Project)
	})
}
