// Package signin is how people prove who they are: passwords, authenticator apps, recovery codes, passkeys, and the sessions
// that follow; and how a forgotten password is replaced.
//
// Read [Service], [Session] and [Method] first. Each way in ends in [Service.Open], also those through identity providers:
//
//	step, err := s.SignIn(ctx, visitor, email, password) // a session, or a code is wanted as well
//	opened, err := s.SignInCode(ctx, visitor, step.Pending, code)
//	opened, err := s.Open(ctx, signin.OpenSession{User: u, Methods: []signin.Method{signin.SAML}, Only: org})
//	session, err := s.Visit(r)                           // by the cookie of a request
//
// What is wrong is told in one sentence whoever is asked about, after the same work. Tries are counted before they are made,
// in the database, so that many at once and several servers do not help a guesser; a passkey cannot be guessed and is not
// stopped by what is counted for an account. Passwords are hashed by few goroutines at a time, so that a storm of sign-ins
// leaves the processors to others.
//
// Pages are package api/signin; rows are kept by store/signindb; what a caller may do is decided by access; invitations are
// those of iam. The reasons are told in docs/adr/0019-sign-in.md.
package signin
