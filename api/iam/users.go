package iam

import (
	"net/http"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

// usersOnPage is how many users a page has; the contract states no number and takes none.
const usersOnPage = 500

func (s *server) users() map[string]door.Handler {
	return map[string]door.Handler{
		"User#index":       s.listUsers,
		"User#show":        s.showUser,
		"User#create":      s.createUser,
		"User#Delete":      s.deleteUser,
		"User#user_groups": s.listUserGroups,
	}
}

func userID(r *door.Request) ref.UserID { return ref.UserID(r.Int64("id")) }

// userOrders is the order that the contract names first, and the rest.
var userOrders = []iam.UserOrder{iam.ByFirstName, iam.ByLastName, iam.ByEmail, iam.ByLastUILogin, iam.ByLastAPIUse}

// userOrder reads lastName desc.
func userOrder(text string) (iam.UserOrder, bool, error) {
	attribute, direction, _ := strings.Cut(text, " ")
	for _, o := range userOrders {
		if string(o) == attribute && (direction == "" || direction == "asc" || direction == "desc") {
			return o, direction == "desc", nil
		}
	}
	return "", false, errs.Invalidf("orderBy: %.128q is no order; want firstName, lastName, email, lastUILogin or lastAPILogin, with asc or desc behind it", text)
}

// userList is what makes another list of the one of users.
var userList = []string{"orderBy", "accessSource", "filter"}

func (s *server) listUsers(w http.ResponseWriter, r *door.Request) (err error) {
	q := iam.UserQuery{Source: iam.Source(r.String("accessSource")), Limit: usersOnPage}
	if q.Match, err = r.Filter("filter", iam.UserFilter); err != nil {
		return err
	}
	if q.Order, q.Desc, err = userOrder(r.String("orderBy")); err != nil {
		return err
	}
	after, err := r.After(userList...)
	if err != nil {
		return err
	}
	if after != nil {
		q.After = &iam.UserCursor{Number: after.Number, Text: after.Text, ID: ref.UserID(after.ID)}
	}
	page, err := s.People.Users(r.Context(), r.Caller(), r.OrgID(), q)
	if err != nil {
		return err
	}
	out := wire.UserList{Kind: "iam#org-user-list", Values: make([]wire.OrgUser, len(page.Users))}
	for i, u := range page.Users {
		out.Values[i] = user(u)
	}
	if n := page.Next; n != nil {
		out.NextPage = r.PageAfter(door.Position{Number: n.Number, Text: n.Text, ID: int64(n.ID)}, userList...)
	}
	return door.JSON(w, http.StatusOK, out)
}

// sourceNames is how people read the ways into an organization.
var sourceNames = map[iam.Source]string{iam.OfMember: "Organization member", iam.OfPolicy: "External access policy"}

// user shows who was only invited as active: a role granted to it counts from the day it accepts, and nobody shut it out.
func user(u iam.User) wire.OrgUser {
	status := "active"
	if u.State == iam.Inactive {
		status = "inactive"
	}
	return wire.OrgUser{
		User: wire.User{ID: u.ID, Kind: "iam#user", Ref: "iam#user:" + u.ID.String(), Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
			Status: status, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt},
		AccessSource: string(u.Source), AccessSourceDisplayName: sourceNames[u.Source], HasActiveRefreshToken: u.ActiveToken,
		LastActivity: u.LastActivity(), LastUILogin: u.LastUILogin, LastAPILogin: u.LastAPIUse,
	}
}

func (s *server) showUser(w http.ResponseWriter, r *door.Request) error {
	u, err := s.People.User(r.Context(), r.Caller(), r.OrgID(), userID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, user(u))
}

func (s *server) createUser(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateUser](r)
	if err != nil {
		return err
	}
	n := iam.NewUser{Email: body.Email, FirstName: body.FirstName, LastName: body.LastName}
	id, err := s.People.CreateUser(r.Context(), r.Caller(), r.OrgID(), n)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.CreatedUser{ID: id})
}

func (s *server) deleteUser(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.RemoveUser(r.Context(), r.Caller(), r.OrgID(), userID(r)); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) listUserGroups(w http.ResponseWriter, r *door.Request) error {
	groups, err := s.People.UserGroups(r.Context(), r.Caller(), r.OrgID(), userID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.groupList("iam:user-group-list", groups))
}
