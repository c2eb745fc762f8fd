// Package contract holds what travels: the OpenAPI documents that decide every path, parameter, body and answer of the
// REST APIs, and the types of the tables that are generated from them.
//
// Read [API], [Operation] and [Schema] first. Seven documents and privileges.json come from elsewhere and stay byte for
// byte as they came (see NOTICE); espalier.openapi.json is ours and is written before the code it describes. Where a
// document lies about what it accepts or answers, [Corrections] says so, in one place, and [Corrected] gives the copy
// that bodies and answers are checked against.
//
//	contract/generate  writes contract/opgen from the corrected documents: go generate ./contract
//	contract/opgen     the tables, so that a start reads no JSON
//	contract/check     checks a body or a parameter by these tables
//
// Routes, authentication and error bodies are left to api/door; the shapes that handlers write are left to each api
// package.
package contract

//go:generate go run ./generate -out opgen
