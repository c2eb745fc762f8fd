package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/value"
	"espalier.dev/runner"
)

// policyRun is espalier policy run FILE.
type policyRun struct {
	trial
	Out           string `key:"-" placeholder:"DIR" help:"Write incidents as Markdown, HTML and CSV, mails and the log into a folder."`
	Act           bool   `key:"-" help:"Run the escalations too: they change what they are told to. Mails are not sent, but shown or written to --out."`
	SkipApprovals bool   `key:"-" help:"With --act, go on where somebody would have to approve."`
}

// Help is the longer text of the verb.
func (v *policyRun) Help() string {
	return `The template is evaluated as a server would, and the incidents that it would raise are printed; without --act nothing is done about
them. The log goes to the error stream. The exit code is 1 if the evaluation fails. Requests go out over https, and never to private
addresses, unless --egress-map or --egress-allow says otherwise.`
}

// ranPolicy is what --json prints.
type ranPolicy struct {
	Status    string        `json:"status"` // completed, failed, cancelled
	Error     string        `json:"error"`  // "" unless it failed
	Incidents []ranIncident `json:"incidents"`
	Actions   []ranAction   `json:"actions"`
	Log       string        `json:"log"`
}

type ranIncident struct {
	Validation int           `json:"validation"` // its number in the policy, from 0
	Summary    string        `json:"summary"`
	Detail     string        `json:"detail"`
	Items      []value.Value `json:"items"`
	Severity   string        `json:"severity"`
	Category   string        `json:"category"`
}

type ranAction struct {
	Validation int       `json:"validation"`
	Kind       string    `json:"kind"` // escalation
	Name       string    `json:"name"`
	Label      string    `json:"label"`
	Status     string    `json:"status"` // queued without --act
	Error      string    `json:"error,omitempty"`
	Steps      []ranStep `json:"steps"`
}

type ranStep struct {
	Kind   string `json:"kind"`
	Label  string `json:"label,omitempty"`
	Status string `json:"status"`
	Error  string `json:"error,omitempty"`
	Log    string `json:"log,omitempty"`
}

// Run evaluates, acts if it is told to, and prints.
func (v *policyRun) Run(ctx context.Context, sh *Shell) error {
	a, err := v.prepare(sh)
	if err != nil {
		return err
	}
	defer a.close()
	plan, err := incident.Compile(a.program, incident.Limits{})
	if err != nil {
		return err
	}
	out, err := openOutput(v.Out)
	if err != nil {
		return err
	}
	result := a.program.Evaluate(ctx, a.host, a.input)
	actions := runner.Actions{Host: a.host, Mailer: out.mail(sh), Resolver: func(context.Context, *incident.Run) error { return nil }}
	changes, err := plan.Reconcile(ctx, actions, incident.Evaluation{
		Result: result, Words: a.input.Words, Policy: filepath.Base(a.name), SkipApprovals: v.SkipApprovals, At: a.host.Now(),
	}, nil)
	if err != nil {
		return err
	}
	if v.Act {
		for _, c := range changes {
			for _, r := range c.Runs {
				if err := act(ctx, sh, plan, actions, c.Subject, r); err != nil {
					return err
				}
			}
		}
	}
	ran := report(plan, result, changes)
	if err := errors.Join(out.write(plan, ran, changes), v.print(sh, plan, ran, changes)); err != nil {
		return err
	}
	if result.Status != eval.Completed {
		return errNo
	}
	return nil
}

// patient is a host whose clock is where a pause leads to, also where time stands still, as while it is recorded.
type patient struct {
	runner.Actions
	ahead time.Duration
}

// Now is the present time.
func (p *patient) Now() time.Time { return p.Actions.Now().Add(p.ahead) }

// until waits for a point of time.
func (p *patient) until(ctx context.Context, at time.Time) error {
	if err := p.Sleep(ctx, at.Sub(p.Now())); err != nil {
		return err
	}
	if missing := at.Sub(p.Now()); missing > 0 {
		p.ahead += missing
	}
	return nil
}

// act runs an action to its end, or to where it waits for somebody.
func act(ctx context.Context, sh *Shell, plan *incident.Plan, actions runner.Actions, s *incident.Subject, r *incident.Run) error {
	host := &patient{Actions: actions}
	for !r.Status.Ended() {
		next := r.Next()
		if next.Status == incident.Pending {
			fmt.Fprintf(sh.Err, "action %s waits for an approval; give --skip-approvals to go on\n", printable(r.Action, false))
			return nil
		}
		if pause := next.At.Sub(host.Now()); !next.At.IsZero() && pause > 0 {
			fmt.Fprintf(sh.Err, "action %s goes on in %s\n", printable(r.Action, false), pause.Round(time.Second))
			if err := host.until(ctx, next.At); err != nil {
				return err
			}
		}
		if err := plan.Step(ctx, host, s, r); err != nil {
			return err
		}
	}
	return nil
}

func report(plan *incident.Plan, result eval.Result, changes []incident.Change) ranPolicy {
	ran := ranPolicy{Status: string(result.Status), Incidents: []ranIncident{}, Actions: []ranAction{}, Log: result.Log}
	if result.Failure != nil {
		ran.Error = result.Failure.Error()
	}
	for _, c := range changes {
		i := c.Incident
		rows := plan.Rows(i.Validation, i.Data)
		ran.Incidents = append(ran.Incidents, ranIncident{i.Validation, i.Summary, i.Detail, append([]value.Value{}, rows...), i.Severity, i.Category})
		for _, r := range c.Runs {
			action := ranAction{Validation: i.Validation, Kind: string(r.Kind), Name: r.Action, Label: r.Label, Status: string(r.Status), Error: r.Error, Steps: []ranStep{}}
			for _, item := range r.Items {
				action.Steps = append(action.Steps, ranStep{string(item.Kind), item.Label, string(item.Status), item.Error, item.Log})
			}
			ran.Actions = append(ran.Actions, action)
		}
	}
	return ran
}

// shownRows is how many rows of an incident are printed for people.
const shownRows = 20

func (v *policyRun) print(sh *Shell, plan *incident.Plan, ran ranPolicy, changes []incident.Change) error {
	if v.JSON {
		return printJSON(sh.Out, ran)
	}
	if ran.Error != "" {
		fmt.Fprintf(sh.Out, "The evaluation %s: %s\n", ran.Status, printable(ran.Error, true))
		return nil
	}
	if len(changes) == 0 {
		_, err := fmt.Fprintln(sh.Out, "No incident: every check holds.")
		return err
	}
	for n, c := range changes {
		if n > 0 {
			fmt.Fprintln(sh.Out)
		}
		i := c.Incident
		fmt.Fprintf(sh.Out, "Incident of validation %d, %s, %s: %s\n", i.Validation, i.Severity, plural(i.Rows, "item"), printable(i.Summary, false))
		t := incidentTable(plan.Table(i.Validation, i.Data))
		more := len(t.rows) - shownRows
		t.rows = t.rows[:min(len(t.rows), shownRows)]
		if err := printTables(sh.Out, t); err != nil {
			return err
		}
		if more > 0 {
			fmt.Fprintf(sh.Out, "… and %d more\n", more)
		}
	}
	return printActions(sh, ran)
}

func incidentTable(from *incident.Table) table {
	t := table{}
	if from == nil {
		return t
	}
	for _, c := range from.Columns {
		t.head = append(t.head, printable(strings.ToUpper(c.Label), false))
	}
	for _, r := range from.Rows {
		cells := make([]string, len(r.Cells))
		for i, c := range r.Cells {
			cells[i] = c.Text
		}
		t.add(cells...)
	}
	return t
}

func printActions(sh *Shell, ran ranPolicy) error {
	t := table{head: []string{"ACTION", "STEP", "STATUS", "WHY"}}
	for _, a := range ran.Actions {
		if a.Error != "" || len(a.Steps) == 0 {
			t.add(a.Name, "", a.Status, a.Error)
		}
		for _, s := range a.Steps {
			t.add(a.Name, s.Kind, s.Status, s.Error)
		}
	}
	if len(t.rows) > 0 {
		fmt.Fprintln(sh.Out)
	}
	return printTables(sh.Out, t)
}

// output is the folder of --out; "" for none.
type output struct {
	dir   string
	mails int
}

func openOutput(dir string) (*output, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, usageOf(fmt.Errorf("--out: %w", err))
		}
	}
	return &output{dir: dir}, nil
}

// mail writes a mail down that would have been sent.
func (o *output) mail(sh *Shell) func(context.Context, incident.Mail) error {
	return func(_ context.Context, m incident.Mail) error {
		o.mails++
		fmt.Fprintf(sh.Err, "mail to %s, not sent: %s\n", printable(strings.Join(m.To, ", "), false), printable(m.Subject, false))
		if o.dir == "" {
			return nil
		}
		name := fmt.Sprintf("mail-%d", o.mails)
		files := map[string]string{name + ".html": m.HTML, name + ".txt": fmt.Sprintf("To: %s\nSubject: %s\n\n%s", strings.Join(m.To, ", "), m.Subject, m.Text)}
		for n, a := range m.Attachments {
			files[fmt.Sprintf("%s-%d-%s", name, n+1, filepath.Base(a.Name))] = string(a.Content)
		}
		return o.put(files)
	}
}

// write writes each incident, what --json prints, and the log.
func (o *output) write(plan *incident.Plan, ran ranPolicy, changes []incident.Change) error {
	if o.dir == "" {
		return nil
	}
	var result strings.Builder
	if err := printJSON(&result, ran); err != nil {
		return err
	}
	files := map[string]string{"result.json": result.String(), "log.md": ran.Log}
	for _, c := range changes {
		i := c.Incident
		name := fmt.Sprintf("incident-%d", i.Validation)
		summary, detail := i.HTML()
		files[name+".md"] = "# " + i.Summary + "\n\n" + i.Detail
		files[name+".html"] = "<!doctype html>\n<meta charset=\"utf-8\">\n<h1>" + summary + "</h1>\n" + detail + "\n"
		if t := plan.Table(i.Validation, i.Data); t != nil {
			files[name+".csv"] = string(t.CSV())
		}
	}
	return o.put(files)
}

func (o *output) put(files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
