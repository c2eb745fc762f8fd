package sheet_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/org/sheet"
)

func at(text string) *time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	t = t.UTC()
	return &t
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     []org.Row
	}{
		{"all columns", "name,externalId,description,capabilities,owners,tags\n" +
			"Acme,A-1,Makes anvils,iam;policy@2027-06-30,Ann Lee <ann@acme.example>;bo@acme.example,tier:gold;region:emea\n",
			[]org.Row{{Line: 2, Name: "Acme", ExternalID: "A-1", Description: "Makes anvils",
				Capabilities: []org.Wish{{Name: "iam"}, {Name: "policy", ExpiresAt: at("2027-06-30T00:00:00Z")}},
				Owners:       []org.Owner{{Email: "ann@acme.example", FirstName: "Ann", LastName: "Lee"}, {Email: "bo@acme.example"}},
				Tags:         []string{"tier:gold", "region:emea"}}}},
		{"a mark, CRLF, any order and case, spaces in the heading", "\ufeffTAGS, Name \r\na;b,Acme\r\n", []org.Row{{Line: 2, Name: "Acme", Tags: []string{"a", "b"}}}},
		{"the mark before a quote", "\ufeff\"name\"\nAcme\n", []org.Row{{Line: 2, Name: "Acme"}}},
		{"lines of cells", "name,description\n\"Acme\",\"two\r\nlines, \"\"quoted\"\"\"\nBolt,\n", []org.Row{
			{Line: 2, Name: "Acme", Description: "two\nlines, \"quoted\""}, {Line: 4, Name: "Bolt"}}},
		{"blank lines", "\n\nname,tags\n\n,\nAcme,\n\n", []org.Row{{Line: 6, Name: "Acme"}}},
		{"no end of the last line", "externalId\nA-1", []org.Row{{Line: 2, ExternalID: "A-1"}}},
		{"a heading alone", "name\n", []org.Row{}},
		{"empty cells keep, a semicolon empties", "name,capabilities,owners,tags\nAcme,, ,;\n", []org.Row{{Line: 2, Name: "Acme", Tags: []string{}}}},
		{"spaces and escapes", "name,tags\nAcme,\" a b ; c\\;d ;;e\\\\;\\ f\\ ;g\\h;\"\n", []org.Row{
			{Line: 2, Name: "Acme", Tags: []string{"a b", "c;d", `e\`, " f ", `g\h`}}}},
		{"time of an end", "name,capabilities\nAcme,a@2027-06-30T12:00:00.5+02:00; b @ 2027-01-01\n", []org.Row{{Line: 2, Name: "Acme",
			Capabilities: []org.Wish{{Name: "a", ExpiresAt: at("2027-06-30T10:00:00.5Z")}, {Name: "b", ExpiresAt: at("2027-01-01T00:00:00Z")}}}}},
		{"names of owners", "name,owners\nAcme,Ann van der Lee<ann@acme.example>;  Bo <bo@acme.example>; <cy@acme.example>;dee\n", []org.Row{{Line: 2, Name: "Acme",
			Owners: []org.Owner{{Email: "ann@acme.example", FirstName: "Ann", LastName: "van der Lee"}, {Email: "bo@acme.example", FirstName: "Bo"}, {Email: "cy@acme.example"}, {Email: "dee"}}}}},
		{"what was made harmless", "name,description,tags\n'=1+1,'tis so,'-a;b\n''@x,',''\n", []org.Row{
			{Line: 2, Name: "=1+1", Description: "'tis so", Tags: []string{"-a", "b"}},
			{Line: 3, Name: "'@x", Description: "'", Tags: []string{"''"}}}},
		{"wrong values", "name,capabilities,owners\nAcme,a@soon;b;c@2027-02-30,Ann <ann@acme.example;bo@acme.example>\nBolt,a,b@c.example\n", []org.Row{
			{Line: 2, Name: "Acme", Capabilities: []org.Wish{{Name: "b"}}, Errors: []org.RowError{
				{Column: "capabilities", Message: `capabilities[0]: "soon" is no date; want one such as 2027-06-30, or 2027-06-30T12:00:00Z`},
				{Column: "capabilities", Message: `capabilities[2]: "2027-02-30" is no date; want one such as 2027-06-30, or 2027-06-30T12:00:00Z`},
				{Column: "owners", Message: `owners[0]: "Ann <ann@acme.example" is no owner; want ann@acme.example or Ann Lee <ann@acme.example>`},
				{Column: "owners", Message: `owners[1]: "bo@acme.example>" is no owner; want ann@acme.example or Ann Lee <ann@acme.example>`}}},
			{Line: 3, Name: "Bolt", Capabilities: []org.Wish{{Name: "a"}}, Owners: []org.Owner{{Email: "b@c.example"}}}}},
		{"too many and too few cells", "name,tags\nAcme,a,b\nBolt\n", []org.Row{
			{Line: 2, Errors: []org.RowError{{Message: "has 3 cells, and the heading has 2; put a value with commas in quotes"}}},
			{Line: 3, Errors: []org.RowError{{Message: "has 1 cells, and the heading has 2; put a value with commas in quotes"}}}}},
		{"a cell beyond measure", "name,tags\nAcme," + strings.Repeat("a;", 1001) + "\n", []org.Row{
			{Line: 2, Name: "Acme", Errors: []org.RowError{{Column: "tags", Message: "has 1001 semicolons; want at most 1000 values"}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := sheet.Read(iotest.HalfReader(strings.NewReader(tt.in)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("Read (-got +want):\n%s", diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const known = "name, externalId, description, capabilities, owners, tags"
	tests := []struct{ name, in, want string }{
		{"nothing", "", "the file is empty; want a first line that names the columns: name,externalId,description,capabilities,owners,tags"},
		{"an unknown column", "name,id,owner\n", `line 1: unknown columns: "id", "owner"; known are ` + known + ", with commas between them"},
		{"another separator", "name;tags\n", `line 1: unknown columns: "name;tags"; known are ` + known + ", with commas between them"},
		{"a column without a name", "name,,tags\n", "line 1: column 2 has no name; known are " + known},
		{"a column twice", "name,tags,Name\n", "line 1: column name is there twice"},
		{"nothing to know customers by", "tags\n", "line 1: names neither name nor externalId; want one, to know customers by"},
		{"UTF-16", "\xff\xfen\x00", "the file is in UTF-16; save it as CSV in UTF-8"},
		{"another encoding", "name,description\nAcme,a\nBolt,\"b\nM\xfcller\"\n", "line 4: is not well-formed UTF-8; save the file as CSV in UTF-8"},
		{"another encoding in the heading", "name,\xfc\n", "line 1: is not well-formed UTF-8; save the file as CSV in UTF-8"},
		{"a quote in a value", "name\nAcme\nThe \"Bolt\"\n", "line 3, at byte 5: a quote stands inside a value without quotes; put the value in quotes and write the quote twice"},
		{"a quote without an end", "name\n\"Acme\nBolt\n", "line 3, at byte 6: the value in quotes that begins in line 2 does not end rightly; write each quote inside it twice, and one at its end"},
		{"too many rows", "name\n" + strings.Repeat("Acme\n", org.MaxImport+1), "the file has more than 10000 rows; want at most that, so split it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := sheet.Read(strings.NewReader(tt.in))
			if errs.KindOf(err) != errs.Invalid || errs.Message(err) != tt.want {
				t.Errorf("Read:\n got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// What the connection says is not made into a fault of the file.
func TestReadBroken(t *testing.T) {
	t.Parallel()
	slow := errs.Invalidf("the body of the request arrived too slowly")
	large := &http.MaxBytesError{Limit: 10}
	for _, want := range []error{slow, large, io.ErrUnexpectedEOF} {
		_, err := sheet.Read(io.MultiReader(strings.NewReader("name\nAcme\n"), iotest.ErrReader(want)))
		if errs.KindOf(err) != errs.Invalid || !errors.Is(err, want) {
			t.Errorf("Read: got %v, want Invalid around %v", err, want)
		}
	}
}

func TestReadNorthwind(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../examples/northwind/customers.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := sheet.Read(bytes.NewReader(text))
	if err != nil || len(rows) != 250 {
		t.Fatalf("Read: got %d rows, %v; want 250", len(rows), err)
	}
	for _, r := range rows {
		if len(r.Errors) > 0 {
			t.Errorf("row %d: %v", r.Line, r.Errors)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"name,externalId,description,capabilities,owners,tags\nAcme,A-1,x,iam;policy@2027-06-30,Ann Lee <ann@acme.example>,a;b\\;c\n",
		"\ufeffTags,NAME\r\n\"a\r\n\",'=1\r\n", "name\n\"", "name,tags\n;,\\;\\", "externalId\n\xff", "name\n''=\n'\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		rows, err := sheet.Read(strings.NewReader(in))
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("got %v, want Invalid", err)
			}
			return
		}
		// What was read without fault is written so that it reads the same.
		var out bytes.Buffer
		w := sheet.NewCSV(&out)
		want := []org.Row{}
		for _, r := range rows {
			if d, same := customer(r); same {
				want = append(want, r)
				if err := w.Add(d); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := sheet.Read(&out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lineless(got), lineless(want)); diff != "" {
			t.Errorf("read, written and read (-got +want):\n%s", diff)
		}
	})
}
