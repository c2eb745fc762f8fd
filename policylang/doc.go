// Package policylang is the policy template language, an island that knows nothing of the product around it.
//
// [Check] says what is wrong with a template. It puts three stages together, each usable alone:
//
//	source    files, spans, diagnostics
//	syntax    text to tree and back
//	resolve   names to blocks
//	check     what may stand where
//	langtest  the public templates, and wrong ones
package policylang
