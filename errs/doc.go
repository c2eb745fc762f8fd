// Package errs gives every error that leaves a domain package a kind that callers branch on, a message that is safe to
// show, a wire code where the contract names one, and a cause that goes to the log only.
//
// Read [Error] and [Kind] first. Domain code names the kind where it knows it:
//
//	return errs.Conflictf("customer_limit_reached", "organization %d may have %d customers and has them", parent, width)
//
// and wraps everything else with fmt.Errorf("read capabilities: %w", err). An error of no known kind is [Internal]: its
// text is for operators and is never shown to a caller. How a kind becomes a status and a body is left to api.
package errs
