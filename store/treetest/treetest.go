package treetest

import (
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/iam"
	"espalier.dev/keyring"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store"
	"espalier.dev/store/sqldb"
)

// World is a database with services over it.
type World struct {
	DB      *store.DB
	Orgs    *org.Service
	People  *iam.Service
	Guard   *access.Guard
	Keys    *keyring.Keyring
	KeyFile string
	Root    ref.OrgID // Northwind MSP
	Parent  ref.OrgID // its customer that is a parent too
	Deleted ref.OrgID // the highest id that was given out; the organization is gone
	By      access.Caller
}

// Grow makes the tree in an empty database that has the product's schema, with a key file of its own.
func Grow(t testing.TB, db *sqldb.DB) *World {
	t.Helper()
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := keyring.Create(keyFile); err != nil {
		t.Fatal(err)
	}
	w := Open(t, db, keyFile)
	deep, wide := int64(2), int64(50)
	root, err := w.Orgs.CreateRoot(t.Context(), w.By, org.NewRoot{
		Name: "Northwind MSP", Owner: org.Owner{Email: "Ada@northwind.example", FirstName: "Ada", LastName: "Byron"},
		Capabilities: org.BuiltIn(), MaxDepth: &deep, MaxWidth: &wide, First: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Root = root.Org
	w.grow(t)
	w.Seal(t)
	return w
}

// Open makes the services over a database that has a tree already.
func Open(t testing.TB, db *sqldb.DB, keyFile string) *World {
	t.Helper()
	w := &World{DB: store.New(db), KeyFile: keyFile, By: access.Operator("test")}
	var err error
	if w.Keys, err = keyring.Load(keyFile); err != nil {
		t.Fatal(err)
	}
	w.Guard, err = access.NewGuard(access.Config{Loader: w.DB.Access(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.DB.Tell(w.Guard)
	catalog, err := org.NewCatalog(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Orgs, err = org.New(org.Config{Store: w.DB.Org(), Guard: w.Guard, Now: time.Now, Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	w.People, err = iam.New(iam.Config{Store: w.DB.IAM(), Guard: w.Guard, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// grow makes customers of the root, one of which has customers itself, and deletes the last.
func (w *World) grow(t testing.TB) {
	t.Helper()
	past, future := time.Now().Add(-time.Hour).UTC(), time.Now().Add(1000*time.Hour).UTC()
	w.Parent = w.Create(t, w.Root, org.NewCustomer{
		Name: "Fabrikam 北風 𝄞", ExternalID: "ext-1", Description: "two\nlines, \"quotes\", \u2028 and <tags>",
		Capabilities: []org.Wish{{Name: "msp"}, {Name: "policy", ExpiresAt: &future}},
		Owners:       []org.Owner{{Email: "grace@fabrikam.example", FirstName: "Grace"}, {Email: "ada@northwind.example"}},
	})
	w.Create(t, w.Root, org.NewCustomer{
		Name: "Contoso", Capabilities: []org.Wish{{Name: "policy", ExpiresAt: &past}}, Owners: []org.Owner{{Email: "kay@contoso.example"}},
	})
	for i := range 3 {
		w.Create(t, w.Parent, org.NewCustomer{
			Name: "Shop " + strconv.Itoa(i), Capabilities: []org.Wish{{Name: "policy"}}, Owners: []org.Owner{{Email: "shop@example.com"}},
		})
	}
	if _, err := w.Orgs.AddTags(t.Context(), w.By, w.Root, w.Parent, []string{"tier:gold", "Région:É"}); err != nil {
		t.Fatal(err)
	}
	w.Deleted = w.Create(t, w.Root, org.NewCustomer{Name: "Gone", Owners: []org.Owner{{Email: "gone@example.com"}}})
	if err := w.Orgs.DeleteCustomer(t.Context(), w.By, w.Root, w.Deleted); err != nil {
		t.Fatal(err)
	}
}

// Create makes a customer and returns its id.
func (w *World) Create(t testing.TB, parent ref.OrgID, n org.NewCustomer) ref.OrgID {
	t.Helper()
	o, err := w.Orgs.CreateCustomer(t.Context(), w.By, parent, n)
	if err != nil {
		t.Fatal(err)
	}
	return o.ID
}

// Seal seals all audit entries there are. On PostgreSQL it waits for the transactions of the whole server that were open.
func (w *World) Seal(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		w.seal(t)
		switch r := w.Verify(t); {
		case r.Unsealed == 0:
			return
		case time.Now().After(deadline):
			t.Fatalf("%d audit entries stay unsealed", r.Unsealed)
		}
	}
}

// seal closes a batch.
func (w *World) seal(t testing.TB) {
	t.Helper()
	s, err := audit.NewSealer(audit.Config{Store: w.DB.Audit(), Keys: w.Keys, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Verify verifies the audit log.
func (w *World) Verify(t testing.TB, known ...audit.Head) audit.Report {
	t.Helper()
	var report audit.Report
	err := w.DB.Audit().Snapshot(t.Context(), func(tx audit.Tx) (err error) {
		report, err = audit.Verify(t.Context(), tx, w.Keys, known...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Exec runs a statement that the services would not, to break something.
func (w *World) Exec(t testing.TB, query string, args ...any) {
	t.Helper()
	err := w.DB.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Count returns the single number that a query gives.
func (w *World) Count(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	err := w.DB.Read(t.Context(), func(q *sqldb.Tx) error { return q.Row(t.Context(), query, args, &n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
