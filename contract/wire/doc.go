// Package wire holds what travels in bodies: a struct for each schema that the server or the client reads or writes, in the
// spelling of the contract. One definition serves both ends.
//
// Files are named by API: msp.go, iam.go, own.go, token.go; error.go is of all. Where it matters whether a member is there, an
// absent time is zero, an absent list is nil while an empty one travels as [], and anything else is a pointer, which an end
// that a request asks for is as well. Nothing here decides anything; the OpenAPI documents are the judge.
package wire
