// Package check says whether a policy template would be accepted: which statements stand where, what their arguments may
// be, which functions there are and what they take.
//
// Read [Check] first. What a statement may hold is a table, in form.go and the files form_*.go; functions and reserved words
// are tables in function.go and word.go. A rule that no table holds is a function named in its form.
//
// An error refuses the template; a warning says that it runs, perhaps not as meant. JavaScript, which is known to be right
// only when it runs, and the bodies of definitions are left to packages script and workflow.
package check
