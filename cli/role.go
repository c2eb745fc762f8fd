package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/errs"
)

// roleVerb is the verbs about the roles that can be granted.
type roleVerb struct {
	List roleList `cmd:"" help:"List the roles that the organization can use, and the capability that unlocks each."`
	Show roleShow `cmd:"" help:"Show one and its privileges."`
}

type roleList struct {
	remote
	jsonOutput
}

// Run lists them.
func (v *roleList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.Roles(ctx, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.Role]{Values: append([]wire.Role{}, list...)})
	}
	t := table{head: []string{"ROLE", "CAPABILITY", "WHAT IT IS FOR"}}
	for _, r := range list {
		t.add(r.Name, r.Capability, r.Description)
	}
	return t.print(sh.Out)
}

type roleShow struct {
	remote
	Role string `arg:"" help:"Role, as policy_manager."`
	jsonOutput
}

// Run shows one.
func (v *roleShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.Roles(ctx, org)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(r wire.Role) bool { return r.Name == v.Role })
	if i < 0 {
		var names []string
		for _, r := range list {
			names = append(names, r.Name)
		}
		return errs.NotFoundf("organization %d can use no role %q; want one of %s", org, v.Role, strings.Join(names, ", "))
	}
	if v.JSON {
		return printJSON(sh.Out, list[i])
	}
	facts := table{}
	facts.add("Role", list[i].Name)
	facts.add("Name", list[i].DisplayName)
	facts.add("Capability", fmt.Sprintf("%s (%s)", list[i].Capability, list[i].Category))
	facts.add("For", list[i].Description)
	privileges := table{head: []string{"PRIVILEGE"}}
	for _, p := range list[i].Privileges {
		privileges.add(p)
	}
	return printTables(sh.Out, facts, privileges)
}
