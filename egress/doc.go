// Package egress is the one door through which requests leave that somebody other than the operator names: those of policy
// templates, of identity providers' addresses, of webhooks.
//
// Read [Guard] and [Config] first. A guard's [Guard.Client] speaks https to public addresses only, and asks at the moment
// of connecting, so that neither a redirect nor a name that changes its answer leads inside:
//
//	guard, err := egress.New(egress.Config{Map: m})
//	answer, err := guard.Client().Do(request) // *Refused says which rule, of what
//
// A [Map] sends requests for a host elsewhere, as the operator says. How much of an answer is read, and how often is asked, is
// the caller's business.
package egress
