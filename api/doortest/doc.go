// Package doortest checks answers of the server against the contract, whoever asked and whatever the test is about.
//
// Give [Transport] to the client of an end-to-end test, and every answer it receives is checked:
//
//	client := &http.Client{Transport: doortest.Transport(t, http.DefaultTransport)}
//
// [Check] does the same for one answer. The judge is kin-openapi over the corrected documents, not the tables that the
// server itself works by. What an answer may do against the letter stands in lies.go.
package doortest
