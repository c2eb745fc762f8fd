package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/org/sheet"
	"espalier.dev/ref"
	"espalier.dev/store"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// importer is an MSP whose customers come from files.
type importer struct {
	t    testing.TB
	db   *sqldb.DB
	orgs *org.Service
	msp  ref.OrgID
	by   access.Caller // its owner
}

func newImporter(t testing.TB, db *sqldb.DB, width *int64) importer {
	t.Helper()
	d := store.New(db)
	guard, err := access.NewGuard(access.Config{Loader: d.Access(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	d.Tell(guard)
	orgs, err := org.New(org.Config{Store: d.Org(), Guard: guard, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	root, err := orgs.CreateRoot(t.Context(), access.Operator("test"), org.NewRoot{Name: "Northwind MSP", Owner: org.Owner{Email: "olga@northwind.example"},
		Capabilities: []string{org.MSP, "policy", "fcm"}, MaxWidth: width})
	if err != nil {
		t.Fatal(err)
	}
	return importer{t, db, orgs, root.Org, access.Caller{User: root.User, RequestID: "r1"}}
}

func (im importer) read(file string) []org.Row {
	im.t.Helper()
	rows, err := sheet.Read(strings.NewReader(file))
	if err != nil {
		im.t.Fatal(err)
	}
	return rows
}

// run imports a file and tells what became of its rows, a line for each: "2 updated name,tags".
func (im importer) run(file string, dryRun bool) (told string, applied bool) {
	im.t.Helper()
	results, applied, err := im.orgs.Import(im.t.Context(), im.by, im.msp, im.read(file), dryRun, nil)
	if err != nil {
		im.t.Fatalf("Import: %v", err)
	}
	return tell(results), applied
}

// must imports a file without a fault.
func (im importer) must(file string) {
	im.t.Helper()
	if told, applied := im.run(file, false); !applied || strings.Contains(told, "failed") {
		im.t.Fatalf("Import:\n%s", told)
	}
}

func tell(results []org.RowResult) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%d %s", r.Line, r.Action)
		if len(r.Changes) > 0 {
			fmt.Fprintf(&b, " %s", strings.Join(r.Changes, ","))
		}
		for _, e := range r.Errors {
			fmt.Fprintf(&b, " [%s] %s", e.Column, e.Message)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// customers is all customers as a file, in the order they were made.
func (im importer) customers() string {
	im.t.Helper()
	var b bytes.Buffer
	out := sheet.NewCSV(&b)
	if err := im.orgs.Export(im.t.Context(), im.by, im.msp, nil, out.Add); err != nil {
		im.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		im.t.Fatal(err)
	}
	return b.String()
}

// written counts the audit entries and reads the latest change: two equal answers, and nothing was written in between.
func (im importer) written() [2]int64 {
	im.t.Helper()
	var n [2]int64
	err := im.db.Read(im.t.Context(), func(tx *sqldb.Tx) error {
		return tx.Row(im.t.Context(), `SELECT (SELECT COUNT(*) FROM audit_entry), (SELECT MAX(updated_at) FROM organization)`, nil, &n[0], &n[1])
	})
	if err != nil {
		im.t.Fatal(err)
	}
	return n
}

const heading = "name,externalId,description,capabilities,owners,tags\n"

// present is what the tables below begin with: ids follow the order.
const present = heading +
	"Acme,A-1,Anvils,iam;policy@2030-01-01,Ann Lee <ann@acme.example>;bo@acme.example,tier:gold;region:emea\n" +
	"Bolt,B-1,,iam,bea@bolt.example,\n" +
	"Twin,T-1,,iam,tim@twin.example,\n" +
	"Twin,T-2,,iam,tom@twin.example,\n" +
	"Cog,,,iam,cy@cog.example,\n"

func TestImport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       string // what became of the rows
		left       string // lines of the customers that differ from present, "" if none do
	}{
		{"a new customer", heading + "Dune,D-1,Sand,policy,Dee Ray <dee@dune.example>,b;a;b\n", "2 created\n",
			"+Dune,D-1,Sand,iam;policy,Dee Ray <dee@dune.example>,a;b\n"},
		{"as it is", present, "2 unchanged\n3 unchanged\n4 unchanged\n5 unchanged\n6 unchanged\n", ""},
		{"empty cells keep", "externalId,name,description,capabilities,owners,tags\nA-1,,,,,\n", "2 unchanged\n", ""},
		{"letter case of owners and order of lists", "externalId,owners,tags,capabilities\nA-1,BO@acme.example;Ann <ANN@Acme.example>,region:emea;tier:gold,policy@2030-01-01T01:00:00+01:00\n", "2 unchanged\n", ""},
		{"by externalId, all columns", heading + "Acme Ltd,A-1,Tools,fcm,cora@acme.example,tier:silver\n", "2 updated name,description,capabilities,owners,tags\n",
			"-Acme,A-1,Anvils,iam;policy@2030-01-01,Ann Lee <ann@acme.example>;bo@acme.example,region:emea;tier:gold\n" +
				"+Acme Ltd,A-1,Tools,fcm;iam,cora@acme.example,tier:silver\n"},
		{"by name", "name,tags\nCog,x\n", "2 updated tags\n", "-Cog,,,iam,cy@cog.example,\n+Cog,,,iam,cy@cog.example,x\n"},
		{"a name is no matter to another externalId", "name,externalId,owners\nCog,C-1,cy@cog.example\n", "2 created\n", "+Cog,C-1,,iam,cy@cog.example,\n"},
		{"no tags any more", "externalId,tags\nA-1,;\n", "2 updated tags\n",
			"-Acme,A-1,Anvils,iam;policy@2030-01-01,Ann Lee <ann@acme.example>;bo@acme.example,region:emea;tier:gold\n" +
				"+Acme,A-1,Anvils,iam;policy@2030-01-01,Ann Lee <ann@acme.example>;bo@acme.example,\n"},
		{"an end is taken away", "externalId,capabilities\nA-1,policy\n", "2 updated capabilities\n",
			"-Acme,A-1,Anvils,iam;policy@2030-01-01,Ann Lee <ann@acme.example>;bo@acme.example,region:emea;tier:gold\n" +
				"+Acme,A-1,Anvils,iam;policy,Ann Lee <ann@acme.example>;bo@acme.example,region:emea;tier:gold\n"},

		{"one wrong row, and nothing is done", heading + "Dune,D-1,,iam,dee@dune.example,\nEcho,E-1,,iam,,\n",
			"2 created\n3 failed [owners] a new customer needs at least one owner, such as ann@acme.example\n", ""},
		{"everything that is wrong", heading + " ,D-1," + strings.Repeat("x", 4097) + ",saas;msp@2030-01-01;iam@2030-01-01;a b;a b,nobody,!\n",
			"2 failed [name] may not be empty [description] is 4097 characters long; want at most 4096" +
				" [capabilities] capabilities[2]: iam never ends and takes no date" +
				` [capabilities] capabilities[3].name: "a b" is no capability's name; want 1 to 128 letters, digits, _ or -, not beginning with -` +
				` [capabilities] capabilities[4].name: "a b" is no capability's name; want 1 to 128 letters, digits, _ or -, not beginning with -` +
				" [capabilities] capabilities[4].name: a b is named by capabilities[3] already" +
				` [owners] owners[0].email: "nobody" is no e-mail address; want one such as ann@acme.example` +
				` [tags] tags[0]: "!" is no tag; want 1 to 256 characters, a letter, a digit or : among them` + "\n", ""},
		{"no end of faults", "externalId,tags\nA-1," + strings.Repeat("!;", 30) + "\n",
			"2 failed" + strings.Join(faults(20), "") + " [] has 10 more faults of this kind\n", ""},
		{"what the parent lacks", "name,capabilities,owners\nDune,saas;itam,dee@dune.example\n",
			"2 failed [capabilities] capability saas: organization 1 does not hold it and cannot hand it on [capabilities] capability itam: organization 1 does not hold it and cannot hand it on\n", ""},
		{"what the parent lacks, added to a customer", "externalId,capabilities\nB-1,saas\n",
			"2 failed [capabilities] capability saas: organization 1 does not hold it and cannot hand it on\n", ""},
		{"no owner left", "externalId,owners\nA-1,;\n", "2 failed [owners] an organization has at least one owner, always; leave the cell empty to keep those it has\n", ""},
		{"too many tags", "externalId,tags\nA-1," + manyTags(26) + "\n", "2 failed [tags] are 26; want at most 25\n", ""},
		{"no name for a new one", "externalId,owners\nX-1,x@x.example\n", "2 failed [name] no customer has this externalId, and a new one needs a name\n", ""},
		{"neither name nor externalId", "name,externalId,tags\n,,a\n", "2 failed [] has neither name nor externalId; want one, to know the customer by\n", ""},
		{"no texts that a database could not hold", "name,externalId,owners\nA\x00,,a@a.example\nBee,\x00,a@a.example\n",
			"2 failed [name] holds a control character\n3 failed [externalId] holds a control character\n", ""},
		{"such a text behind many faults", "name,capabilities\nA\x00," + strings.Repeat("a@b;", 30) + "\n",
			"2 failed [name] holds a control character" + strings.Join(noDates(19), "") + " [] has 11 more faults of this kind\n", ""},
		{"what reading found", "name,tags\nCog,a,b\nBolt\n",
			"2 failed [] has 3 cells, and the heading has 2; put a value with commas in quotes\n3 failed [] has 1 cells, and the heading has 2; put a value with commas in quotes\n", ""},

		{"a name of two", "name,tags\nTwin,x\n", "2 failed [name] is that of 2 customers: 4, 5; want one\n", ""},
		{"a key twice", "externalId,tags\nA-1,x\nA-1,y\n", "2 updated tags\n3 failed [externalId] row 2 has the same; want each customer once\n", ""},
		{"a name twice", "name,owners\nDune,d@dune.example\nDune,e@dune.example\n", "2 created\n3 failed [name] row 2 has the same; want each customer once\n", ""},
		{"one customer by both keys", "externalId,name,tags\nA-1,,x\n,Acme,y\n", "2 updated tags\n3 failed [name] is of the same customer as row 2; want each customer once\n", ""},
		{"one customer by both keys, backwards", "externalId,name,tags\n,Acme,y\nA-1,,x\n", "2 updated tags\n3 failed [externalId] is of the same customer as row 2; want each customer once\n", ""},
		{"a name that is given away", "externalId,name,owners\n,Dune,d@dune.example\nX-1,Dune,e@dune.example\n",
			"2 failed [name] row 3 gives this name to the customer with externalId X-1; want an externalId here too\n3 created\n", ""},
	}
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		for _, tt := range tests {
			im := newImporter(t, db, nil)
			im.must(present)
			offset := int64(im.msp) - 1 // the tables speak of the first organization
			before, mark := im.customers(), im.written()

			dry, applied := im.run(tt.file, true)
			if got := fromFirst(dry, offset); got != tt.want || applied {
				t.Errorf("%s, dry run (applied %v):\n got %s\nwant %s", tt.name, applied, got, tt.want)
			}
			if after := im.customers(); after != before || im.written() != mark {
				t.Errorf("%s: the dry run changed something:\n%s", tt.name, cmp.Diff(after, before))
			}
			told, applied := im.run(tt.file, false)
			if fails := strings.Contains(tt.want, "failed"); told != dry || applied == fails {
				t.Errorf("%s (applied %v):\n got %s\nwant %s", tt.name, applied, told, dry)
			}
			if got := lineDiff(before, im.customers()); got != tt.left {
				t.Errorf("%s, customers:\n got %s\nwant %s", tt.name, got, tt.left)
			}
			if mark = im.written(); applied {
				again, _ := im.run(tt.file, false)
				if strings.Contains(again, "created") || strings.Contains(again, "updated") || strings.Contains(again, "failed") || im.written() != mark {
					t.Errorf("%s, again:\n%s", tt.name, again)
				}
			}
		}
	})
}

func noDates(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(` [capabilities] capabilities[%d]: "b" is no date; want one such as 2027-06-30, or 2027-06-30T12:00:00Z`, i)
	}
	return list
}

func faults(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(` [tags] tags[%d]: "!" is no tag; want 1 to 256 characters, a letter, a digit or : among them`, i)
	}
	return list
}

func manyTags(n int) string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprintf("t:%d", i)
	}
	return strings.Join(tags, ";")
}

// fromFirst writes the ids in a text as they would be if the MSP were the first organization.
func fromFirst(told string, offset int64) string {
	for id := int64(1); id < 10; id++ {
		for _, before := range []string{"organization ", "customers: ", ", "} {
			told = strings.ReplaceAll(told, fmt.Sprint(before, id+offset, " "), fmt.Sprint(before, id, " "))
			told = strings.ReplaceAll(told, fmt.Sprint(before, id+offset, ", "), fmt.Sprint(before, id, ", "))
			told = strings.ReplaceAll(told, fmt.Sprint(before, id+offset, ";"), fmt.Sprint(before, id, ";"))
		}
	}
	return told
}

// lineDiff lists the lines that went, with a -, and those that came, with a +.
func lineDiff(before, after string) string {
	a, b := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	var out strings.Builder
	for _, line := range a {
		if !slices.Contains(b, line) {
			out.WriteString("-" + line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			out.WriteString("+" + line)
		}
	}
	return out.String()
}

// A row is counted where it stands: those beyond the width are named, those before it are not.
func TestImportWidth(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		width := int64(3)
		im := newImporter(t, db, &width)
		im.must("name,owners\nA,a@a.example\n")
		told, applied := im.run("name,owners\nA,a@a.example\nB,b@b.example\nC,c@c.example\nD,d@d.example\nE,e@e.example\n", false)
		full := fmt.Sprintf("failed [] organization %d may have 3 customers (maxWidth of its msp capability) and has 3\n", im.msp)
		if want := "2 unchanged\n3 created\n4 created\n5 " + full + "6 " + full; told != want || applied {
			t.Errorf("Import (applied %v):\n got %s\nwant %s", applied, told, want)
		}
		im.must("name,owners\nB,b@b.example\nC,c@c.example\n")
	})
}

// What customers of a customer hold stays.
func TestImportInUse(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		im := newImporter(t, db, nil)
		im.must("name,capabilities,owners\nReseller,msp;policy;fcm,olga@northwind.example\n")
		reseller := im.find("Reseller")
		below, err := im.orgs.CreateCustomer(t.Context(), im.by, reseller, org.NewCustomer{Name: "Shop", Capabilities: []org.Wish{{Name: "policy"}}, Owners: []org.Owner{{Email: "s@shop.example"}}})
		if err != nil {
			t.Fatal(err)
		}
		told, _ := im.run("name,capabilities\nReseller,msp\n", false)
		want := fmt.Sprintf("2 failed [capabilities] organizations below %d hold what would be taken away: policy by %d (Shop); remove it there first\n", reseller, below.ID)
		if told != want {
			t.Errorf("Import:\n got %s\nwant %s", told, want)
		}
	})
}

func (im importer) find(name string) (id ref.OrgID) {
	im.t.Helper()
	err := im.orgs.EachCustomer(im.t.Context(), im.by, im.msp, nil, func(s org.Summary) error {
		if s.Name == name {
			id = s.ID
		}
		return nil
	})
	if err != nil || id == 0 {
		im.t.Fatalf("customer %s: %d, %v", name, id, err)
	}
	return id
}

// many is a file of n new customers.
func many(n int) string {
	var b strings.Builder
	b.WriteString(heading)
	for i := range n {
		fmt.Fprintf(&b, "Customer %d,C-%d,Maker of things %d,iam;policy@2030-01-01;fcm,Ann Lee <ann%d@c%d.example>;bo@c%d.example,tier:gold;n:%d\n", i, i, i, i, i, i, i)
	}
	return b.String()
}

// Two imports of one file at once make each customer once.
func TestImportTwiceAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		im := newImporter(t, db, nil)
		rows := im.read(many(250))
		var made [3]int
		var wg sync.WaitGroup
		for i := range made {
			wg.Go(func() {
				results, _, err := im.orgs.Import(t.Context(), im.by, im.msp, rows, false, nil)
				if err != nil {
					t.Error(err)
				}
				for _, r := range results {
					if r.Action == org.Created {
						made[i]++
					}
				}
			})
		}
		wg.Wait()
		if n := made[0] + made[1] + made[2]; n != 250 {
			t.Errorf("Import at once made %v customers, want 250 in all", made)
		}
		if n := strings.Count(im.customers(), "\n"); n != 251 {
			t.Errorf("there are %d customers, want 250", n-1)
		}
	})
}

// What becomes impossible on the way fails alone, and what was done stays done.
func TestImportMeanwhile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		im := newImporter(t, db, nil)
		rows := im.read(many(102))
		rows[101].Capabilities = nil
		var done []int
		results, applied, err := im.orgs.Import(t.Context(), im.by, im.msp, rows, false, func(n int) {
			if done = append(done, n); n != 100 {
				return
			}
			ended := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
			if _, err := im.orgs.SetCapability(t.Context(), access.Operator("test"), org.SetCapability{Org: im.msp, Name: "fcm", ExpiresAt: &ended}); err != nil {
				t.Error(err)
			}
		})
		if err != nil || !applied {
			t.Fatalf("Import: applied %v, %v", applied, err)
		}
		want := fmt.Sprintf("101 created\n102 failed [capabilities] capability fcm: it ended in organization %d on 2020-01-01T00:00:00Z\n103 created\n", im.msp)
		if got := tell(results[99:]); got != want {
			t.Errorf("Import:\n got %s\nwant %s", got, want)
		}
		if want := []int{100, 102}; !slices.Equal(done, want) {
			t.Errorf("progress: got %v, want %v", done, want)
		}
		if got := results[100].Customer; got != 0 {
			t.Errorf("the customer of a failed row: got %d, want none", got)
		}
	})
}

// An import that is given up leaves whole transactions behind, and the next one finishes the work.
func TestImportGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		im := newImporter(t, db, nil)
		ctx, cancel := context.WithCancel(t.Context())
		results, applied, err := im.orgs.Import(ctx, im.by, im.msp, im.read(many(300)), false, func(int) { cancel() })
		if err == nil || !applied || results[99].Customer == 0 || results[100].Customer != 0 {
			t.Errorf("Import: applied %v, %v; want an error after 100 rows", applied, err)
		}
		told, _ := im.run(many(300), false)
		if n := strings.Count(told, "created"); n != 200 {
			t.Errorf("the next import made %d customers, want 200", n)
		}
	})
}

func TestImportRights(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		im := newImporter(t, db, nil)
		im.must("name,owners\nAcme,ann@acme.example\n")
		acme, err := im.orgs.Customer(t.Context(), im.by, im.msp, im.find("Acme"))
		if err != nil {
			t.Fatal(err)
		}
		ann := access.Caller{User: acme.Owners[0].ID}
		tests := []struct {
			name string
			by   access.Caller
			org  ref.OrgID
			rows int
			want errs.Kind
		}{
			{"an owner of a customer", ann, im.msp, 1, errs.NotFound},
			{"an organization that may not have customers", ann, acme.ID, 1, errs.Forbidden},
			{"the parent of that organization", im.by, acme.ID, 1, errs.Forbidden},
			{"nobody", access.Caller{}, im.msp, 1, errs.NotFound},
			{"too many rows", im.by, im.msp, org.MaxImport + 1, errs.Invalid},
		}
		for _, tt := range tests {
			for _, dryRun := range []bool{true, false} {
				if _, _, err := im.orgs.Import(t.Context(), tt.by, tt.org, make([]org.Row, tt.rows), dryRun, nil); errs.KindOf(err) != tt.want {
					t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
				}
			}
		}
	})
}

// The customers that the demonstration begins with.
func TestImportNorthwind(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../examples/northwind/customers.csv")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		im := newImporter(t, db, nil)
		for _, name := range org.BuiltIn() {
			if name == org.IAM {
				continue
			}
			if _, err := im.orgs.SetCapability(t.Context(), access.Operator("test"), org.SetCapability{Org: im.msp, Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		im.must(string(file))
		for what, text := range map[string]string{"the file": string(file), "its export": im.customers()} {
			if told, _ := im.run(text, false); strings.Count(told, "unchanged") != 250 {
				t.Errorf("%s again:\n%s", what, told)
			}
		}
	})
}

// Whatever a file says, a second run of it changes nothing, and what was written is what the check foretold.
func TestImportTwice(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		pick := func(list ...string) *rapid.Generator[string] { return rapid.SampledFrom(list) }
		row := rapid.Custom(func(t *rapid.T) string {
			return strings.Join([]string{
				pick("", "A", "B", "C").Draw(t, "name"), pick("", "", "1", "2").Draw(t, "externalId"), pick("", "x", "\"y\r\nz\"").Draw(t, "description"),
				pick("", "iam", "policy", "policy@2030-01-01", "policy;fcm@2020-02-02T02:02:02.123456789Z").Draw(t, "capabilities"),
				pick("a@a.example", "a@a.example", "B Bee <b@b.example>", "b@b.example;A@a.example", "").Draw(t, "owners"),
				pick("", "t", "u;t", ";").Draw(t, "tags")}, ",") + "\n"
		})
		rapid.Check(t, func(r *rapid.T) {
			im := newImporter(t, db, nil)
			for range 3 {
				file := heading + strings.Join(rapid.SliceOfN(row, 1, 4).Draw(r, "rows"), "")
				dry, _ := im.run(file, true)
				told, applied := im.run(file, false)
				if told != dry {
					r.Fatalf("%s\ndry run:\n%s\nrun:\n%s", file, dry, told)
				}
				if !applied {
					continue
				}
				mark := im.written()
				again, _ := im.run(file, false)
				if strings.Count(again, " unchanged\n") != strings.Count(again, "\n") || im.written() != mark {
					r.Fatalf("%s\nfirst run:\n%s\nsecond run:\n%s", file, told, again)
				}
			}
		})
	})
}
