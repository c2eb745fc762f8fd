// Package policylang is the policy template language, an island that knows nothing of the product around it.
//
// [Check] says what is wrong with a template. It puts four stages together, each usable alone:
//
//	source    files, spans, diagnostics
//	syntax    text to tree and back
//	resolve   names to blocks
//	check     what may stand where
//	value     what a run works on: JSON's types, the order of members and the digits of numbers kept
//	jmespath  finds values in values
//	extract   bodies to values; JMESPath, jq and XPath over them
//	term      evaluates terms: operators and functions
//	workflow  the definitions of actions: read, checked, and run
//	script    the JavaScript of templates, walled in; script/child runs it in a process that can be ended
//	message   text templates, and Markdown to safe HTML
//	incident  incidents of what was found, and the runs of what is done about them
//	langtest  the public templates, and wrong ones
package policylang
