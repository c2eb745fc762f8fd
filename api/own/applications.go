package own

import (
	"cmp"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/openid"
	"espalier.dev/ref"
)

func applicationID(r *door.Request) ref.ApplicationID {
	return ref.ApplicationID(r.String("applicationId"))
}

func application(a openid.Application) wire.Application {
	return wire.Application{ID: a.ID, Name: a.Name, RedirectURIs: append([]string{}, a.RedirectURIs...), LogoutURIs: append([]string{}, a.LogoutURIs...),
		API: a.API, SkipConsent: a.SkipConsent, Public: a.Public(), CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
}

func (s *server) listApplications(w http.ResponseWriter, r *door.Request) error {
	found, err := s.Applications.Applications(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := wire.Values[wire.Application]{Values: make([]wire.Application, len(found))}
	for i, a := range found {
		list.Values[i] = application(a)
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showApplication(w http.ResponseWriter, r *door.Request) error {
	a, err := s.Applications.Application(r.Context(), r.Caller(), r.OrgID(), applicationID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, application(a))
}

func (s *server) createApplication(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.ApplicationForm](r)
	if err != nil {
		return err
	}
	d := openid.Draft{Name: given(body.Name), RedirectURIs: given(body.RedirectURIs), LogoutURIs: given(body.LogoutURIs), API: given(body.API), SkipConsent: given(body.SkipConsent)}
	a, secret, err := s.Applications.CreateApplication(r.Context(), r.Caller(), r.OrgID(), d, given(body.Public))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, wire.NewApplication{Application: application(a), ClientSecret: secret})
}

// given is a member of a body, its zero value if it was left out.
func given[T any](member *T) (v T) {
	return *cmp.Or(member, &v)
}

func (s *server) updateApplication(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.ApplicationForm](r)
	if err != nil {
		return err
	}
	err = s.Applications.UpdateApplication(r.Context(), r.Caller(), r.OrgID(), applicationID(r), openid.ApplicationChange{
		Name: body.Name, RedirectURIs: body.RedirectURIs, LogoutURIs: body.LogoutURIs, API: body.API, SkipConsent: body.SkipConsent,
	})
	if err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) deleteApplication(w http.ResponseWriter, r *door.Request) error {
	if err := s.Applications.DeleteApplication(r.Context(), r.Caller(), r.OrgID(), applicationID(r)); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) renewApplicationSecret(w http.ResponseWriter, r *door.Request) error {
	secret, err := s.Applications.RenewSecret(r.Context(), r.Caller(), r.OrgID(), applicationID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.ApplicationSecret{ID: applicationID(r), ClientSecret: secret})
}
