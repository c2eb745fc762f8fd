// Package incident makes incidents of what an evaluation found, and runs what a template does about them.
//
// Read [Plan] first, what [Compile] makes of a program of package eval, then [Incident], [Change] and [Run].
//
//	plan, err := incident.Compile(program)
//	changes := plan.Reconcile(ctx, evaluation, stored) // stored: the incidents of this policy that are known
//	for _, c := range changes {
//		save(c.Incident, c.Subject)
//		for _, run := range c.Runs {
//			for !run.Status.Ended() {
//				err := plan.Step(ctx, host, c.Subject, run)
//				save(run)
//				wait(run.Next())
//			}
//		}
//	}
//
// All of it is plain data that JSON holds, and the same input gives the same bytes. A run is saved after each step; one
// that was under way when the process ended is taken again, so that a mail may be sent twice, under the same key.
//
// There is at most one incident for each validation. It is triggered by a violation, updated when the hash of the violation
// changes, and resolved when there is none any more; a violation after that is a new incident. Where the reference says
// nothing, this package reads it so:
//
//   - A violation with the same hash still replaces data and texts, for fields that the hash leaves out may have changed.
//   - A policy that no longer runs dry escalates what it has found already.
//   - What began because of an older state of the incident goes on with the data it began with.
//   - A template that can't be executed gives its error as the text; the incident is there all the same.
//   - Actions that run at once are not among those to be chosen.
//   - What an approver is asked for can be named by the items behind the request.
//
// Storing, the network, and who may approve are left to the caller.
package incident
