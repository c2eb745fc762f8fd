package e2e_test

import (
	"fmt"
	"strings"
)

type registered struct {
	ID, Name, ClientSecret   string
	RedirectUris, LogoutUris []string
	API, SkipConsent, Public bool
}

func testApplications(m *msp) {
	list := m.at("/espalier/v1", "/applications")
	var made, shown registered
	body := object{"name": "Time sheets", "redirectUris": []string{"https://app.example/back"}, "logoutUris": []string{"https://app.example/bye"}, "api": true}
	m.do("POST", list, body).want(201).into(&made)
	path := list + "/" + made.ID
	answer := m.do("GET", path, nil).want(200)
	answer.into(&shown)
	if made.ClientSecret == "" || strings.Contains(answer.body, made.ClientSecret) {
		m.t.Error("the secret is missing, or shown again")
	}
	equal(m.t, "application", fmt.Sprint(shown), fmt.Sprint(registered{made.ID, "Time sheets", "", []string{"https://app.example/back"}, []string{"https://app.example/bye"}, true, false, false}))

	m.do("PATCH", path, object{"name": "Hours", "logoutUris": []string{}, "api": false, "skipConsent": true}).want(204)
	m.do("GET", path, nil).want(200).into(&shown)
	equal(m.t, "changed", fmt.Sprint(shown), fmt.Sprint(registered{made.ID, "Hours", "", []string{"https://app.example/back"}, []string{}, false, true, false}))
	m.do("PATCH", path, object{"redirectUris": []string{"https://app.example/#x", "http://app.example/"}}).wantError(400, "bad_request", "redirectUris[0]", "redirectUris[1]")
	m.do("PATCH", path, object{"redirectUris": []string{}}).wantError(400, "bad_request", "redirectUris")

	var public, renewed registered
	m.do("POST", list, object{"name": "App", "redirectUris": []string{"com.example.app:/back"}, "public": true}).want(201).into(&public)
	equal(m.t, "a public one's secret", public.ClientSecret, "")
	m.do("POST", list, object{"name": "App", "redirectUris": []string{"com.example.app:/back"}}).wantError(400, "bad_request", "redirectUris[0]")
	m.do("POST", list+"/"+public.ID+"/secret", nil).wantError(400, "bad_request", "public")
	m.do("POST", path+"/secret", nil).want(200).into(&renewed)
	if renewed.ID != made.ID || renewed.ClientSecret == made.ClientSecret || renewed.ClientSecret == "" {
		m.t.Errorf("renewed: %+v", renewed)
	}
	var all struct{ Values []registered }
	m.do("GET", list, nil).want(200).into(&all)
	equal(m.t, "applications", len(all.Values), 2)

	stranger := newMSP(m.t, m.server, "applications of strangers")
	foreign := stranger.at("/espalier/v1", "/applications/%s", made.ID)
	stranger.do("GET", foreign, nil).wantError(404, "not_found")
	stranger.do("PATCH", foreign, object{"name": "Mine"}).wantError(404, "not_found")
	stranger.do("POST", foreign+"/secret", nil).wantError(404, "not_found")
	stranger.do("DELETE", foreign, nil).wantError(404, "not_found")

	m.do("DELETE", path, nil).want(204)
	m.do("DELETE", path, nil).wantError(404, "not_found")
	m.do("GET", path, nil).wantError(404, "not_found")
}

func renewApplications(w *world) {
	list := w.at("/espalier/v1", "/applications")
	var all struct{ Values []registered }
	w.do("GET", list, nil).want(200).into(&all)
	for _, a := range all.Values { // there may be but so many
		w.do("DELETE", list+"/"+a.ID, nil).want(204)
	}
	var made registered
	w.do("POST", list, object{"name": "Fresh", "redirectUris": []string{"https://app.example/back"}}).want(201).into(&made)
	w.valid["applicationId"] = made.ID
	w.valid["redirectUris"], w.valid["logoutUris"] = []any{"https://app.example/mutant"}, []any{"https://app.example/bye"}
	w.valid["api"], w.valid["skipConsent"], w.valid["public"] = true, true, false
}
