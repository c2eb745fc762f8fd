// Package eval evaluates a policy template: its datasources, and the checks of its policy. What is outside of the template
// comes from a [Host], so that the same template in the same world gives the same result, byte for byte.
//
// Read [Program] first, what [Compile] makes of a checked template, then [Host] and [Result].
//
//	tmpl, _ := resolve.Resolve(tree)
//	program, err := eval.Compile(tmpl)
//	res := program.Evaluate(ctx, host, eval.Input{Options: chosen, Words: words})
//	for _, f := range res.Findings {
//		if f.Violated { // an incident, made of f and of program.Validation(f.Validation)
//		}
//	}
//
// Only the datasources that the policy needs are evaluated, each once; [Program.Retrieve] evaluates those asked for. One
// waits for those that it names, also in terms that nothing comes of. Among those that are ready the order is that of
// the source. Requests that only read go side by side; one that may change something (any but GET, HEAD and OPTIONS, and
// whatever a script asks for of a datasource as a whole) goes alone, in its place in that order. Whatever runs side by
// side, the failure that is reported is the first in that order, and the log is written in it.
//
// The [Limits] bound time, requests, pages, bytes and elements; a [Failure] names the one that was reached. Those on a
// script are kept by who runs it.
//
// Where the reference says nothing, this package reads it so:
//
//   - A request is sent again after 429, and after a 5xx if its verb is idempotent; ignore_status sees the last answer.
//   - A marker that comes a second time ends the evaluation: its pages would have no end.
//   - A link to a next page may lead to another host; the request for it is signed again, if the host of the evaluation
//     lets it go there at all.
//   - An answer without a body is an empty object, an empty list for collect, and an empty string for text.
//   - A datasource whose only answer was ignored is the same; with pagination, an empty list.
//   - A null in a path, a query or a header is an empty string.
//   - A violated validation counts as one item at least, so that the log's total is zero only if there is no incident.
//
// What becomes of findings, the incidents, is left to package incident; signing and network to the host.
package eval
