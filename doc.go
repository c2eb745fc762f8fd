// Package espalier is the map of the tree: Espalier is a control plane for managed service providers, one binary.
//
//	cmd/espalier/  the binary; the verbs are in cli/
//	ref/           typed ids and the grammar of references; imports nothing of ours
//	errs/          kinds of error, with a safe message, a wire code and a cause
//	filter/        the filter language: parse, print, match in memory, compile to SQL
//	access/        caller, privileges, roles, the decision "may X do Y on Z"
//	audit/         who did what, in which organization; sealed in a keyed hash chain
//	egress/        the guard and the map that every request passes which others name
//	audit/trail/   the log as those see it whom it is about; the record of calls of the API
//	keyring/       the keys outside the database: they seal secrets and sign the chain
//	org/           organizations, customers, capabilities and their ends, tags; import and export
//	iam/           people and the organizations they belong to
//	notify/        mail: outbox, texts, delivery; notices of what ends
//	token/         access and refresh tokens, signing keys and their rotation
//	signin/        how people prove who they are: passwords, codes, passkeys; their sessions
//	scim/          how a company's directory keeps people and user groups in step: resources, filters, PATCH
//	openid/        signing people in to other applications: an OpenID provider
//	policylang/    the policy template language, an island: parse, check, evaluate, act
//	runner/        the world outside of evaluations: requests signed and sent, secrets kept
//	store/         the only SQL: one text for SQLite and PostgreSQL; a folder per domain, the schema, backups
//	contract/      the OpenAPI documents, what is generated from them, the bodies that travel
//	api/           REST: the server, the door that every request passes, a package of handlers per document
//	client/        the client of the API; the command line uses it
//	cli/           the command line, a file per verb
//	e2e/           the binary as a user meets it
//	bench/         what is fast enough, as ratios to floors of the same run
//	torture/       what survives kill -9
//	docs/ deploy/  handbook, decisions; container, systemd unit
//
// ARCHITECTURE.md traces a use case through it. This package holds only the tests of the tree itself.
package espalier
