package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// accessPolicyVerb is the verbs about what user groups may do in customers.
type accessPolicyVerb struct {
	List   accessPolicyList   `cmd:"" help:"List the access policies of the organization."`
	Show   accessPolicyShow   `cmd:"" help:"Show one."`
	Create accessPolicyCreate `cmd:"" help:"Let user groups into direct customers."`
	Delete accessPolicyDelete `cmd:"" help:"End one and what it opened, at once."`
}

type accessPolicyID struct {
	ID ref.AccessPolicyID `arg:"" name:"id" help:"Id of the access policy, as 'espalier access-policy list' shows it."`
}

type accessPolicyList struct {
	remote
	jsonOutput
}

// Run lists them by id.
func (v *accessPolicyList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.AccessPolicies(ctx, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.AccessPolicy]{Values: append([]wire.AccessPolicy{}, list...)})
	}
	t := table{head: []string{"ID", "NAME", "USER GROUPS", "CUSTOMERS", "GIVES"}}
	for _, p := range list {
		t.add(string(p.ID), p.Name, policyGroups(p), fmt.Sprint(len(p.CustomerOrgIDs)), strings.Join(policyGives(p), " "))
	}
	return t.print(sh.Out)
}

func policyGroups(p wire.AccessPolicy) string {
	var names []string
	for _, g := range p.Groups {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}

// policyGives is what a policy gives, each once; a permission with a scope is marked.
func policyGives(p wire.AccessPolicy) []string {
	var list []string
	for _, r := range p.IAMRoles {
		for _, s := range r.ScopedPermissions {
			for _, name := range slices.Concat(s.RoleNames, s.Permissions) {
				if s.GranularScope != nil {
					name += " (scoped)"
				}
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

type accessPolicyShow struct {
	remote
	accessPolicyID
	jsonOutput
}

// Run shows one.
func (v *accessPolicyShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	p, err := c.AccessPolicy(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, p)
	}
	facts := table{}
	facts.add("Id", string(p.ID))
	facts.add("Name", p.Name)
	facts.add("Description", p.Description)
	facts.add("User groups", policyGroups(p))
	facts.add("Gives", strings.Join(policyGives(p), " "))
	facts.add("Created", instant(p.CreatedAt))
	facts.add("Changed", instant(p.UpdatedAt))
	customers := table{head: []string{"CUSTOMER"}}
	for _, id := range p.CustomerOrgIDs {
		customers.add(id.String())
	}
	return printTables(sh.Out, facts, customers)
}

type accessPolicyCreate struct {
	Name        string            `arg:"" help:"Name, unique in the organization."`
	Description string            `key:"-" placeholder:"TEXT" help:"What it is for."`
	Group       []ref.UserGroupID `key:"-" required:"" placeholder:"ID" help:"User groups of the organization that are let in."`
	Customer    []ref.OrgID       `key:"-" required:"" placeholder:"ID" help:"Direct customers that they are let into."`
	Role        []string          `key:"-" required:"" placeholder:"NAME" help:"Roles that they hold there, as policy_manager."`
	remote
	jsonOutput
}

// Run makes one with a single permission.
func (v *accessPolicyCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	id, err := c.CreateAccessPolicy(ctx, org, wire.PutAccessPolicy{Name: v.Name, Description: v.Description, GroupIDs: v.Group, CustomerOrgIDs: v.Customer,
		IAMRoles: []wire.IAMRole{{Name: v.Name, ScopedPermissions: []wire.ScopedPermission{{RoleNames: v.Role}}}}})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.CreatedAccessPolicy{ID: id})
	}
	_, err = fmt.Fprintf(sh.Out, "Access policy %s lets %d user groups into %d customers.\n", id, len(v.Group), len(v.Customer))
	return err
}

type accessPolicyDelete struct {
	remote
	accessPolicyID
	jsonOutput
}

// Run ends one.
func (v *accessPolicyDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.DeleteAccessPolicy(ctx, org, v.ID); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.CreatedAccessPolicy{ID: v.ID})
	}
	_, err = fmt.Fprintf(sh.Out, "Access policy %s is deleted.\n", v.ID)
	return err
}
