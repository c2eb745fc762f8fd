package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/value"
	"espalier.dev/policylang/workflow"
)

// Host is the world outside of actions. Do, Now and Secret are called by several goroutines at once.
type Host interface {
	eval.Outside
	// Do signs a request as its Auth says and sends it. Any status is an answer; an error means that there was none.
	Do(ctx context.Context, r Request) (workflow.Response, error)
	// Random is n random bytes.
	Random(n int) ([]byte, error)
	// Mail takes a mail to be sent. One with the same key may come again after a crash.
	Mail(ctx context.Context, m Mail) error
	// Resolve resolves the incident that a run is about. It may be called again.
	Resolve(ctx context.Context, r *Run) error
	// Mask removes the secrets that the host knows of from a text for the log.
	Mask(text string) string
}

// Request is a request of a workflow.
type Request struct {
	workflow.Request
	// Auth is the credentials that sign it, nil if it goes unsigned.
	Auth *eval.Auth
	// Action is the escalation or resolution that asks.
	Action string
}

// Step moves a run on: it makes an item ready, or does one thing of it. The run is saved after each; [Run.Next] says when
// to take the next. The error is that of a context that ended, or of a run that does not belong to the plan or to the
// subject: the run is unchanged then. Whatever goes wrong in an item stands in the item.
func (p *Plan) Step(ctx context.Context, host Host, s *Subject, r *Run) error {
	if r.Status.Ended() || r.Status == Pending && !r.Stopping {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.Subject != s.Key {
		return fmt.Errorf("the run is about another state of the incident: subject %.12s, not %.12s", r.Subject, s.Key)
	}
	i := r.current()
	if i == nil {
		r.settle(host.Now())
		return nil
	}
	what, err := p.item(r, i)
	if err != nil {
		return err
	}
	st := &step{plan: p, ctx: ctx, host: host, subject: s, run: r, item: i, what: what, now: host.Now()}
	log, progress := i.Log, i.Progress
	if i.Status == Queued {
		st.ready()
	} else if err := st.do(); err != nil {
		i.Log, i.Progress = log, progress
		return err
	}
	r.UpdatedAt = st.now
	if r.current() == nil {
		r.settle(st.now)
	}
	return nil
}

// settle ends a run whose items have ended.
func (r *Run) settle(at time.Time) {
	if r.Status.Ended() {
		return
	}
	r.Status, r.UpdatedAt = Skipped, at
	if len(r.Items) == 0 || slices.ContainsFunc(r.Items, func(i *Item) bool { return i.Status != Skipped }) {
		r.Status = Completed
	}
}

// step is what one call of Step does to an item.
type step struct {
	plan    *Plan
	ctx     context.Context
	host    Host
	subject *Subject
	run     *Run
	item    *Item
	what    *item
	now     time.Time
}

// ready decides whether an item is done at all. Nothing has happened yet, so that the item is saved as running first.
func (s *step) ready() {
	s.item.StartedAt = s.now
	switch {
	case s.subject.DryRun && s.item.Kind != Email:
		s.skip("the policy runs dry")
	case s.item.Kind == RequestApproval && s.subject.SkipApprovals:
		s.skip("the policy is applied without approvals")
	case s.item.Kind == RequestApproval:
		s.item.Status, s.run.Status = Pending, Pending
		return
	default:
		s.item.Status = Running
	}
	s.run.Status = Running
}

// skip passes over an item. What an approver would have been asked for takes its defaults.
func (s *step) skip(because string) {
	given := value.New()
	for _, q := range s.what.parameters {
		given.Set(q.Name, q.Default)
	}
	if given.Len() > 0 && s.run.Options == nil {
		s.run.Options = value.New()
	}
	for name, v := range given.All() {
		s.run.Options.Set(name, v)
	}
	s.item.end(Skipped, "", s.now)
	s.logf("left out: %s", because)
}

// do does one thing of an item.
func (s *step) do() error {
	var err error
	switch s.item.Kind {
	case Email:
		err = s.mail()
	case ResolveIncident:
		err = s.host.Resolve(s.ctx, s.run)
	case CloudWorkflow:
		return s.workflow()
	default:
		err = fmt.Errorf("nothing is known of items of kind %s", s.item.Kind)
	}
	return s.finish(err)
}

// finish ends the item, and with it the run if it failed.
func (s *step) finish(err error) error {
	switch {
	case err == nil:
		s.item.end(Completed, "", s.now)
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	default:
		s.failed(err.Error())
	}
	return nil
}

func (s *step) failed(problem string) {
	problem = s.masked(problem)
	s.logf("%s", problem)
	s.item.end(Failed, problem, s.now)
	s.run.rest(Skipped, s.now)
	s.run.Status = Failed
}

func (s *step) mail() error {
	data, err := s.plan.data(s.subject, s.run)
	if err != nil {
		return err
	}
	m, notes, err := s.plan.mail(s.ctx, s.host, s.subject, s.run, s.what, data)
	for _, n := range notes {
		s.logf("%s", n)
	}
	if err != nil || len(m.To) == 0 {
		return err
	}
	m.Key = fmt.Sprintf("%s/%s/%d/%d", s.run.Subject, s.run.Action, s.run.CreatedAt.UnixMicro(), slices.Index(s.run.Items, s.item))
	if err := s.host.Mail(s.ctx, m); err != nil {
		return fmt.Errorf("the mail could not be sent: %w", err)
	}
	return nil
}

// workflow takes the machine of an item one step on, and makes it first if there is none.
func (s *step) workflow() error {
	m, err := s.machine()
	if err != nil {
		return s.finish(err)
	}
	status, err := m.Step(s.ctx, &actionHost{step: s})
	if err != nil {
		return err
	}
	s.item.machine = m
	s.item.Machine, err = m.MarshalJSON()
	if err != nil {
		return s.finish(err)
	}
	s.item.Wake = status.Wake
	switch {
	case status.Phase == workflow.Canceled, s.run.Stopping && status.Ended():
		s.run.rest(Aborted, s.now)
		s.run.Status, s.run.Stopping = Aborted, false
	case status.Phase == workflow.Done:
		return s.finish(nil)
	case status.Phase == workflow.Failed:
		s.failed(status.Fault.Error())
	}
	return nil
}

// machine is the machine of an item: the one that is there, the one that was saved, or a new one.
func (s *step) machine() (*workflow.Machine, error) {
	p := s.plan
	switch {
	case s.item.machine != nil:
		return s.item.machine, nil
	case s.item.Machine != nil:
		return workflow.Resume(p.definitions, s.item.Machine, p.config)
	}
	data, err := p.data(s.subject, s.run)
	if err != nil {
		return nil, err
	}
	args := make([]workflow.Value, len(s.what.args))
	for n, x := range s.what.args {
		v, err := p.program.Term(s.ctx, s.host, x, s.subject.scope(data, s.run.Options))
		if err != nil {
			return nil, fmt.Errorf("argument %d of %s: %w", n+1, s.what.definition, err)
		}
		if args[n], err = workflow.FromJSON(string(value.Encode(v))); err != nil {
			return nil, fmt.Errorf("argument %d of %s: %w", n+1, s.what.definition, err)
		}
	}
	return workflow.Start(p.definitions, s.what.definition, args, p.config)
}

// actionHost is the host of a workflow: what it asks for goes out in the name of its action.
type actionHost struct{ *step }

// Now is the present time.
func (h *actionHost) Now() time.Time { return h.host.Now() }

// Do sends a request, signed by the credentials that its signer names.
func (h *actionHost) Do(ctx context.Context, r workflow.Request) (workflow.Response, error) {
	out := Request{Request: r, Action: h.run.Action}
	if r.Signer != "" {
		auth, err := h.plan.program.Auth(ctx, h.host, r.Signer, h.subject.scope(h.subject.Data, h.run.Options))
		if err != nil {
			return workflow.Response{}, err
		}
		out.Auth = auth
	}
	return h.host.Do(ctx, out)
}

// Secret is a stored secret.
func (h *actionHost) Secret(ctx context.Context, name string) (string, error) {
	return h.host.Secret(ctx, name)
}

// Random is n random bytes.
func (h *actionHost) Random(n int) ([]byte, error) { return h.host.Random(n) }

// Label shows the progress of a task.
func (h *actionHost) Label(task, text string) {
	text = h.masked(text)
	h.item.Progress = cut(text, 1000)
	h.logf("%s: %s", task, text)
}

// Log writes a line.
func (h *actionHost) Log(level, text string) { h.logf("%s: %s", level, h.masked(text)) }

// logf adds a line to the log of the item, as far as there is room.
func (s *step) logf(format string, args ...any) {
	line := s.now.Format(time.RFC3339) + " " + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n  ") + "\n"
	const full = "the log is full\n"
	switch room := s.plan.limits.LogBytes - len(s.item.Log); {
	case strings.HasSuffix(s.item.Log, full):
	case room < len(line)+len(full):
		s.item.Log += full
	default:
		s.item.Log += line
	}
}

// shortSecret is the length of what is too short to be looked for in texts: it would be found everywhere.
const shortSecret = 4

// masked is a text without secrets.
func (s *step) masked(text string) string {
	return s.host.Mask(s.plan.hidden(text, s.subject, s.run))
}

// hidden is a text without the values of parameters with no_echo.
func (p *Plan) hidden(text string, s *Subject, r *Run) string {
	names := slices.Clone(p.noEcho)
	for _, q := range asked(p.actions[r.Action]) {
		if q.NoEcho {
			names = append(names, q.Name)
		}
	}
	var secrets []string
	for _, name := range names {
		for _, from := range []*value.Map{s.Parameters, r.Options} {
			switch v, _ := from.Get(name); v := v.(type) {
			case []value.Value:
				for _, e := range v {
					secrets = append(secrets, value.Text(e))
				}
			default:
				secrets = append(secrets, value.Text(v))
			}
		}
	}
	// The longest first, so that of one that holds another nothing is left.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, secret := range slices.Compact(secrets) {
		if len(secret) >= shortSecret {
			text = strings.ReplaceAll(text, secret, "(hidden)")
		}
	}
	return text
}

// asked are all parameters of an action, those of its requests for approval too.
func asked(a *Action) []eval.Parameter {
	list := slices.Clone(a.Parameters)
	for _, i := range a.items {
		list = append(list, i.parameters...)
	}
	return list
}

// cut shortens a text to at most n bytes of whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
