// Package extract turns what a service answers into values, and finds values in values.
//
// Decode reads a body in one of the encodings of a result block: json, xml, csv, text. Paths holds the compiled JMESPath,
// jq and XPath expressions of one template and evaluates them. Node is a node of an XML document.
//
//	v, err := extract.Decode(extract.XML, body, "text/xml; charset=utf-8", value.Limits{})
//	paths := extract.NewPaths(time.Now)
//	names, err := paths.XPath(ctx, v, "//item/name", extract.Array)
//
// An answer is hostile until shown otherwise. Depth and memory are bounded while it is read, XML entities are not expanded
// but refused, and evaluating an expression takes a limited number of steps. What reaches a limit is a *value.LimitError.
// One operation of jq can't be interrupted, however, and may double a string: evaluation stands in a process of its own
// for that.
package extract
