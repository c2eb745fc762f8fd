package scim

import (
	"fmt"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/scim"
)

func (s *server) listUsers(w http.ResponseWriter, r *door.Request) error {
	match, err := scim.UserFilter(r.String("filter"))
	if err != nil {
		return err
	}
	p, only, list := page(r, match), selected(r), door.StreamIn(w, "Resources")
	total, err := s.Directory.Users(r.Context(), r.Caller(), r.OrgID(), p, func(u scim.User) error { return list.Add(only.of(s.user(u))) })
	return list.EndIn(listed(p, list, total), err)
}

// user is a member as it travels.
func (s *server) user(u scim.User) wire.SCIMUser {
	return wire.SCIMUser{
		Schemas: []string{scim.UserURN}, ID: u.ID.String(), ExternalID: u.ExternalID, UserName: u.UserName,
		Name: &wire.SCIMName{GivenName: u.GivenName, FamilyName: u.FamilyName}, Active: u.Active,
		Emails: contacts(u.Emails), Phones: contacts(u.Phones), Meta: s.meta(u.Org, "User", u.ID.String(), u.CreatedAt, u.UpdatedAt),
	}
}

// contacts leaves out which one is the primary: the contract has no place for it.
func contacts(list []scim.Contact) []wire.SCIMContact {
	out := make([]wire.SCIMContact, len(list))
	for i, c := range list {
		out[i] = wire.SCIMContact{Value: c.Value, Type: c.Type}
	}
	return out
}

func (s *server) showUser(w http.ResponseWriter, r *door.Request) error {
	u, err := s.Directory.User(r.Context(), r.Caller(), r.OrgID(), ref.UserID(id(r)))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, selected(r).of(s.user(u)))
}

func (s *server) createUser(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.WriteSCIMUser](r)
	if err != nil {
		return err
	}
	p, err := written(scim.Person{}, body)
	if err != nil {
		return err
	}
	u, err := s.Directory.CreateUser(r.Context(), r.Caller(), r.OrgID(), p)
	if err != nil {
		return err
	}
	made := s.user(u)
	return created(w, made.Meta.Location, made)
}

// written is a person after what a body says of it. What the body leaves out stays, but for active, which the document says is
// true then.
func written(p scim.Person, body wire.WriteSCIMUser) (scim.Person, error) {
	p.Active = body.Active == nil || *body.Active
	if body.UserName != nil {
		p.UserName = *body.UserName
	}
	if body.ExternalID != nil {
		p.ExternalID = *body.ExternalID
	}
	if body.Name != nil {
		p.GivenName, p.FamilyName = body.Name.GivenName, body.Name.FamilyName
	}
	var err error
	if body.Emails != nil {
		if p.Emails, err = readContacts("emails", *body.Emails); err != nil {
			return p, err
		}
	}
	if body.Phones != nil {
		p.Phones, err = readContacts("phoneNumbers", *body.Phones)
	}
	return p, err
}

// readContacts leaves out what has no value: directories send the fields they have.
func readContacts(member string, list []wire.SCIMContact) ([]scim.Contact, error) {
	var out []scim.Contact
	for i, c := range list {
		primary := fmt.Sprint(c.Primary)
		switch primary {
		case "true", "True", "false", "False", "<nil>":
		default:
			return nil, errs.Invalidf("%s[%d].primary: must be true or false", member, i)
		}
		if c.Value != "" {
			out = append(out, scim.Contact{Value: c.Value, Type: c.Type, Primary: primary == "true" || primary == "True"})
		}
	}
	return out, nil
}

func (s *server) replaceUser(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.WriteSCIMUser](r)
	if err != nil {
		return err
	}
	u, err := s.Directory.ReplaceUser(r.Context(), r.Caller(), r.OrgID(), ref.UserID(id(r)), func(p scim.Person) (scim.Person, error) { return written(p, body) })
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.user(u))
}

func (s *server) patchUser(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.SCIMPatch](r)
	if err != nil {
		return err
	}
	u, err := s.Directory.PatchUser(r.Context(), r.Caller(), r.OrgID(), ref.UserID(id(r)), operations(body.Operations))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.user(u))
}

func (s *server) deleteUser(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.DeleteUser(r.Context(), r.Caller(), r.OrgID(), ref.UserID(id(r))); err != nil {
		return err
	}
	return door.NoContent(w)
}
