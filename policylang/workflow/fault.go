package workflow

import "fmt"

// Fault is an error that a program may catch with on_error.
type Fault struct {
	// Type is user for what raise gave, runtime for a wrong operation, http for a request that got no answer,
	// resource_action for what needs a resource, timeout, and limit.
	Type    string
	Message string
	// Line and Column say where, from 1; 0 if it is not known.
	Line, Column int `json:",omitempty"`
}

// Error joins type and message, as actions show them.
func (f *Fault) Error() string { return f.Type + ": " + f.Message }

// fault is a wrong operation.
func fault(format string, args ...any) *Fault {
	return &Fault{Type: "runtime", Message: fmt.Sprintf(format, args...)}
}
