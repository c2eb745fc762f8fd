package org

import (
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
)

// parent is a manager with policy (no end), optima (ended) and msp of a depth; width < 0 is no limit.
func parent(depth, width, customers int64) Manager {
	msp := Held{Capability: Capability{Name: MSP}, Depth: depth}
	if width >= 0 {
		msp.MaxWidth = &width
	}
	return Manager{
		Org: Organization{ID: 7}, Customers: customers,
		Held: []Held{{Capability: Capability{Name: IAM}}, msp, {Capability: Capability{Name: "optima"}, Ends: past}, {Capability: Capability{Name: "own"}},
			{Capability: Capability{Name: "policy"}}},
		Catalog: Catalog{"own": {Name: "own", KeptToOneself: true}},
	}
}

func TestManagerAdmit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		parent Manager
		wishes string // separated by blanks
		kind   errs.Kind
		code   string
		says   []string
	}{
		{"what it holds", parent(1, -1, 0), "iam policy msp", 0, "", nil},
		{"below the width", parent(1, 3, 2), "policy", 0, "", nil},
		{"at the width", parent(1, 3, 3), "policy", errs.Conflict, "customer_limit_reached", []string{"may have 3 customers", "has 3"}},
		{"width 0", parent(1, 0, 0), "iam", errs.Conflict, "customer_limit_reached", []string{"may have 0 customers"}},
		{"what it lacks", parent(1, -1, 0), "saas", errs.Unprocessable, "", []string{"saas", "organization 7 does not hold it"}},
		{"what has ended in it", parent(1, -1, 0), "optima", errs.Unprocessable, "", []string{"optima", "ended", past.Format(time.RFC3339)}},
		{"what cannot be handed on", parent(1, -1, 0), "own", errs.Unprocessable, "", []string{"own", "cannot be handed on"}},
		{"msp at depth 0", parent(0, -1, 0), "msp", errs.Unprocessable, "msp_capability_validation_failed", []string{"depth 0"}},
		{"every blocker at once", parent(0, 1, 1), "saas optima msp", errs.Conflict, "customer_limit_reached", []string{"may have 1", "saas", "optima", "depth 0"}},
		{"both misfits", parent(0, -1, 0), "saas msp", errs.Unprocessable, "msp_capability_validation_failed", []string{"saas", "depth 0"}},
	}
	for _, tt := range tests {
		var wishes []Wish
		for name := range strings.FieldsSeq(tt.wishes) {
			wishes = append(wishes, Wish{Name: name})
		}
		err := tt.parent.Admit(wishes, now)
		if tt.kind == 0 {
			if err != nil {
				t.Errorf("%s: got %v, want nil", tt.name, err)
			}
			continue
		}
		if errs.KindOf(err) != tt.kind || errs.Code(err) != tt.code {
			t.Errorf("%s: got %v %q (%v), want %v %q", tt.name, errs.KindOf(err), errs.Code(err), err, tt.kind, tt.code)
		}
		for _, part := range tt.says {
			if !strings.Contains(errs.Message(err), part) {
				t.Errorf("%s: %q does not say %q", tt.name, errs.Message(err), part)
			}
		}
	}
}

func TestInUseNamesTheHolders(t *testing.T) {
	t.Parallel()
	if err := inUse(7, nil); err != nil {
		t.Errorf("no holder: got %v", err)
	}
	err := inUse(7, []Holder{{"policy", 12, "Acme"}, {"policy", 15, "Bolt"}, {"saas", 12, "Acme"}})
	if errs.KindOf(err) != errs.Conflict || errs.Code(err) != "capabilities_in_use" {
		t.Errorf("got %v %q", errs.KindOf(err), errs.Code(err))
	}
	for _, part := range []string{"policy by 12 (Acme), 15 (Bolt)", "saas by 12 (Acme)"} {
		if !strings.Contains(errs.Message(err), part) {
			t.Errorf("%q does not say %q", errs.Message(err), part)
		}
	}
}

func TestNewCustomerCheck(t *testing.T) {
	t.Parallel()
	good := NewCustomer{Name: "Acme", Owners: []Owner{{Email: "ann@acme.example"}}, Capabilities: []Wish{{Name: "policy"}}}
	tests := []struct {
		name   string
		change func(*NewCustomer)
		want   string // "" = fine
	}{
		{"good", func(*NewCustomer) {}, ""},
		{"no name", func(n *NewCustomer) { n.Name = "" }, "name: may not be empty"},
		{"blanks", func(n *NewCustomer) { n.Name = " \t" }, "name: may not be empty"},
		{"512 letters", func(n *NewCustomer) { n.Name = strings.Repeat("ä", 512) }, ""},
		{"513 letters", func(n *NewCustomer) { n.Name = strings.Repeat("ä", 513) }, "name: is 513 characters long; want at most 512"},
		{"NUL", func(n *NewCustomer) { n.Name = "a\x00b" }, "name: holds a control character"},
		{"broken UTF-8", func(n *NewCustomer) { n.Description = "a\xff" }, "description: is not well-formed UTF-8"},
		{"no owner", func(n *NewCustomer) { n.Owners = nil }, "owners: an organization has at least one owner, always; name one"},
		{"no address", func(n *NewCustomer) { n.Owners = []Owner{{Email: "ann"}} }, `owners[0].email: "ann" is no e-mail address; want one such as ann@acme.example`},
		{"an owner twice", func(n *NewCustomer) { n.Owners = append(n.Owners, Owner{Email: "ANN@Acme.example"}) },
			"owners[1].email: ANN@Acme.example is named by owners[0] already"},
		{"everything at once", func(n *NewCustomer) { n.Name, n.Owners = "", []Owner{{Email: "x"}} },
			`name: may not be empty; owners[0].email: "x" is no e-mail address; want one such as ann@acme.example`},
	}
	for _, tt := range tests {
		n := good
		tt.change(&n)
		err := n.Check()
		if got := errs.Message(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: got %v, want invalid", tt.name, errs.KindOf(err))
		}
	}
}

func TestPatchCheckAsksForAnOwner(t *testing.T) {
	t.Parallel()
	none := []Owner{}
	err := Patch{Owners: &none}.Check(12)
	if errs.KindOf(err) != errs.Unprocessable || errs.Code(err) != "owner_required" || !strings.Contains(errs.Message(err), "12") {
		t.Errorf("got %v %q %q", errs.KindOf(err), errs.Code(err), errs.Message(err))
	}
}

func TestCompareOwners(t *testing.T) {
	t.Parallel()
	present := []User{{ID: 1, Email: "Ann@acme.example"}, {ID: 2, Email: "bob@acme.example"}}
	added, removed := compareOwners(present, []Owner{{Email: "ann@ACME.example"}, {Email: "cy@acme.example"}})
	if len(added) != 1 || added[0].Email != "cy@acme.example" || len(removed) != 1 || removed[0] != 2 {
		t.Errorf("got added %v, removed %v", added, removed)
	}
}
