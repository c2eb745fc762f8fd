// Package accesstest has organizations and users in memory for what measures decisions.
package accesstest

import (
	"context"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Forest is an access.Loader of an MSP, organization 1, with customers 2 to n; Owner owns all of them, and Technician is let into each by the access
// policy that names the last of its three user groups, behind policies for groups that it is not in.
type Forest struct {
	subjects map[access.Principal]*access.Subject
}

// The two users.
const (
	Owner      ref.UserID = 1
	Technician ref.UserID = 2
)

const lastGroup = 3

// NewForest makes one of n organizations.
func NewForest(n int) *Forest {
	owner := &access.Subject{Orgs: make(map[ref.OrgID]access.RoleSet)}
	for id := range n {
		owner.Orgs[ref.OrgID(id+1)] = access.Set(access.OrgOwner)
	}
	technician := &access.Subject{Orgs: map[ref.OrgID]access.RoleSet{1: 0}, Groups: map[ref.UserGroupID]bool{1: true, 2: true, lastGroup: true}}
	return &Forest{map[access.Principal]*access.Subject{{User: Owner}: owner, {User: Technician}: technician}}
}

// Subject is one of the two.
func (f *Forest) Subject(_ context.Context, p access.Principal) (*access.Subject, error) {
	if s := f.subjects[p]; s != nil {
		return s, nil
	}
	return nil, errs.NotFoundf("no %s", p)
}

// Organization is any: a customer of the MSP with five capabilities.
func (f *Forest) Organization(_ context.Context, id ref.OrgID) (*access.Organization, error) {
	later := time.Now().Add(24 * time.Hour)
	o := &access.Organization{ID: id, Projects: []ref.ProjectID{ref.ProjectID(id)}, ParentMSP: access.InForce{Name: "msp", Ends: later}}
	for _, name := range []string{"fcm", "iam", "msp", "optima", "policy"} {
		o.Capabilities = append(o.Capabilities, access.InForce{Name: name, Ends: later})
	}
	if id > 1 {
		o.Parent = 1
		for g := range 4 {
			o.External = append(o.External, access.ExternalGrant{Policy: "p", Group: ref.UserGroupID(g + 1 + lastGroup), Roles: access.Set(access.PolicyViewer)})
		}
		o.External = append(o.External, access.ExternalGrant{Policy: "q", Group: lastGroup, Roles: access.Set(access.MSPAdmin)})
	}
	return o, nil
}

// Holdings is not asked for.
func (f *Forest) Holdings(context.Context, ref.OrgID, access.Principal) ([]access.Holding, error) {
	return nil, nil
}
