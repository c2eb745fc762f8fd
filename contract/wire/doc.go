// Package wire holds what travels in bodies: a struct for each schema that the server or the client reads or writes, in the
// spelling of the contract.
//
// Files are named by API: msp.go, iam.go, own.go. Members that a request may leave out and that mean something when they are
// there are pointers. Nothing here decides anything; the OpenAPI documents are the judge.
package wire
