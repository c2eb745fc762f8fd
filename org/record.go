package org

import (
	"encoding/json"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
)

// entry is the audit entry of a change of an organization, seen from its parent where it has one. before and after are
// small maps of what changed; nil where there was or is nothing.
func entry(by access.Caller, action string, o Organization, before, after map[string]any) audit.Entry {
	return audit.Entry{
		Org: o.ID, Via: o.Parent, Actor: audit.ActorOf(by), Session: by.Session, RequestID: by.RequestID,
		Action: action, TargetKind: "organization", TargetID: o.ID.String(),
		Before: asJSON(before), After: asJSON(after),
	}
}

func asJSON(m map[string]any) json.RawMessage {
	if m == nil {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic("org: audit entry of strings and numbers: " + err.Error())
	}
	return b
}

// snapshot is a new customer as its audit entry tells it.
func snapshot(o Organization, wishes []Wish, owners []Owner) map[string]any {
	m := map[string]any{"name": o.Name, "capabilities": wishTexts(withIAM(wishes)), "owners": ownerEmails(owners)}
	if o.ExternalID != "" {
		m["externalId"] = o.ExternalID
	}
	if o.Description != "" {
		m["description"] = o.Description
	}
	return m
}

// capabilityTexts writes capabilities as the CSV does: a name, with @ and the end where one is set.
func capabilityTexts(list []Capability) []string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = capabilityText(c.Name, c.ExpiresAt)
	}
	return texts
}

func wishTexts(list []Wish) []string {
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = capabilityText(w.Name, w.end())
	}
	return texts
}

func capabilityText(name string, end time.Time) string {
	if end.IsZero() {
		return name
	}
	return name + "@" + end.UTC().Format(time.RFC3339Nano)
}
