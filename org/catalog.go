package org

import (
	"fmt"
	"slices"
	"time"
)

// Definition tells what a capability is. A name without a definition is a capability all the same.
type Definition struct {
	Name        string `yaml:"name"`
	DisplayName string `yaml:"displayName"`
	Description string `yaml:"description"`
	// KeptToOneself is true for a capability that a parent cannot hand on to customers.
	KeptToOneself bool `yaml:"keptToOneself"`
}

// Catalog is the definitions of a server by name: the built-in ones and those of the operator's file.
type Catalog map[string]Definition

var builtIn = []Definition{
	{Name: IAM, DisplayName: "Identity and access", Description: "Users, user groups, roles and access to the organization itself. Every organization has it, without an end."},
	{Name: MSP, DisplayName: "Managed service provider", Description: "Create and run the organizations of customers. Its terms maxDepth and maxWidth say how far the tree may grow."},
	{Name: "policy", DisplayName: "Automation policies", Description: "Templates, applied policies, incidents, approvals, and the credentials they use."},
	{Name: "optima", DisplayName: "Cloud cost optimization", Description: "Reports and recommendations on the cost of cloud services."},
	{Name: "fss", DisplayName: "Self-service", Description: "A catalog from which users launch cloud applications themselves."},
	{Name: "fcm", DisplayName: "Cloud management", Description: "Inventory and operation of cloud resources."},
	{Name: "itv", DisplayName: "IT visibility", Description: "Inventory of hardware and software in the organization."},
	{Name: "itam", DisplayName: "IT asset management", Description: "Licences, contracts and assets through their life."},
	{Name: "saas", DisplayName: "SaaS management", Description: "Use and cost of software bought as a service."},
}

// BuiltIn lists the names of the capabilities that ship with the product, in the order of the handbook.
func BuiltIn() []string {
	names := make([]string, len(builtIn))
	for i, d := range builtIn {
		names[i] = d.Name
	}
	return names
}

// NewCatalog joins the built-in definitions with those of the operator, which may describe a built-in one anew but not keep
// iam or msp from being what they are.
func NewCatalog(more []Definition) (Catalog, error) {
	c := make(Catalog, len(builtIn)+len(more))
	for _, d := range builtIn {
		c[d.Name] = d
	}
	for i, d := range more {
		var p problems
		checkName(&p, fmt.Sprintf("capability %d: name", i+1), d.Name)
		if slices.Contains([]string{IAM, MSP}, d.Name) && d.KeptToOneself {
			p.add("capability %s: can always be handed on", d.Name)
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		c[d.Name] = d
	}
	return c, nil
}

// Assignable reports whether an organization that holds these capabilities may hand the named one to a customer now.
func (c Catalog) Assignable(held []Held, name string, now time.Time) bool {
	msp, parent := find(held, MSP)
	m := Manager{Held: held, Catalog: c}
	return parent && msp.Active(now) && len(m.unfit([]Wish{{Name: name}}, now)) == 0
}
