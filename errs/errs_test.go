package errs

import (
	"errors"
	"fmt"
	"testing"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	conflict := Conflictf("capabilities_in_use", "capability policy is used by %d customers", 3)
	tests := []struct {
		name string
		err  error
		kind Kind
		code string
		msg  string
	}{
		{"of a kind", conflict, Conflict, "capabilities_in_use", "capability policy is used by 3 customers"},
		{"wrapped", fmt.Errorf("update customer: %w", conflict), Conflict, "capabilities_in_use", "capability policy is used by 3 customers"},
		{"of no kind", errors.New("disk on fire"), Internal, "", ""},
		{"nil", nil, Internal, "", ""},
	}
	for _, tt := range tests {
		if got := KindOf(tt.err); got != tt.kind {
			t.Errorf("%s: KindOf: got %v, want %v", tt.name, got, tt.kind)
		}
		if got := Code(tt.err); got != tt.code {
			t.Errorf("%s: Code: got %q, want %q", tt.name, got, tt.code)
		}
		if got := Message(tt.err); got != tt.msg {
			t.Errorf("%s: Message: got %q, want %q", tt.name, got, tt.msg)
		}
	}
}
