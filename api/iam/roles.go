package iam

import (
	"net/http"
	"time"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

func (s *server) roles() map[string]door.Handler {
	return map[string]door.Handler{
		"Role#index": s.listRoles,
		"Role#show":  s.showRole,
	}
}

// rolesSince is the day the shipped roles are from; the contract wants one.
var rolesSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// roleTexts says what each role is for.
var roleTexts = map[ref.RoleID]string{
	access.OrgOwner:        "Everything in the organization, its owners included. Users only.",
	access.IAMAdmin:        "People, user groups, roles, service accounts and sign-in, but not the owners.",
	access.OrgViewer:       "Read people, user groups, roles and settings.",
	access.MSPAdmin:        "Create, change and delete customers, and let user groups into them.",
	access.MSPViewer:       "Read customers and their tags.",
	access.PolicyManager:   "Apply policies, change and end them; use credentials.",
	access.PolicyApprover:  "Approve or deny what policies ask for.",
	access.PolicyDesigner:  "Write policy templates and apply them; use credentials.",
	access.PolicyPublisher: "Publish policy templates in the organization's catalog.",
	access.PolicyViewer:    "Read policies, incidents and logs.",
	access.CredentialAdmin: "Make, change and delete the credentials that policies use.",
}

func (s *server) listRoles(w http.ResponseWriter, r *door.Request) error {
	roles, err := s.People.Roles(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := make([]wire.Role, len(roles))
	for i, role := range roles {
		list[i] = s.role(role, r.String("view"))
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showRole(w http.ResponseWriter, r *door.Request) error {
	role, err := s.People.Role(r.Context(), r.Caller(), r.OrgID(), ref.RoleID(r.Int64("id")))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.role(role, r.String("view")))
}

func (s *server) role(r access.Role, view string) wire.Role {
	out := wire.Role{ID: r.ID, Kind: "iam#role", Name: r.Name, DisplayName: r.DisplayName, CreatedAt: rolesSince}
	if view == "index" {
		return out
	}
	out.Category, out.Capability, out.Description = s.category(r), r.Capability, roleTexts[r.ID]
	out.Scopes = []wire.RoleScope{{Name: "org"}}
	if view == "extended" {
		out.Privileges = r.Privileges()
	}
	return out
}

// category is the name of the capability that unlocks a role.
func (s *server) category(r access.Role) string { return s.Catalog[r.Capability].DisplayName }
