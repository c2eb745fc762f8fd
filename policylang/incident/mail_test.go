package incident_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/value"
)

var update = flag.Bool("update", false, "rewrite the golden mails")

const columns = `
    export do
      field "id" do
        label "Widget"
      end
      field "link" do
        label "Page"
        format "link-external"
      end
      field "cost" do
        label "Cost"
        format "right $%.2f"
      end
    end
    escalate $esc
`

// mailOf is the mail that an escalation of these statements sends about data, nil if it sends none.
func mailOf(t testing.TB, text, data string, change func(*incident.Subject)) (*incident.Mail, *incident.Run) {
	t.Helper()
	p := plan(t, text)
	c := one(t, reconcile(t, p, found(t, noon, data)))
	if change != nil {
		change(c.Subject)
	}
	w := newWorld()
	steps(t, p, w, c.Subject, c.Runs[0])
	if len(w.mails) == 0 {
		return nil, c.Runs[0]
	}
	return &w.mails[0], c.Runs[0]
}

func escalation(body string) string { return "escalation \"esc\" do\n" + body + "\nend\n" }

const hostileRows = `[
	{"id":"w-1","name":"<script>alert(1)</script> & co","link":"one||https://x.example.com/1?a=1&b=2","cost":12.5},
	{"id":"=HYPERLINK(\"http://evil\")","name":"[click](javascript:alert(1))","link":"two||javascript:alert(2)","cost":-3},
	{"id":"w-3","name":"third","link":"three","cost":null}]`

func TestMail(t *testing.T) {
	t.Parallel()
	text := validation(columns) + escalation(`email $param_mail do
  attach_export_table "true"
  body_table_max_rows 2
end`)
	m, run := mailOf(t, text, hostileRows, func(s *incident.Subject) { s.Link = "https://app.example.com/incidents/7" })
	if run.Status != incident.Completed || m == nil {
		t.Fatalf("got %s: %s", run.Status, run.Items[0].Error)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "bob@example.com"}, m.To); diff != "" || m.Subject != "3 idle in Blue" {
		t.Errorf("subject %q, recipients (-want +got):\n%s", m.Subject, diff)
	}
	golden(t, "mail.html", m.HTML)
	golden(t, "mail.txt", m.Text)
	golden(t, m.Attachments[0].Name, string(m.Attachments[0].Content))
	again, _ := mailOf(t, text, hostileRows, func(s *incident.Subject) { s.Link = "https://app.example.com/incidents/7" })
	if diff := cmp.Diff(m, again); diff != "" {
		t.Errorf("the same again (-want +got):\n%s", diff)
	}
	onlySafe(t, m.HTML)
}

// onlySafe parses a page and finds no element or address that could do something.
func onlySafe(t *testing.T, page string) {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range tree.Descendants() {
		if n.Type == html.ElementNode && strings.Contains(" script iframe object embed form input style img svg ", " "+n.Data+" ") {
			t.Errorf("the page has an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "href" && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://") {
				t.Errorf("the page has %s=%q", a.Key, a.Val)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, term string
		want       []string
		status     incident.Status
	}{
		{"a text", `"ann@example.com"`, []string{"ann@example.com"}, incident.Completed},
		{"several in one text", `"ann@example.com; Bob <bob@example.com>"`, []string{"ann@example.com", "bob@example.com"}, incident.Completed},
		{"blanks between", `"ann@example.com bob@example.com"`, []string{"ann@example.com", "bob@example.com"}, incident.Completed},
		{"the same twice", `["ann@example.com", "ANN@example.com"]`, []string{"ann@example.com"}, incident.Completed},
		{"none", `[]`, nil, incident.Completed},
		{"an empty text", `""`, nil, incident.Completed},
		{"of the data", `jmes_path(data, "[].mail")`, []string{"d@example.com"}, incident.Completed},
		{"one that is none among others", `["nobody", "ann@example.com"]`, []string{"ann@example.com"}, incident.Completed},
		{"none that is one", `["nobody", "two\nlines@example.com"]`, nil, incident.Failed},
		{"a header is no address", `"ann@example.com\r\nBcc: eve@example.com"`, nil, incident.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, run := mailOf(t, validation(columns)+escalation("email "+c.term), `[{"id":"a","mail":"d@example.com"}]`, nil)
			var got []string
			if m != nil {
				got = m.To
			}
			if diff := cmp.Diff(c.want, got); diff != "" || run.Status != c.status {
				t.Errorf("%s %s (-want +got):\n%s", run.Status, run.Items[0].Error, diff)
			}
		})
	}
}

func TestMailOptions(t *testing.T) {
	t.Parallel()
	const two = `[{"id":"a","cost":1},{"id":"b","cost":2}]`
	for _, c := range []struct {
		name, body    string
		subject       string
		has, hasNot   string // in the text
		attached      int
		inAttachments string
	}{
		{name: "nothing said", body: `email $param_mail`, subject: "2 idle in Blue", has: "$2.00"},
		{name: "a subject of its own", body: "email $param_mail do\nsubject_template \"**{{ rs_org_name }}**\n has {{ len data }}\"\nend", subject: "Acme has 2"},
		{name: "a body of its own", body: "email $param_mail do\nbody_template \"Only {{ len data }}.\"\nend", subject: "2 idle in Blue", has: "Only 2.", hasNot: "$2.00"},
		{name: "a body that fails", body: "email $param_mail do\nbody_template \"{{ index data 7 }}\"\nend", subject: "2 idle in Blue", has: "line 1 of the text template"},
		{name: "few rows", body: "email $param_mail do\nbody_table_max_rows \"1\"\nend", subject: "2 idle in Blue", has: "1 row is not shown.", hasNot: "$2.00"},
		{name: "no rows", body: "email $param_mail do\nbody_table_max_rows 0\nend", subject: "2 idle in Blue", has: "2 rows are not shown.", hasNot: "Widget"},
		{name: "attached", body: "email $param_mail do\nattach_export_table true\nend", subject: "2 idle in Blue", attached: 1, inAttachments: "b,,,$2.00"},
		{name: "the text false", body: "email $param_mail do\nattach_export_table \"false\"\nend", subject: "2 idle in Blue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, run := mailOf(t, validation(columns)+escalation(c.body), two, nil)
			if m == nil {
				t.Fatalf("got no mail: %s", run.Items[0].Error)
			}
			if m.Subject != c.subject || !strings.Contains(m.Text, c.has) || c.hasNot != "" && strings.Contains(m.Text, c.hasNot) || len(m.Attachments) != c.attached {
				t.Errorf("got subject %q, %d attachments, text\n%s", m.Subject, len(m.Attachments), m.Text)
			}
			if c.attached > 0 && !strings.Contains(string(m.Attachments[0].Content), c.inAttachments) {
				t.Errorf("got attachment\n%s", m.Attachments[0].Content)
			}
		})
	}
}

func TestLargeMailsAreCut(t *testing.T) {
	t.Parallel()
	rows := make([]value.Value, 30_000)
	for i := range rows {
		m := value.New()
		m.Set("id", fmt.Sprintf("w-%d", i))
		m.Set("name", strings.Repeat(`"`, 20))
		m.Set("link", strings.Repeat("x", 400))
		rows[i] = m
	}
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	body := "email $param_mail do\nattach_export_table true\nbody_table_max_rows 1000000\nbody_template \"{{ range data }}{{ .name }} {{ end }}\"\nend"
	for _, b := range []string{body, strings.Replace(body, "body_template", "subject_template", 1)} {
		m, run := mailOf(t, strings.Replace(validation(columns), "{{ range data }}* {{ .name }}\\n{{ end }}", "-", 1)+escalation(b), string(text), nil)
		if m == nil {
			t.Fatalf("got no mail: %s", run.Items[0].Error)
		}
		a := m.Attachments[0]
		if len(m.HTML) > 600<<10 || len(m.Text) > 600<<10 || len(a.Content) > 10<<20 || !strings.Contains(a.Name, "-of-30000.csv") || len(m.Subject) > 300 {
			t.Errorf("got HTML of %d, text of %d, %s of %d bytes, subject of %d", len(m.HTML), len(m.Text), a.Name, len(a.Content), len(m.Subject))
		}
		if !strings.Contains(m.Text, "was cut") && !strings.Contains(m.Text, "rows are not shown") {
			t.Error("the mail does not say that something is left out")
		}
	}
}

func TestResolutionsSaySo(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(columns[:strings.Index(columns, "escalate")]+"resolve $res\n")+"resolution \"res\" do\nemail $param_mail\nend\n")
	before := one(t, reconcile(t, p, found(t, noon, `[{"id":"a"}]`))).Incident
	c := one(t, reconcile(t, p, found(t, noon, ""), before))
	w := newWorld()
	steps(t, p, w, c.Subject, c.Runs[0])
	if len(w.mails) != 1 || !strings.Contains(w.mails[0].Text, "The incident is resolved.") {
		t.Errorf("got %v", w.mails)
	}
}

func TestAPolicyThatNoLongerRunsDryEscalates(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(columns)+escalation("email $param_mail"))
	e := found(t, noon, `[{"id":"a"}]`)
	e.DryRun = true
	dry := one(t, reconcile(t, p, e)).Incident
	if c := one(t, reconcile(t, p, e, dry)); c.Edge != incident.Refreshed {
		t.Errorf("still dry: got %s, want refreshed", c.Edge)
	}
	e.DryRun = false
	if c := one(t, reconcile(t, p, e, dry)); c.Edge != incident.Updated || len(c.Runs) != 1 {
		t.Errorf("no longer dry: got %s with %d runs, want updated with one", c.Edge, len(c.Runs))
	}
}
