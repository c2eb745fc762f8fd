package scim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Group is a user group as directories see it.
type Group struct {
	ID         ref.UserGroupID
	Org        ref.OrgID
	Name       string // unique in the organization, letter case aside
	ExternalID string // the directory's own key; "" for none
	Members    []Member
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Member is a user in a group.
type Member struct {
	ID       ref.UserID
	UserName string
}

// maxGroupName is the contract's bound of a user group's name, in characters.
const maxGroupName = 512

func checkGroup(name, externalID string) error {
	var w wrongs
	if strings.TrimSpace(name) == "" {
		w.add("displayName: is empty")
	}
	w.text("displayName", name, maxGroupName)
	w.text("externalId", externalID, maxExternal)
	return w.err()
}

// values is a group as filters see it; members only where they were read.
func (g Group) values() values {
	v := values{"id": g.ID.String(), "displayname": g.Name, "members": memberValues(g.Members),
		"meta": values{"resourcetype": "Group", "created": g.CreatedAt, "lastmodified": g.UpdatedAt}}
	if g.ExternalID != "" {
		v["externalid"] = g.ExternalID
	}
	return v
}

func memberValues(members []Member) []values {
	all := make([]values, len(members))
	for i, m := range members {
		all[i] = values{"value": m.ID.String(), "display": m.UserName, "type": "User"}
	}
	return all
}

// groupEdit is what a PATCH makes of a group.
type groupEdit struct {
	name       *string
	externalID *string
	members    []memberStep
}

func (e groupEdit) empty() bool { return e.name == nil && e.externalID == nil && len(e.members) == 0 }

// memberStep changes who is in a group: everybody out first, then those found by where, then those named out or in.
type memberStep struct {
	clear bool
	where *Filter
	out   []ref.UserID
	in    []ref.UserID
}

func readGroupEdit(ops []Operation) (e groupEdit, err error) {
	steps, err := groupSchema.steps(ops)
	if err != nil {
		return e, err
	}
	for _, s := range steps {
		switch s.attr {
		case "displayname":
			if s.verb == remove {
				return e, s.wrong("displayName cannot be removed")
			}
			var name string
			name, err = s.string()
			e.name = &name
		case "externalid":
			var key string
			key, err = s.text()
			e.externalID = &key
		case "members":
			var m memberStep
			m, err = s.members()
			e.members = append(e.members, m)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// members reads a step about members. To remove those in the value is what Entra ID sends; RFC 7644 knows the path only.
func (s step) members() (m memberStep, err error) {
	if s.where != nil {
		if s.verb != remove {
			return m, s.wrong("members found by a filter can be removed only")
		}
		return memberStep{where: s.where}, nil
	}
	ids, err := readMembers(s.value, s.place)
	switch {
	case err != nil:
		return m, err
	case s.verb == add:
		return memberStep{in: ids}, nil
	case s.verb == replace:
		return memberStep{clear: true, in: ids}, nil
	case len(s.value) == 0 || string(s.value) == "null":
		return memberStep{clear: true}, nil
	}
	return memberStep{out: ids}, nil
}

// readMembers takes one or several, as objects or as bare ids.
func readMembers(value json.RawMessage, place string) ([]ref.UserID, error) {
	items := []json.RawMessage{value}
	if text := strings.TrimSpace(string(value)); text == "" || text == "null" {
		return nil, nil
	} else if text[0] == '[' {
		if err := json.Unmarshal(value, &items); err != nil {
			return nil, errs.Invalidf("%s: is no list", place)
		}
	}
	ids := make([]ref.UserID, len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", place, i)
		var m struct{ Value, Type string }
		if json.Unmarshal(item, &m.Value) != nil {
			if err := json.Unmarshal(item, &m); err != nil {
				return nil, errs.Invalidf("%s: must be an object with a value, is %.64s", at, item)
			}
		}
		var err error
		if ids[i], err = MemberID(m.Value, m.Type, at); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// memberID reads the id of a user; groups in groups are not taken.
func MemberID(value, kind, place string) (ref.UserID, error) {
	if kind != "" && !strings.EqualFold(kind, "User") {
		return 0, errs.Invalidf("%s.type: must be User, is %.64q: user groups have users in them, and no groups", place, kind)
	}
	id, err := strconv.ParseInt(value, 10, 64)
	if err != nil || id < 1 {
		return 0, errs.Invalidf("%s.value: %.64q is the id of no user", place, value)
	}
	return ref.UserID(id), nil
}

// roster is who shall be in a group: those who are in it already, with what the steps make of that.
type roster struct {
	clear bool // whoever is in it and not in shall is out
	shall map[ref.UserID]bool
	among func(only []ref.UserID) ([]Member, error) // reads who is in it now; of those named, or of all for nil
}

func (r *roster) take(m memberStep) error {
	if m.clear {
		r.clear, r.shall = true, map[ref.UserID]bool{}
	}
	if m.where != nil {
		found, err := r.find(m.where)
		if err != nil {
			return err
		}
		m.out = found
	}
	for _, id := range m.out {
		r.shall[id] = false
	}
	for _, id := range m.in {
		r.shall[id] = true
	}
	return nil
}

// find lists the members that a filter selects. It reads no more of the group than the filter names.
func (r *roster) find(f *Filter) (found []ref.UserID, err error) {
	var only []ref.UserID
	for _, k := range f.Keys() {
		id, err := strconv.ParseInt(k.Text, 10, 64)
		if err == nil && k.Of == ByMember {
			only = append(only, ref.UserID(id))
		}
	}
	if f.Keys() != nil && only == nil {
		return nil, nil // names nothing that could be an id
	}
	members, err := r.among(only)
	if err != nil {
		return nil, err
	}
	if r.clear {
		members = nil
	}
	for id, in := range r.shall {
		if in && !slices.ContainsFunc(members, func(m Member) bool { return m.ID == id }) {
			members = append(members, Member{ID: id})
		}
	}
	for i, v := range memberValues(members) {
		if f.selects(v) {
			found = append(found, members[i].ID)
		}
	}
	return found, nil
}

// changes says who joins and who leaves, by id.
func (r *roster) changes() (joining, leaving []ref.UserID, err error) {
	for id, in := range r.shall {
		if in {
			joining = append(joining, id)
		} else {
			leaving = append(leaving, id)
		}
	}
	if r.clear {
		members, err := r.among(nil)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range members {
			if !r.shall[m.ID] {
				leaving = append(leaving, m.ID)
			}
		}
	}
	slices.Sort(joining)
	slices.Sort(leaving)
	return joining, slices.Compact(leaving), nil
}
