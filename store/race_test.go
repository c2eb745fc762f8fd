package store_test

import (
	"fmt"
	"sync"
	"testing"

	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/treetest"
)

// Two writers at once never break a rule of the tree. Each test lets many meet over one rule, on both engines, and looks at
// what is there afterwards.

// at runs do n times side by side, all let go at one moment, and returns what each said.
func at(n int, do func(i int) error) []error {
	said := make([]error, n)
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			said[i] = do(i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	return said
}

// count says how many succeeded, and fails the test for an error that is not of one of the kinds.
func count(t *testing.T, said []error, kinds ...errs.Kind) (succeeded int) {
	t.Helper()
	for _, err := range said {
		if err == nil {
			succeeded++
			continue
		}
		fits := false
		for _, k := range kinds {
			fits = fits || errs.KindOf(err) == k
		}
		if !fits {
			t.Errorf("got %v (%v), want one of %v", errs.KindOf(err), err, kinds)
		}
	}
	return succeeded
}

func owner(email string) []org.Owner { return []org.Owner{{Email: email}} }

// newRoot makes a root that may have so many customers; nil: any number.
func newRoot(t *testing.T, w *treetest.World, width *int64) ref.OrgID {
	t.Helper()
	root, err := w.Orgs.CreateRoot(t.Context(), w.By, org.NewRoot{Name: "Racing MSP", Owner: org.Owner{Email: "ada@racing.example"},
		Capabilities: []string{org.MSP, "policy", "saas"}, MaxWidth: width})
	if err != nil {
		t.Fatal(err)
	}
	return root.Org
}

func TestRaceForTheLastPlace(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		width := int64(5)
		root := newRoot(t, w, &width)
		said := at(16, func(i int) error {
			_, err := w.Orgs.CreateCustomer(t.Context(), w.By, root, org.NewCustomer{Name: fmt.Sprint("Racer ", i), Owners: owner("bob@racing.example")})
			return err
		})
		if got := count(t, said, errs.Conflict); got != int(width) {
			t.Errorf("%d customers were made, want %d", got, width)
		}
		page, err := w.Orgs.Page(t.Context(), w.By, root, org.Query{Order: org.ByID, Limit: 100})
		if err != nil || len(page.Customers) != int(width) || page.Total != width {
			t.Errorf("there are %d customers, counted %d (%v), want %d", len(page.Customers), page.Total, err, width)
		}
	})
}

// A capability is taken from a parent while its own customers are being given it: in the end none of them holds what the
// parent lacks.
func TestRaceOfWithdrawalAndGrant(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		root := newRoot(t, w, nil)
		for round := range 8 {
			parent, err := w.Orgs.CreateCustomer(t.Context(), w.By, root, org.NewCustomer{Name: fmt.Sprint("Partner ", round), Owners: owner("pat@racing.example"),
				Capabilities: []org.Wish{{Name: org.MSP}, {Name: "policy"}, {Name: "saas"}}})
			if err != nil {
				t.Fatal(err)
			}
			without := []org.Wish{{Name: org.MSP}, {Name: "saas"}}
			said := at(8, func(i int) error {
				if i == 0 {
					return w.Orgs.UpdateCustomer(t.Context(), w.By, root, parent.ID, org.Patch{Capabilities: &without})
				}
				_, err := w.Orgs.CreateCustomer(t.Context(), w.By, parent.ID, org.NewCustomer{Name: fmt.Sprint("Leaf ", i), Owners: owner("lea@racing.example"),
					Capabilities: []org.Wish{{Name: "policy"}}})
				return err
			})
			count(t, said, errs.Conflict, errs.Unprocessable)
			checkSubset(t, w, root, parent.ID)
		}
	})
}

func checkSubset(t *testing.T, w *treetest.World, root, parent ref.OrgID) {
	t.Helper()
	above, err := w.Orgs.Customer(t.Context(), w.By, root, parent)
	if err != nil {
		t.Fatal(err)
	}
	holds := map[string]bool{}
	for _, c := range above.Capabilities {
		holds[c.Name] = true
	}
	page, err := w.Orgs.Page(t.Context(), w.By, parent, org.Query{Order: org.ByID, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Customers {
		for _, h := range c.Capabilities {
			if !holds[h.Name] {
				t.Errorf("customer %d holds %s, which its parent %d lacks", c.ID, h.Name, parent)
			}
		}
	}
}

// Each of two owners is dropped by a list that names the other alone, again and again: there is always one.
func TestRaceOfOwners(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		root := newRoot(t, w, nil)
		c, err := w.Orgs.CreateCustomer(t.Context(), w.By, root, org.NewCustomer{Name: "Fought over", Owners: owner("x@racing.example")})
		if err != nil {
			t.Fatal(err)
		}
		said := at(16, func(i int) error {
			owners := owner([]string{"x@racing.example", "y@racing.example"}[i%2])
			return w.Orgs.UpdateCustomer(t.Context(), w.By, root, c.ID, org.Patch{Owners: &owners})
		})
		count(t, said)
		d, err := w.Orgs.Customer(t.Context(), w.By, root, c.ID)
		if err != nil || len(d.Owners) != 1 {
			t.Errorf("got owners %v (%v), want one", d.Owners, err)
		}
	})
}

// A customer is deleted while it is being given customers of its own: either they are there and so is it, or neither.
func TestRaceOfDeleteAndCreate(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		root := newRoot(t, w, nil)
		for round := range 8 {
			parent, err := w.Orgs.CreateCustomer(t.Context(), w.By, root, org.NewCustomer{Name: fmt.Sprint("Partner ", round), Owners: owner("pat@racing.example"),
				Capabilities: []org.Wish{{Name: org.MSP}}})
			if err != nil {
				t.Fatal(err)
			}
			said := at(6, func(i int) error {
				if i == 0 {
					return w.Orgs.DeleteCustomer(t.Context(), w.By, root, parent.ID)
				}
				_, err := w.Orgs.CreateCustomer(t.Context(), w.By, parent.ID, org.NewCustomer{Name: fmt.Sprint("Leaf ", i), Owners: owner("lea@racing.example")})
				return err
			})
			made := count(t, said[1:], errs.NotFound)
			if deleted := said[0] == nil; deleted && made > 0 {
				t.Errorf("round %d: deleted, and %d customers were made in it", round, made)
			} else if !deleted && errs.Code(said[0]) != "organization_has_children" {
				t.Errorf("round %d: got %v, want organization_has_children", round, said[0])
			}
		}
	})
}

// Tags are added by many at once: never more than 25.
func TestRaceOfTags(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		root := newRoot(t, w, nil)
		c, err := w.Orgs.CreateCustomer(t.Context(), w.By, root, org.NewCustomer{Name: "Labelled", Owners: owner("x@racing.example")})
		if err != nil {
			t.Fatal(err)
		}
		said := at(10, func(i int) error {
			tags := make([]string, 5)
			for j := range tags {
				tags[j] = fmt.Sprintf("tag:%d-%d", i, j)
			}
			_, err := w.Orgs.AddTags(t.Context(), w.By, root, c.ID, tags)
			return err
		})
		if got := count(t, said, errs.Invalid); got != 5 {
			t.Errorf("%d of 10 were added, want 5", got)
		}
		tags, err := w.Orgs.Tags(t.Context(), w.By, root, c.ID)
		if err != nil || len(tags) != 25 {
			t.Errorf("got %d tags (%v), want 25", len(tags), err)
		}
	})
}

// The same new owner is named by many at once: one user.
func TestRaceOfANewUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		root := newRoot(t, w, nil)
		said := at(16, func(i int) error {
			_, err := w.Orgs.CreateCustomer(t.Context(), w.By, root, org.NewCustomer{Name: fmt.Sprint("Of one ", i),
				Owners: []org.Owner{{Email: "zoe@racing.example"}, {Email: "ann@racing.example"}}})
			return err
		})
		if got := count(t, said); got != 16 {
			t.Fatalf("%d of 16 were made", got)
		}
		page, err := w.Orgs.Page(t.Context(), w.By, root, org.Query{Order: org.ByCreated, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		ids := map[ref.UserID]bool{}
		for _, c := range page.Customers {
			d, err := w.Orgs.Customer(t.Context(), w.By, root, c.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range d.Owners {
				ids[o.ID] = true
			}
		}
		if len(ids) != 2 {
			t.Errorf("got %d users, want 2", len(ids))
		}
	})
}
