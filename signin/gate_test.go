package signin_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/signin"
)

// A storm of sign-ins waits at the gate, up to a bound; who goes away leaves it.
func TestStormWaitsAtTheGate(t *testing.T) {
	t.Parallel()
	s, err := signin.New(signin.Config{Store: noStore{}, Box: &keyring.Keyring{}, Now: (&clock{}).Now, Log: discard, Hash: &cheap, AtOnce: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	release := s.Hold()
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range signin.MaxWaiting {
		wg.Go(func() {
			if _, err := s.PreparePassword(ctx, good); !errors.Is(err, context.Canceled) {
				t.Errorf("one that waited and left: %v", err)
			}
		})
	}
	for s.Waiting() < signin.MaxWaiting {
		runtime.Gosched()
	}
	_, err = s.PreparePassword(t.Context(), good)
	wantKind(t, "one too many", err, errs.Unavailable)
	if n := s.Hashed(); n != 0 {
		t.Errorf("%d hashed while the one place was taken", n)
	}
	leave()
	wg.Wait()
	release()
	if _, err := s.PreparePassword(t.Context(), good); err != nil {
		t.Errorf("after the storm: %v", err)
	}
}
