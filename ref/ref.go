package ref

import (
	"fmt"
	"strconv"
	"strings"
)

// Ref is a parsed reference. Parts that were left out are empty or zero.
type Ref struct {
	Zone    string    // "nam"; one per server
	Org     OrgID     // 0 for global things (users, organizations)
	Project ProjectID // 0 unless the scope is project/{id}
	Service string    // "iam", "policy"
	Type    string    // "user", "group", "published-template"
	ID      string    // the rest; it may hold colons ("578:12345")
}

// Parse reads a reference in its full form, with zone or organization missing, or in the older form whose scope names
// the organization (ref:::org/2345:policy:published-template:<id>).
func Parse(s string) (Ref, error) {
	parts := strings.SplitN(s, ":", 7)
	if len(parts) != 7 || parts[0] != "ref" {
		return Ref{}, fmt.Errorf("%q is not a reference: want ref:{zone}:{orgId}:{scope}:{service}:{type}:{id}", s)
	}
	r := Ref{Zone: parts[1], Service: parts[4], Type: parts[5], ID: parts[6]}
	if parts[2] != "" {
		id, err := parseID(parts[2])
		if err != nil {
			return Ref{}, fmt.Errorf("reference %q: organization: %w", s, err)
		}
		r.Org = OrgID(id)
	}
	if err := r.setScope(parts[3]); err != nil {
		return Ref{}, fmt.Errorf("reference %q: scope: %w", s, err)
	}
	if r.Service == "" || r.Type == "" || r.ID == "" {
		return Ref{}, fmt.Errorf("reference %q: service, type and id are needed", s)
	}
	return r, nil
}

func (r *Ref) setScope(scope string) error {
	if scope == "" {
		return nil
	}
	kind, text, _ := strings.Cut(scope, "/")
	id, err := parseID(text)
	if err != nil {
		return err
	}
	switch kind {
	case "project":
		r.Project = ProjectID(id)
	case "org":
		if r.Org != 0 && r.Org != OrgID(id) {
			return fmt.Errorf("names organization %d beside %d", id, r.Org)
		}
		r.Org = OrgID(id)
	default:
		return fmt.Errorf("%q is neither project/{id} nor org/{id}", scope)
	}
	return nil
}

// String writes the reference in its full form, empty parts kept.
func (r Ref) String() string {
	org, scope := "", ""
	if r.Org != 0 {
		org = r.Org.String()
	}
	if r.Project != 0 {
		scope = "project/" + r.Project.String()
	}
	return strings.Join([]string{"ref", r.Zone, org, scope, r.Service, r.Type, r.ID}, ":")
}

func parseID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is not a positive number", s)
	}
	return id, nil
}
