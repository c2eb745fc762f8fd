package e2e_test

import (
	"fmt"
	"net/url"
	"strings"
)

func testCustomizations(m *msp) {
	path := m.at("/iam/v1", "/customizations")
	change := func(c *msp, list ...object) []string {
		var made struct {
			UpdateResults []struct{ ID, Status, Error string }
		}
		c.do("PATCH", c.at("/iam/v1", "/customizations"), object{"customizations": list}).want(200).into(&made)
		var got []string
		for _, r := range made.UpdateResults {
			got = append(got, strings.TrimSpace(r.ID+" "+r.Status+" "+r.Error))
		}
		return got
	}
	equal(m.t, "results", strings.Join(change(m,
		object{"id": "product-name", "stringValue": "Northwind"},
		object{"id": "logo-url", "urlValue": "https://northwind.example/logo.svg"},
		object{"id": "rows-per-page", "integerValue": 50},
		object{"id": "show-product-credit", "booleanValue": false},
		object{"id": "icon-url", "stringValue": "https://northwind.example/icon.png"},
		object{"id": "terms-url", "urlValue": "javascript:alert(1)"},
		object{"id": "accent-color", "stringValue": "red"},
		object{"id": "no-such-thing"},
		object{"id": "support-url", "urlValue": "https://a.example", "stringValue": "b"},
		object{"id": "support-email"},
		object{"id": "support-email"},
	), "\n"), strings.Join([]string{
		"product-name accepted",
		"logo-url accepted",
		"rows-per-page accepted",
		"show-product-credit accepted",
		"icon-url rejected stringValue: takes URL; want urlValue",
		"terms-url rejected urlValue: want an address as https://example.com/logo.svg",
		"accent-color rejected stringValue: want a colour as #1f6feb",
		"no-such-thing rejected id: there is no such customization type",
		"support-url rejected id: has more than one value",
		"support-email rejected id: is named more than once",
		"support-email rejected id: is named more than once",
	}, "\n"))
	var list struct {
		Values []struct {
			ID            string
			IntegerValue  int64
			LastUpdatedBy struct{ Name string }
		}
	}
	m.do("GET", path+"?filter="+url.QueryEscape("id co '-per-' or id eq 'logo-url'"), nil).want(200).into(&list)
	equal(m.t, "filtered", fmt.Sprintln(len(list.Values), list.Values[0].ID, list.Values[1].IntegerValue, list.Values[1].LastUpdatedBy.Name != ""), "2 logo-url 50 true\n")
	m.do("GET", path+"?filter="+url.QueryEscape("name eq 'x'"), nil).wantError(400, "bad_request", "filter")
	m.do("GET", path+"?skipToken=x", nil).wantError(400, "bad_request", "skipToken")
	m.do("GET", path+"/logo-url", nil).want(200)
	m.do("GET", path+"/icon-url", nil).wantError(404, "not_found", "icon-url")

	// Its customer sees the parent's, and what it sets itself does not count.
	c := m.asOwnerOf(m.create("Branded", nil), "ann@acme.example")
	equal(m.t, "customer's own", strings.Join(change(c, object{"id": "product-name", "stringValue": "Mine"}), ""), "product-name accepted")
	var one struct{ StringValue string }
	c.do("GET", c.at("/iam/v1", "/customizations/product-name"), nil).want(200).into(&one)
	equal(m.t, "name that counts", one.StringValue, "Northwind")

	equal(m.t, "removed", strings.Join(change(m, object{"id": "product-name"}, object{"id": "icon-url"}), " "), "product-name accepted icon-url accepted")
	m.do("GET", path+"/product-name", nil).wantError(404, "not_found")

	var types struct {
		Values []struct{ ID, ValueType string }
	}
	at := m.at("/iam/v1", "/customization-types")
	m.do("GET", at+"?filter="+url.QueryEscape("valueType eq 'Integer' or authenticationRequired eq 'true' and id co 'footer'"), nil).want(200).into(&types)
	equal(m.t, "types", fmt.Sprint(types.Values), "[{mail-footer String} {rows-per-page Integer}]")
	m.do("GET", at+"/logo-url", nil).want(200)
	m.do("GET", at+"/no-such-thing", nil).wantError(404, "not_found")
}

func testContracts(m *msp) {
	id := m.create("Counterpart", nil)
	c := m.asOwnerOf(id, "ann@acme.example")
	path := m.at("/iam/v1", "/contracts")
	proposal := func(more object) object {
		body := object{"title": "Care", "target_org_id": id, "allowed_capabilities": []object{{"capability": "policy", "roles": []string{"policy_manager"}}}}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	type contract struct {
		ID      int64
		Status  string
		Enable  bool
		Title   string
		Allowed []struct {
			Roles []struct{ DisplayName string }
		} `json:"allowed_capabilities"`
	}
	var made, shown contract
	m.do("POST", path, proposal(nil)).want(201).into(&made)
	equal(m.t, "state", made.Status, "proposed")
	at := func(c *msp) string { return c.at("/iam/v1", "/contracts/%d", made.ID) }
	m.do("PATCH", at(m)+"/activation", object{"enable": true}).wantError(403, "forbidden", "target")
	c.do("PATCH", at(c)+"/activation", object{"enable": true}).want(200)
	c.do("PATCH", at(c), object{"last_seen": "2026-01-02T03:04:05Z"}).want(200)
	m.do("GET", at(m)+"?view=extended", nil).want(200).into(&shown)
	equal(m.t, "approved", fmt.Sprint(shown.Status, shown.Enable, shown.Allowed[0].Roles[0].DisplayName), "approvedtrueManage policies")

	// A second proposal changes the first, and is asked about anew.
	m.do("POST", path, proposal(object{"title": "More care"})).want(201).into(&shown)
	equal(m.t, "changed", fmt.Sprint(shown.ID == made.ID, shown.Title, shown.Status), "trueMore careproposed")
	c.do("PATCH", at(c)+"/activation", object{"enable": false}).want(200)

	var list []contract
	for query, want := range map[string]int{"": 1, fmt.Sprintf("?target=%d", id): 1, "?target=999999": 0, fmt.Sprintf("?init=%d&target=%d", m.root.OrgID, id): 1,
		fmt.Sprintf("?init=%d", id): 0, "?latest_only=true&view=index": 1} {
		m.do("GET", path+query, nil).want(200).into(&list)
		equal(m.t, "contracts "+query, len(list), want)
	}
	m.do("GET", path, nil).want(200).into(&list)
	equal(m.t, "state", list[0].Status, "rejected")

	m.do("POST", path, proposal(object{"target_org_id": 999999})).wantError(400, "bad_request", "target_org_id", "999999")
	m.do("POST", path, proposal(object{"target_org_id": m.root.OrgID, "title": " ", "allowed_capabilities": []object{{"capability": "nosuch", "roles": []string{}}}})).
		wantError(400, "bad_request", "target_org_id", "title", "nosuch")
	m.do("POST", path, proposal(object{"allowed_capabilities": []object{{"capability": "policy", "roles": []string{"org_owner"}}}})).wantError(400, "bad_request", "org_owner")
	c.do("DELETE", at(c), nil).wantError(403, "forbidden", "initiator")
	m.do("DELETE", at(m), nil).want(204)
	m.do("DELETE", at(m), nil).wantError(404, "not_found")
	m.do("GET", at(m), nil).wantError(404, "not_found")
	m.do("PATCH", at(m), object{}).wantError(404, "not_found")
	m.do("PATCH", at(m)+"/activation", object{"enable": true}).wantError(404, "not_found")
}

// renewSettings sets what the walk shows, changes and removes.
func renewSettings(w *world) {
	w.do("PATCH", w.at("/iam/v1", "/customizations"), object{"customizations": []object{{"id": "product-name", "stringValue": fmt.Sprint("Walk ", w.n)}}}).want(200)
	for _, op := range []string{"Customization Type#index", "Customization Type#show", "Customization#show"} {
		w.valid["iam "+op+" view"] = "default"
	}
	for _, op := range []string{"Customization Type#index", "Customization#index"} {
		w.valid["iam "+op+" filter"] = "id ne 'x'"
	}
	w.valid["iam Customization#show id"] = "product-name"
	w.valid["iam Customization Type#show id"] = "product-name"
	w.valid["iam Customization#update customizations"] = []any{members{{"id", "product-name"}, {"stringValue", "Mutant"}}}
}

// renewContracts makes a contract that the walk's organization may do everything with: it proposes one to its customer, and
// its customer's is looked at by its own owner in other tests.
func renewContracts(w *world) {
	var made struct{ ID int64 }
	proposal := func(id any) object {
		return object{"title": "Care", "target_org_id": id, "allowed_capabilities": []object{{"capability": "policy", "roles": []string{}}}}
	}
	w.do("POST", w.at("/iam/v1", "/contracts"), proposal(w.valid["customerId"])).want(201).into(&made)
	for _, op := range []string{"show", "update", "delete"} {
		w.valid["iam Contracts#"+op+" id"] = made.ID
	}
	c := w.asOwnerOf(w.valid["customerId"].(int64), "ann@acme.example")
	c.do("POST", c.at("/iam/v1", "/contracts"), proposal(w.root.OrgID)).want(201).into(&made)
	w.valid["iam Contracts#activation id"] = made.ID
	for name, value := range map[string]any{
		"target_org_id": w.valid["customerId"], "title": "Care", "enable": true, "last_seen": "2026-01-02T03:04:05Z", "init": w.root.OrgID, "latest_only": true,
		"allowed_capabilities": []any{members{{"capability", "policy"}, {"roles", []any{"policy_viewer"}}}}, "target": w.valid["customerId"],
	} {
		w.valid[name] = value
	}
}
