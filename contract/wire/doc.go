// Package wire holds what travels in bodies: a struct for each schema that the server or the client reads or writes, in the
// spelling of the contract. One definition serves both ends.
//
// Files are named by API: msp.go, iam.go, own.go. A member that may be left out and that means something when it is there
// is a pointer, a time is zero, and a list is nil: an empty list is sent as such. Nothing here decides anything; the OpenAPI
// documents are the judge.
package wire
