package cli

import (
	"context"
	"errors"
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
	Update accessPolicyUpdate `cmd:"" help:"Change one; what it opened and closes is so at once."`
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
		IAMRoles: rolesOfPolicy(v.Name, v.Role)})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.CreatedAccessPolicy{ID: id})
	}
	_, err = fmt.Fprintf(sh.Out, "Access policy %s lets %d user groups into %d customers.\n", id, len(v.Group), len(v.Customer))
	return err
}

type accessPolicyUpdate struct {
	remote
	accessPolicyID
	Name           *string           `key:"-" placeholder:"NAME" help:"Another name."`
	Description    *string           `key:"-" placeholder:"TEXT" help:"Another description."`
	AddGroup       []ref.UserGroupID `key:"-" placeholder:"ID" help:"User groups to let in besides."`
	RemoveGroup    []ref.UserGroupID `key:"-" placeholder:"ID" help:"User groups to let in no more."`
	AddCustomer    []ref.OrgID       `key:"-" placeholder:"ID" help:"Direct customers to let them into besides."`
	RemoveCustomer []ref.OrgID       `key:"-" placeholder:"ID" help:"Customers to let them into no more."`
	Role           []string          `key:"-" placeholder:"NAME" help:"All roles that they hold there, in place of what it gives now."`
	jsonOutput
}

// Validate is called by kong.
func (v *accessPolicyUpdate) Validate() error {
	lists := len(v.AddGroup) + len(v.RemoveGroup) + len(v.AddCustomer) + len(v.RemoveCustomer) + len(v.Role)
	if v.Name == nil && v.Description == nil && lists == 0 {
		return errors.New("nothing to change: give a flag such as --add-customer")
	}
	return nil
}

// Run reads it, and writes it back with what is to be changed.
func (v *accessPolicyUpdate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	p, err := c.AccessPolicy(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if err := c.UpdateAccessPolicy(ctx, org, v.ID, v.applied(p)); err != nil {
		return err
	}
	if p, err = c.AccessPolicy(ctx, org, v.ID); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, p)
	}
	_, err = fmt.Fprintf(sh.Out, "Access policy %s lets %d user groups into %d customers.\n", p.ID, len(p.GroupIDs), len(p.CustomerOrgIDs))
	return err
}

func (v *accessPolicyUpdate) applied(p wire.AccessPolicy) wire.PutAccessPolicy {
	out := wire.PutAccessPolicy{Name: p.Name, Description: p.Description, IAMRoles: p.IAMRoles,
		GroupIDs: changedList(p.GroupIDs, v.AddGroup, v.RemoveGroup), CustomerOrgIDs: changedList(p.CustomerOrgIDs, v.AddCustomer, v.RemoveCustomer)}
	if v.Name != nil {
		out.Name = *v.Name
	}
	if v.Description != nil {
		out.Description = *v.Description
	}
	if len(v.Role) > 0 {
		out.IAMRoles = rolesOfPolicy(out.Name, v.Role)
	}
	return out
}

// changedList is a list with some more, each once, and without others.
func changedList[T comparable](list, add, remove []T) []T {
	var out []T
	for _, x := range slices.Concat(list, add) {
		if !slices.Contains(out, x) && !slices.Contains(remove, x) {
			out = append(out, x)
		}
	}
	return out
}

// rolesOfPolicy is a single permission with the roles.
func rolesOfPolicy(name string, roles []string) []wire.IAMRole {
	return []wire.IAMRole{{Name: name, ScopedPermissions: []wire.ScopedPermission{{RoleNames: roles}}}}
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
