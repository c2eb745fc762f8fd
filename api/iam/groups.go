package iam

import (
	"net/http"
	"strconv"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

func (s *server) groups() map[string]door.Handler {
	return map[string]door.Handler{
		"Group#index":  s.listGroups,
		"Group#show":   s.showGroup,
		"Group#create": s.createGroup,
		"Group#update": s.updateGroup,
		"Group#Delete": s.deleteGroup,

		"Group Membership#index":   s.listMemberships,
		"Group Membership#create":  s.addMemberships,
		"Group Membership#replace": s.replaceMemberships,
		"Group Membership#delete":  s.deleteMembership,
	}
}

func groupID(r *door.Request, param string) ref.UserGroupID { return ref.UserGroupID(r.Int64(param)) }

func (s *server) listGroups(w http.ResponseWriter, r *door.Request) error {
	groups, err := s.People.Groups(r.Context(), r.Caller(), r.OrgID(), iam.GroupQuery{Count: r.String("view") == "extended"})
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.groupList("iam:org-group-list", groups))
}

func (s *server) groupList(kind string, groups []iam.Group) wire.GroupList {
	list := wire.GroupList{Kind: kind, Values: make([]wire.Group, len(groups))}
	for i, g := range groups {
		list.Values[i] = s.group(g)
	}
	return list
}

// group shows the number of users where they were counted.
func (s *server) group(g iam.Group) wire.Group {
	out := wire.Group{ID: g.ID, Kind: "iam:group", Ref: s.ref(g.Org, "group", g.ID.String()), OrgID: g.Org, Name: g.Name, Description: g.Description,
		CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
	if g.Users >= 0 {
		out.UserCount = &g.Users
	}
	return out
}

// ref is a reference to a thing of this API; org is 0 for one that is global.
func (s *server) ref(org ref.OrgID, kind, id string) string {
	return ref.Ref{Zone: s.Zone, Org: org, Service: "iam", Type: kind, ID: id}.String()
}

func (s *server) showGroup(w http.ResponseWriter, r *door.Request) error {
	g, err := s.People.Group(r.Context(), r.Caller(), r.OrgID(), groupID(r, "id"), r.String("view") == "extended")
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.group(g))
}

func (s *server) createGroup(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateGroup](r)
	if err != nil {
		return err
	}
	g, err := s.People.CreateGroup(r.Context(), r.Caller(), r.OrgID(), iam.NewGroup{Name: body.Name, Description: body.Description})
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, s.group(g))
}

func (s *server) updateGroup(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.UpdateGroup](r)
	if err != nil {
		return err
	}
	change := iam.GroupChange{Name: body.Name, Description: body.Description}
	g, err := s.People.UpdateGroup(r.Context(), r.Caller(), r.OrgID(), groupID(r, "id"), change)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.group(g))
}

func (s *server) deleteGroup(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.DeleteGroup(r.Context(), r.Caller(), r.OrgID(), groupID(r, "id")); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) listMemberships(w http.ResponseWriter, r *door.Request) error {
	users, err := s.People.GroupUsers(r.Context(), r.Caller(), r.OrgID(), groupID(r, "groupId"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.memberships(r, users))
}

func (s *server) memberships(r *door.Request, users []iam.User) []wire.GroupMembership {
	list := make([]wire.GroupMembership, len(users))
	for i, u := range users {
		id := groupID(r, "groupId").String() + ":" + u.ID.String()
		list[i] = wire.GroupMembership{ID: id, Kind: "iam:group-membership", Ref: s.ref(r.OrgID(), "membership", id), User: user(u)}
	}
	return list
}

func (s *server) addMemberships(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.GroupUsers](r)
	if err != nil {
		return err
	}
	users, err := s.People.AddGroupUsers(r.Context(), r.Caller(), r.OrgID(), groupID(r, "groupId"), body.UserIDs)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, s.memberships(r, users))
}

func (s *server) replaceMemberships(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.GroupUsers](r)
	if err != nil {
		return err
	}
	if err := s.People.ReplaceGroupUsers(r.Context(), r.Caller(), r.OrgID(), groupID(r, "groupId"), body.UserIDs); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) deleteMembership(w http.ResponseWriter, r *door.Request) error {
	group, user, _ := strings.Cut(r.String("id"), ":")
	id, err := strconv.ParseInt(user, 10, 64)
	if err != nil || id < 1 || group != groupID(r, "groupId").String() {
		return errs.NotFoundf("user group %d has no membership %.64q: want GROUP:USER", groupID(r, "groupId"), r.String("id"))
	}
	if err := s.People.RemoveGroupUser(r.Context(), r.Caller(), r.OrgID(), groupID(r, "groupId"), ref.UserID(id)); err != nil {
		return err
	}
	return door.NoContent(w)
}
