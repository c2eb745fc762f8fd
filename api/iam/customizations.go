package iam

import (
	"fmt"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/filter"
	"espalier.dev/org"
)

func (s *server) customizations() map[string]door.Handler {
	return map[string]door.Handler{
		"Customization Type#index": s.listCustomizationTypes,
		"Customization Type#show":  s.showCustomizationType,
		"Customization#index":      s.listCustomizations,
		"Customization#show":       s.showCustomization,
		"Customization#update":     s.updateCustomizations,
	}
}

// listCustomizationTypes and listCustomizations answer in one page: there are few types, and at most one value of each.
func (s *server) listCustomizationTypes(w http.ResponseWriter, r *door.Request) error {
	match, err := onlyPage(r, org.SettingTypeFilter)
	if err != nil {
		return err
	}
	types, err := s.Orgs.SettingTypes(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := wire.Page[wire.CustomizationType]{Kind: "iam#customization-type-list", Values: []wire.CustomizationType{}}
	for _, t := range types {
		ok := match.Match(func(attr string) filter.Value {
			switch attr {
			case "valueType":
				return filter.TextOf(string(t.Value))
			case "authenticationRequired":
				return filter.BoolOf(!t.Public)
			}
			return filter.TextOf(t.ID)
		})
		if ok {
			list.Values = append(list.Values, customizationType(t))
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

// onlyPage reads the filter of a list that has one page.
func onlyPage(r *door.Request, schema *filter.Schema) (*filter.Expr, error) {
	if err := r.OnePage(); err != nil {
		return nil, err
	}
	return r.Filter("filter", schema)
}

func (s *server) showCustomizationType(w http.ResponseWriter, r *door.Request) error {
	t, err := s.Orgs.SettingType(r.Context(), r.Caller(), r.OrgID(), r.String("id"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, customizationType(t))
}

func customizationType(t org.SettingType) wire.CustomizationType {
	return wire.CustomizationType{ID: t.ID, Kind: "iam#customization-type", Description: t.Description, ValueType: string(t.Value),
		AuthenticationRequired: !t.Public}
}

func (s *server) listCustomizations(w http.ResponseWriter, r *door.Request) error {
	match, err := onlyPage(r, org.SettingFilter)
	if err != nil {
		return err
	}
	settings, err := s.Orgs.Settings(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := wire.Page[wire.Customization]{Kind: "iam#customization-list", Values: []wire.Customization{}}
	for _, have := range settings {
		if match.Match(func(string) filter.Value { return filter.TextOf(have.ID) }) {
			list.Values = append(list.Values, customization(have))
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showCustomization(w http.ResponseWriter, r *door.Request) error {
	have, err := s.Orgs.Setting(r.Context(), r.Caller(), r.OrgID(), r.String("id"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, customization(have))
}

func customization(have org.Setting) wire.Customization {
	c := wire.Customization{ID: have.ID, Kind: "iam#customization", UpdatedBy: principal(have.UpdatedBy), UpdatedAt: have.UpdatedAt}
	switch v := have.Value.(type) {
	case bool:
		c.BooleanValue = &v
	case int64:
		c.IntegerValue = &v
	case string:
		c.StringValue = &v
		if t, ok := org.FindSettingType(have.ID); ok && t.Value == org.URLValue {
			c.StringValue, c.URLValue = nil, &v
		}
	}
	return c
}

// principal is nil for the operator, and for somebody who is no more.
func principal(p org.Principal) *wire.Principal {
	switch {
	case p.User != 0:
		return &wire.Principal{ID: int64(p.User), Kind: "iam#user", Name: p.Name, Ref: "iam#user:" + p.User.String()}
	case p.ServiceAccount != 0:
		return &wire.Principal{ID: int64(p.ServiceAccount), Kind: "iam#service-account", Name: p.Name, Ref: "iam#service-account:" + p.ServiceAccount.String()}
	}
	return nil
}

func (s *server) updateCustomizations(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.UpdateCustomizations](r)
	if err != nil {
		return err
	}
	changes := make([]org.SettingChange, len(body.Customizations))
	for i, u := range body.Customizations {
		changes[i] = settingChange(u)
	}
	results, err := s.Orgs.ChangeSettings(r.Context(), r.Caller(), r.OrgID(), changes)
	if err != nil {
		return err
	}
	list := wire.CustomizationResults{Kind: "iam#customization-update-result-list", Results: make([]wire.CustomizationResult, len(results))}
	for i, made := range results {
		list.Results[i] = wire.CustomizationResult{ID: made.ID, Kind: "iam#customization-update-result", Status: "accepted", Error: made.Error}
		if made.Error != "" {
			list.Results[i].Status = "rejected"
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

// memberOf is where the contract wants a value.
var memberOf = map[org.ValueType]string{
	org.URLValue: "urlValue", org.BooleanValue: "booleanValue", org.IntegerValue: "integerValue", org.StringValue: "stringValue",
}

// settingChange takes the one value that is given. The contract has a member per type, where one is enough.
func settingChange(u wire.CustomizationUpdate) org.SettingChange {
	c := org.SettingChange{ID: u.ID}
	given := 0
	take := func(member string, want org.ValueType, v any) {
		given++
		c.Value, c.Member = v, member
		if t, ok := org.FindSettingType(u.ID); ok && t.Value != want {
			c.Wrong = fmt.Sprintf("%s: takes %s; want %s", member, t.Value, memberOf[t.Value])
		}
	}
	if u.BooleanValue != nil {
		take("booleanValue", org.BooleanValue, *u.BooleanValue)
	}
	if u.IntegerValue != "" {
		n, err := u.IntegerValue.Int64()
		take("integerValue", org.IntegerValue, n)
		if err != nil {
			c.Wrong = "integerValue: is no whole number of 64 bits"
		}
	}
	if u.StringValue != nil {
		take("stringValue", org.StringValue, *u.StringValue)
	}
	if u.URLValue != nil {
		take("urlValue", org.URLValue, *u.URLValue)
	}
	if given > 1 {
		c.Wrong = "id: has more than one value"
	}
	return c
}
