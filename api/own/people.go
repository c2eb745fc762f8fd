package own

import (
	"net/http"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
)

// userList is what makes another list of the one of users.
var userList = []string{"orderBy", "accessSource", "filter"}

func (s *server) listUsers(w http.ResponseWriter, r *door.Request) (err error) {
	attribute, direction, _ := strings.Cut(r.String("orderBy"), " ")
	q := iam.UserQuery{Source: iam.Source(r.String("accessSource")), Order: iam.UserOrder(attribute), Desc: direction == "desc",
		Limit: int(r.Int64("limit")), Count: true}
	if q.Match, err = r.Filter("filter", iam.UserFilter); err != nil {
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
	out := wire.UserPage{Values: make([]wire.Person, len(page.Users)), Total: page.Total}
	for i, u := range page.Users {
		out.Values[i] = person(u)
	}
	if n := page.Next; n != nil {
		out.NextPage = r.PageAfter(door.Position{Number: n.Number, Text: n.Text, ID: int64(n.ID)}, userList...)
	}
	return door.JSON(w, http.StatusOK, out)
}

func person(u iam.User) wire.Person {
	return wire.Person{ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, State: string(u.State), AccessSource: string(u.Source),
		HasActiveRefreshToken: u.ActiveToken, LastUILogin: u.LastUILogin, LastAPILogin: u.LastAPIUse, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
}

func (s *server) deactivateUser(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.DeactivateUser(r.Context(), r.Caller(), r.OrgID(), ref.UserID(r.Int64("userId"))); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) reactivateUser(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.ReactivateUser(r.Context(), r.Caller(), r.OrgID(), ref.UserID(r.Int64("userId"))); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) listProjects(w http.ResponseWriter, r *door.Request) error {
	projects, err := s.Orgs.Projects(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := wire.Values[wire.OwnProject]{Values: make([]wire.OwnProject, len(projects))}
	for i, p := range projects {
		list.Values[i] = project(p)
	}
	return door.JSON(w, http.StatusOK, list)
}

func project(p org.Project) wire.OwnProject {
	return wire.OwnProject{ID: p.ID, Name: p.Name, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
}

func (s *server) createProject(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateProject](r)
	if err != nil {
		return err
	}
	p, err := s.Orgs.CreateProject(r.Context(), r.Caller(), r.OrgID(), body.Name)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, project(p))
}
