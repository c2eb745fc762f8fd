// Package own serves Espalier's own API, /espalier/v1: what the console and the command line need and the contract lacks.
//
// Read [Handlers] first, the table of operations. A handler translates: the rules are those of org, iam and token. Files go in
// and out by org/sheet. Source: contract/espalier.openapi.json.
package own
