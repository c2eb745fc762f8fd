// Package workflow is the action language of policy templates: the definitions that run when an incident calls for an
// action. It reads them, checks them, prints them, and runs them.
//
// Read [Definition] first, what [ParseDefinition] makes of text; then [Program], what [Compile] makes of definitions; then
// [Machine], one run of a program. A machine is plain data: [Machine.Step] runs it until it needs the [Host] (an
// answer to a request, the end of a sleep), and between two steps [Machine.MarshalJSON] gives all of it.
//
//	program := workflow.Compile(file, defs)
//	m, err := workflow.Start(program, "main", args, workflow.Config{Signers: []string{"auth_aws"}})
//	for {
//		status, err := m.Step(ctx, host)
//		if err != nil || status.Ended() {
//			break
//		}
//		save(m) // a step in flight at a crash is run again from here
//		wait(status.Wake)
//	}
//
// The state may hold secrets that a program has read; whoever stores it seals it.
//
// Where the published texts are silent we read them so: the loop variable and what a foreach sets are new in each
// iteration, what a while sets lasts until its end; tasks of a concurrent statement all run to their end, then the error
// of the first in order is raised; a timeout that no on_timeout handles fails the run; a rollback handler runs when an
// error or a cancellation leaves its block; requests of tasks side by side are answered together, which keeps runs
// repeatable; limits cannot be caught.
//
// What sends requests, holds credentials, shows labels and decides when an action runs is the host's business.
package workflow
