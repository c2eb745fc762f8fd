package scim

import (
	"fmt"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
	"espalier.dev/scim"
)

func (s *server) listGroups(w http.ResponseWriter, r *door.Request) error {
	match, err := scim.GroupFilter(r.String("filter"))
	if err != nil {
		return err
	}
	p, only, list := page(r, match), selected(r), door.StreamIn(w, "Resources")
	total, err := s.Directory.Groups(r.Context(), r.Caller(), r.OrgID(), p, func(g scim.Group) error { return list.Add(only.of(s.group(g))) })
	return list.EndIn(listed(p, list, total), err)
}

// group is a user group as it travels. Lists show no members: the contract, section 5.
func (s *server) group(g scim.Group) wire.SCIMGroup {
	members := make([]wire.SCIMMember, len(g.Members))
	for i, m := range g.Members {
		members[i] = wire.SCIMMember{Value: m.ID.String(), Display: m.UserName, Type: "User", Ref: s.location(g.Org, "Users", m.ID.String())}
	}
	return wire.SCIMGroup{
		Schemas: []string{scim.GroupURN}, ID: g.ID.String(), ExternalID: g.ExternalID, DisplayName: g.Name, Members: &members,
		Meta: s.meta(g.Org, "Group", g.ID.String(), g.CreatedAt, g.UpdatedAt),
	}
}

func (s *server) showGroup(w http.ResponseWriter, r *door.Request) error {
	only := selected(r)
	g, err := s.Directory.Group(r.Context(), r.Caller(), r.OrgID(), ref.UserGroupID(id(r)), only.has("members"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, only.of(s.group(g)))
}

func (s *server) createGroup(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.WriteSCIMGroup](r)
	if err != nil {
		return err
	}
	n := scim.NewGroup{Name: body.DisplayName}
	if body.ExternalID != nil {
		n.ExternalID = *body.ExternalID
	}
	if body.Members != nil {
		if n.Members, err = members(*body.Members); err != nil {
			return err
		}
	}
	g, err := s.Directory.CreateGroup(r.Context(), r.Caller(), r.OrgID(), n)
	if err != nil {
		return err
	}
	made := s.group(g)
	return created(w, made.Meta.Location, made)
}

func members(list []wire.SCIMMember) ([]ref.UserID, error) {
	ids := make([]ref.UserID, len(list))
	for i, m := range list {
		var err error
		if ids[i], err = scim.MemberID(m.Value, m.Type, fmt.Sprintf("members[%d]", i)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (s *server) replaceGroup(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.WriteSCIMGroup](r)
	if err != nil {
		return err
	}
	c := scim.GroupChange{Name: body.DisplayName, ExternalID: body.ExternalID}
	if body.Members != nil {
		ids, err := members(*body.Members)
		if err != nil {
			return err
		}
		c.Members = &ids
	}
	g, err := s.Directory.ReplaceGroup(r.Context(), r.Caller(), r.OrgID(), ref.UserGroupID(id(r)), c)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.group(g))
}

func (s *server) patchGroup(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.SCIMPatch](r)
	if err != nil {
		return err
	}
	g, err := s.Directory.PatchGroup(r.Context(), r.Caller(), r.OrgID(), ref.UserGroupID(id(r)), operations(body.Operations))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.group(g))
}

func (s *server) deleteGroup(w http.ResponseWriter, r *door.Request) error {
	if err := s.Directory.DeleteGroup(r.Context(), r.Caller(), r.OrgID(), ref.UserGroupID(id(r))); err != nil {
		return err
	}
	return door.NoContent(w)
}
