package signin

// Hashed is how many passwords were hashed so far.
func (s *Service) Hashed() int64 { return s.gate.hashed.Load() }

// Flush writes last uses at once.
var Flush = (*Service).flush

// Estimate is how hard a password is to guess, in bits.
var Estimate = estimate

// Hold takes a place to hash passwords at, until release.
func (s *Service) Hold() (release func()) {
	s.gate.slots <- struct{}{}
	return s.gate.leave
}

// Waiting is how many wait for a place.
func (s *Service) Waiting() int64 { return s.gate.waiting.Load() }

// MaxWaiting is how many may.
const MaxWaiting = maxWaiting
