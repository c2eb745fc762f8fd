package signin

// Hashed is how many passwords were hashed so far.
func (s *Service) Hashed() int64 { return s.gate.hashed.Load() }

// Flush writes last uses at once.
var Flush = (*Service).flush

// Estimate is how hard a password is to guess, in bits.
var Estimate = estimate
