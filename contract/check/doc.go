// Package check tells whether a request body or a parameter is what the contract says, and if not, everything that is
// wrong with it at once, each with the member, what it is, and what would be right.
//
// Read [Checker] first:
//
//	c := check.New(&opgen.MSP)
//	err := c.JSON(op.Body.Schema, body)
//	// capabilities[2].expiresAt: must be a time like 2027-06-30T00:00:00Z (RFC 3339), is "soon"; owners: is needed
//
// A body is read once, by a scanner that builds nothing. It takes members without regard to case and passes over unknown
// ones, as encoding/json does, so that what it accepts can be given to encoding/json as it is; and it refuses what that
// package would take in silence: a member given twice, half a surrogate pair, broken UTF-8, control characters.
package check
