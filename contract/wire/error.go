package wire

// Error is the error body of most operations. Source: contract/README.md, section 1.7.
type Error struct {
	Name      string `json:"name"` // not_found, customer_limit_reached
	ID        string `json:"id"`   // of this very answer, in the server's log
	Message   string `json:"message"`
	Temporary bool   `json:"temporary"` // the same call may succeed later
	Timeout   bool   `json:"timeout"`   // time ran out
	Fault     bool   `json:"fault"`     // the server is to blame
}

// ShortError is the error body of the operations that have two members only.
type ShortError struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}
