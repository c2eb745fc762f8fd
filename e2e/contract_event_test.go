package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type events struct {
	Values []struct {
		ID, EventType string
		Timestamp     time.Time
		Outcome       struct{ Result string }
		Principal     struct{ Kind, Email string }
		Targets       []struct{ Kind, ID string }
	}
	NextPage, PrevPage string
}

// eventually asks until what it gets is as wanted: events are shown once they are sealed, calls once they are written.
func (m *msp) eventually(what string, ask func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ask(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: not within 15 s", what)
		}
	}
}

func testEvents(m *msp) {
	var ids []string
	for i := range 5 {
		ids = append(ids, fmt.Sprint(m.create(fmt.Sprint("Event ", i), nil)))
	}
	c := m.asOwnerOf(m.create("Looked at", nil), "ann@acme.example")
	path := m.at("/iam/v1", "/contracts")
	m.do("POST", path, object{"title": "Care", "target_org_id": c.root.OrgID, "allowed_capabilities": []object{{"capability": "policy", "roles": []string{}}}}).want(201)
	list := c.at("/iam/v1", "/events")
	var page events
	c.eventually("the events of a customer", func() bool {
		c.do("GET", list, nil).want(200).into(&page)
		return len(page.Values) == 2
	})
	equal(m.t, "events", fmt.Sprintln(page.Values[0].EventType, page.Values[1].EventType, page.Values[1].Outcome.Result, page.Values[1].Principal.Email),
		"customer.create contract.propose success "+m.root.Email+"\n")
	if len(page.Values[0].ID) != 32 || page.PrevPage != "" || page.NextPage == "" {
		m.t.Errorf("page: got %+v", page)
	}

	// Whoever has seen all goes on from there, and what comes later comes there.
	next := page.NextPage
	c.do("GET", next, nil).want(200).into(&page)
	equal(m.t, "caught up", fmt.Sprint(len(page.Values), page.NextPage != ""), "0 true")
	c.do("PATCH", c.at("/iam/v1", "/customizations"), object{"customizations": []object{{"id": "product-name", "stringValue": "X"}}}).want(200)
	c.eventually("what came later", func() bool {
		page = events{}
		c.do("GET", next, nil).want(200).into(&page)
		return len(page.Values) == 1 && page.Values[0].EventType == "setting.update"
	})
	c.do("GET", page.PrevPage+"&limit=1", nil).want(200).into(&page)
	equal(m.t, "before it", page.Values[0].EventType, "contract.propose")

	// With an upper bound the list ends.
	bound := url.QueryEscape("timestamp le '2099-01-01T00:00:00Z' and timestamp ge '2020-01-01T00:00:00Z'")
	seen := 0
	for at := list + "?limit=2&filter=" + bound; at != ""; at = page.NextPage {
		page = events{}
		c.do("GET", at, nil).want(200).into(&page)
		seen += len(page.Values)
	}
	equal(m.t, "events up to a bound", seen, 3)
	c.do("GET", list+"?filter="+url.QueryEscape("timestamp gt '2020-01-01T00:00:00Z'"), nil).wantError(400, "bad_request", "filter")
}

func testAPIEvents(m *msp) {
	m.create("Called", nil)
	m.do("POST", m.at("/msp/v2", "/customers"), object{}).want(400)
	var page struct {
		Values []struct {
			EventType string
			Principal struct{ Email string }
			Request   struct {
				ID, HTTPMethod, HTTPPath, IP string
				BodyBytes                    int64
			}
			Response struct{ HTTPCode int }
		}
		NextPage string
	}
	m.eventually("the calls", func() bool {
		m.do("GET", m.at("/iam/v1", "/api-events"), nil).want(200).into(&page)
		return len(page.Values) >= 2
	})
	e := page.Values[0]
	equal(m.t, "call", fmt.Sprint(len(page.Values), e.EventType, e.Principal.Email, e.Request.HTTPMethod, e.Request.HTTPPath, e.Request.IP, e.Response.HTTPCode, page.Values[1].Response.HTTPCode, len(e.Request.ID)),
		fmt.Sprint(2, "api.event", m.root.Email, "POST", m.at("/msp/v2", "/customers"), "127.0.0.1", 201, 400, 32))
	m.do("GET", page.NextPage, nil).want(200)
}

type auditLine struct {
	ID     int64
	OrgID  int64
	Action string
	Actor  struct{ Kind, Email string }
	Target struct{ ID string }
}

func testAuditSearch(m *msp) {
	id := m.create("Audited", nil)
	m.do("POST", m.at("/msp/v1", "/customers/%d/tags", id), tags("tier:gold")).want(201)
	path := m.at("/espalier/v1", "/audit")
	var page struct {
		Values   []auditLine
		NextPage string
	}
	m.do("GET", path+"?customers=true&limit=1", nil).want(200).into(&page)
	equal(m.t, "newest", fmt.Sprintln(page.Values[0].Action, page.Values[0].OrgID, page.Values[0].Actor.Email), fmt.Sprintln("customer.tag", id, m.root.Email))
	m.do("GET", page.NextPage, nil).want(200).into(&page)
	equal(m.t, "next", page.Values[0].Action, "customer.create")
	m.do("GET", path, nil).want(200).into(&page)
	for _, e := range page.Values {
		equal(m.t, "organization", e.OrgID, int64(m.root.OrgID))
	}
	m.do("GET", path+"?customers=true&filter="+url.QueryEscape("action co 'TAG' and not targetId eq '0'"), nil).want(200).into(&page)
	equal(m.t, "filtered", len(page.Values), 1)
	m.do("GET", path+"?filter="+url.QueryEscape("actor eq 'x'"), nil).wantError(400, "bad_request", "filter")

	lines := strings.Split(strings.TrimSpace(m.do("GET", path+"/export?customers=true", nil).want(200).body), "\n")
	var last auditLine
	must(m, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	equal(m.t, "last line", last.Action, "customer.tag")
	m.follow(path+"/export?follow=true&customers=true", id)
}

// follow reads an export that stays open, and makes what it waits for.
func (m *msp) follow(path string, id int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", m.server.url+path, nil)
	must(m, err)
	req.Header.Set("Authorization", "Bearer "+m.bearer)
	res, err := http.DefaultClient.Do(req)
	must(m, err)
	defer res.Body.Close()
	sent := false
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		var e auditLine
		switch {
		case lines.Text() == "" && !sent:
			sent = true
			m.do("PATCH", m.at("/msp/v2", "/customers/%d", id), object{"name": "Followed"}).want(204)
		case lines.Text() != "":
			must(m, json.Unmarshal(lines.Bytes(), &e))
			if e.Action == "customer.update" {
				return
			}
		}
	}
	m.t.Error("the export ended before what it waited for")
}

func renewEvents(w *world) {
	w.valid["filter"] = "timestamp ge '2026-01-01T00:00:00Z'"
	w.valid["customers"], w.valid["follow"] = true, false
}
