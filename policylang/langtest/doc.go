// Package langtest tries the whole of policylang on templates: the public ones, which are not kept here, and chunked files
// of wrong ones, in which a bad line carries the diagnostic that it must get.
//
// The folder of the public templates is named by the variable ESPALIER_CORPUS; tests that need it say that they are
// skipped where it is not set. See [Corpus] and [Chunks].
package langtest
