package sheet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/org/sheet"
)

// customer makes the customer that a row tells of. same is false where a row can say what no customer is: a fault, an empty
// list, an owner's name that no word parts in two.
func customer(r org.Row) (d org.Detail, same bool) {
	d.Name, d.ExternalID, d.Description, d.Tags = r.Name, r.ExternalID, r.Description, r.Tags
	same = len(r.Errors) == 0 && r.Name != "" && !strings.ContainsAny(r.Name+r.ExternalID+r.Description, "\r")
	same = same && (r.Tags == nil || len(r.Tags) > 0) && (r.Owners == nil || len(r.Owners) > 0) && (r.Capabilities == nil || len(r.Capabilities) > 0)
	for _, w := range r.Capabilities {
		c := org.Capability{Name: w.Name}
		if w.ExpiresAt != nil {
			c.ExpiresAt = *w.ExpiresAt
		}
		d.Capabilities = append(d.Capabilities, org.DetailCapability{Held: org.Held{Capability: c}})
		same = same && w.Name != "" && w.Name == strings.TrimSpace(w.Name) && (w.ExpiresAt == nil || !w.ExpiresAt.IsZero()) && c.ExpiresAt.Year() >= 0
	}
	for _, o := range r.Owners {
		d.Owners = append(d.Owners, org.User{Email: o.Email, FirstName: o.FirstName, LastName: o.LastName})
		same = same && o.Email != "" && !strings.ContainsAny(o.Email, "<>") && o.LastName == strings.TrimSpace(o.LastName) &&
			o.FirstName == strings.TrimSpace(o.FirstName)
	}
	return d, same
}

// lineless takes out where the rows stood.
func lineless(rows []org.Row) []org.Row {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Line = 0
	}
	return rows
}

func write(t interface{ Fatal(...any) }, customers ...org.Detail) string {
	var out bytes.Buffer
	w := sheet.NewCSV(&out)
	for _, d := range customers {
		if err := w.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func held(name string, end time.Time) org.DetailCapability {
	return org.DetailCapability{Held: org.Held{Capability: org.Capability{Name: name, ExpiresAt: end}, Ends: time.Unix(0, 0)}}
}

var acme = org.Detail{
	Summary: org.Summary{Organization: org.Organization{ID: 12, Name: "=Acme, Inc", ExternalID: "-7", Description: "two\nlines"}},
	Capabilities: []org.DetailCapability{held("iam", time.Time{}), held("policy", time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC)),
		held("fcm", time.Date(2027, 6, 30, 2, 0, 0, 1000, time.FixedZone("", 7200)))},
	Owners: []org.User{{Email: "ann@acme.example", FirstName: "Ann", LastName: "van Lee"}, {Email: "bo@acme.example"}},
	Tags:   []string{"@home", `a;b\`, " c "},
}

func TestCSV(t *testing.T) {
	t.Parallel()
	got := write(t, acme)
	want := "name,externalId,description,capabilities,owners,tags\n" +
		"\"'=Acme, Inc\",'-7,\"two\nlines\",iam;policy@2027-06-30;fcm@2027-06-30T00:00:00.000001Z,Ann van Lee <ann@acme.example>;bo@acme.example,'@home;a\\;b\\\\;\\ c\\ \n"
	if got != want {
		t.Errorf("CSV:\n got %q\nwant %q", got, want)
	}
}

func TestXLSX(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := sheet.NewXLSX(&out)
	other := org.Detail{Summary: org.Summary{Organization: org.Organization{Name: "007", ExternalID: "TRUE", Description: "a <b> & _x0041_\r\n "}}}
	for _, d := range []org.Detail{acme, other} {
		if err := w.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.GetRows("Customers")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"name", "externalId", "description", "capabilities", "owners", "tags"},
		{"'=Acme, Inc", "'-7", "two\nlines", "iam;policy@2027-06-30;fcm@2027-06-30T00:00:00.000001Z", "Ann van Lee <ann@acme.example>;bo@acme.example", `'@home;a\;b\\;\ c\ `},
		{"007", "TRUE", "a <b> & _x0041_\r\n "},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("XLSX (-got +want):\n%s", diff)
	}
	if kind, err := f.GetCellType("Customers", "A3"); err != nil || kind != excelize.CellTypeInlineString {
		t.Errorf("007: got a cell of type %v, %v; want text", kind, err)
	}
}

// What cannot be written is told, by the row or in the end.
func TestXLSXBrokenWriter(t *testing.T) {
	t.Parallel()
	gone := errors.New("the client is gone")
	r, to := io.Pipe()
	r.CloseWithError(gone)
	w := sheet.NewXLSX(to)
	for range 10_000 {
		if err := w.Add(acme); err != nil {
			break
		}
	}
	if err := w.Close(); !errors.Is(err, gone) {
		t.Errorf("Close: got %v, want %v", err, gone)
	}
}

// A list cut short would read back as another list.
func TestXLSXLongCell(t *testing.T) {
	t.Parallel()
	w := sheet.NewXLSX(io.Discard)
	d := org.Detail{Summary: org.Summary{Organization: org.Organization{ID: 12, Name: "Acme", Description: strings.Repeat("ü", excelize.TotalCellChars)}}}
	if err := w.Add(d); err != nil {
		t.Errorf("a full cell: got %v", err)
	}
	for i := range 2000 {
		d.Owners = append(d.Owners, org.User{Email: fmt.Sprintf("ann%d@acme.example", i)})
	}
	want := "customer 12: its owners take 40889 characters, and a cell of a spreadsheet holds 32767; export as CSV"
	if err := w.Add(d); errs.KindOf(err) != errs.Invalid || errs.Message(err) != want {
		t.Errorf("a cell too long:\n got %v\nwant %s", err, want)
	}
}

// What is written reads back as it was, whatever it begins with or holds.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	char := rapid.SampledFrom([]rune("=+-@'\\;,\"<> \t\n\u00a0aZ0:ü世\U0001f600"))
	text := rapid.StringOfN(char, 1, 8, -1)
	word := rapid.StringMatching(`[a-z]{1,4}`)
	tag := text.Filter(func(s string) bool { return s != "" })
	end := rapid.Custom(func(t *rapid.T) *time.Time {
		us := rapid.Int64Range(0, 4e15).Draw(t, "µs")
		if rapid.Bool().Draw(t, "midnight") {
			us -= us % (24 * 3600 * 1e6)
		}
		at := time.UnixMicro(us).UTC()
		return &at
	})
	row := rapid.Custom(func(t *rapid.T) org.Row {
		r := org.Row{Name: text.Draw(t, "name"), ExternalID: rapid.OneOf(text, rapid.Just("")).Draw(t, "externalId"), Description: rapid.OneOf(text, rapid.Just("")).Draw(t, "description")}
		for range rapid.IntRange(0, 3).Draw(t, "capabilities") {
			w := org.Wish{Name: word.Draw(t, "capability")}
			if rapid.Bool().Draw(t, "ends") {
				w.ExpiresAt = end.Draw(t, "end")
			}
			r.Capabilities = append(r.Capabilities, w)
		}
		for range rapid.IntRange(0, 3).Draw(t, "owners") {
			o := org.Owner{Email: word.Draw(t, "user") + "@acme.example", FirstName: rapid.OneOf(word, rapid.Just("")).Draw(t, "first")}
			if o.FirstName != "" {
				o.LastName = rapid.OneOf(word, rapid.Just("van der Lee"), rapid.Just("<3"), rapid.Just("")).Draw(t, "last")
			}
			r.Owners = append(r.Owners, o)
		}
		for range rapid.IntRange(0, 3).Draw(t, "tags") {
			r.Tags = append(r.Tags, tag.Draw(t, "tag"))
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(row, 1, 4).Draw(t, "rows")
		var customers []org.Detail
		for _, r := range want {
			d, _ := customer(r)
			customers = append(customers, d)
		}
		file := write(t, customers...)
		got, err := sheet.Read(strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lineless(got), want); diff != "" {
			t.Fatalf("%q\n(-got +want):\n%s", file, diff)
		}
	})
}
