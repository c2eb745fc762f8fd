package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"espalier.dev/policylang/value"
)

// Failure is what ended an evaluation.
type Failure struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
	// Location leads from the outside in: datasource "ds_a", script "js_b".
	Location []string `json:"location,omitempty"`
	// Limit names the limit that was reached, such as requests; empty if none was.
	Limit string `json:"limit,omitempty"`
	// Datasource is the one that failed, empty if it was none.
	Datasource string `json:"datasource,omitempty"`
	// Status is that of the answer that was refused, 0 if it was none.
	Status int `json:"status,omitempty"`

	cause error
}

// Error is the failure in one line.
func (f *Failure) Error() string {
	where := ""
	if len(f.Location) > 0 {
		where = strings.Join(f.Location, ", ") + ": "
	}
	return where + f.Summary + ": " + f.Detail
}

// Unwrap is what the host or the context said, nil if the failure comes from the template.
func (f *Failure) Unwrap() error { return f.cause }

// block is the failure as the log shows it.
func (f *Failure) block() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Summary:\n%sDetail:\n%s", indent(f.Summary, 2), indent(f.Detail, 2))
	if len(f.Location) > 0 {
		b.WriteString("Location:\n")
		for i, l := range f.Location {
			b.WriteString(indent(l, 2+2*i))
		}
	}
	return b.String()
}

// indent moves the lines of a text to the right and ends the last one.
func indent(text string, by int) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(strings.Repeat(" ", by) + line + "\n")
	}
	return b.String()
}

// failf makes a failure of the template.
func failf(summary, format string, args ...any) *Failure {
	return &Failure{Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// because makes a failure of what somebody else said. Failures and limits keep their own summary.
func because(summary string, err error) *Failure {
	if own, ok := errors.AsType[*Failure](err); ok {
		f := *own
		return &f
	}
	if limit, ok := errors.AsType[*value.LimitError](err); ok {
		return overLimit(limit.Limit, "%s", err)
	}
	return &Failure{Summary: summary, Detail: err.Error(), cause: err}
}

// overLimit makes the failure of a limit.
func overLimit(limit, format string, args ...any) *Failure {
	return &Failure{Summary: "a limit was reached", Detail: limit + ": " + fmt.Sprintf(format, args...), Limit: limit}
}

// in puts a place around a failure, which may be nil.
func (f *Failure) in(kind, name string) *Failure {
	if f == nil {
		return nil
	}
	f.Location = append([]string{fmt.Sprintf("%s %q", kind, name)}, f.Location...)
	if kind == "datasource" {
		f.Datasource = name
	}
	return f
}

// Why a context of an evaluation ended.
var (
	errWall       = errors.New("evaluation time")
	errDatasource = errors.New("datasource time")
	errRequest    = errors.New("request time")
	errEarlier    = errors.New("something before it failed")
)

// ended is the failure of a context that is over.
func ended(ctx context.Context, l Limits) *Failure {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errWall):
		return overLimit("wall", "the evaluation took longer than %s", l.Wall)
	case errors.Is(cause, errDatasource):
		return overLimit("datasource", "the datasource took longer than %s", l.Datasource)
	case errors.Is(cause, errRequest):
		return overLimit("request", "the request took longer than %s", l.Request)
	default:
		return &Failure{Summary: "the evaluation was cancelled", Detail: cause.Error(), cause: cause}
	}
}
