// Package script runs the JavaScript of policy templates, walled in: JSON goes in, JSON comes out, and nothing else.
//
// Read [Engine] and [Call] first; [Local] runs a script in this process, and package script/child in one that can be
// ended, which is what a server uses.
//
//	out, err := script.Local{}.Run(ctx, script.Call{
//		Source: `result = _.filter(rows, function(r) { return r.size >= least })`,
//		Params: []string{"rows", "least"},
//		Args:   []json.RawMessage{[]byte(`[{"size": 1}, {"size": 3}]`), []byte(`2`)},
//		Result: "result",
//		Now:    now,
//	})
//	// out.JSON is [{"size":3}]
//
// Templates were written for an older engine and lean on its ways, so its ways are kept:
//
//   - a comma may be missing between the members of an object;
//   - assignment to an unknown name makes a global variable, and a script that assigns no result yields null;
//   - null in an argument, at any depth, is undefined;
//   - JSON.stringify and results have their keys in order; Object.keys and for-in keep the order of insertion, but for
//     keys that are whole numbers, which come first (the one known difference);
//   - dates are in UTC, Date reads ISO texts only and prints as it did, toISOString of an invalid date is a text;
//   - toFixed rounds a tie to the even digit;
//   - new RegExp("(?i)x") is understood, since patterns come from users who know RE2;
//   - errors have the wording that authors search for: TypeError: 'f' is not a function.
//
// Besides the language a script has _ (Underscore 1.13), console.log and console.dir, atob and btoa, hashHmac (hexadecimal),
// getIterator and appendToResult. Every run has a world of its own. Math.random starts from the call's time, so that a run can be repeated.
package script
