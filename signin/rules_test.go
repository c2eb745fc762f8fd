package signin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/errs"
	"espalier.dev/signin"
)

func TestCheckStrength(t *testing.T) {
	t.Parallel()
	about := []string{"ann.lee@northwind.example", "Ann", "Lee"}
	tests := []struct {
		password string
		want     string // part of the refusal; "": it is good
	}{
		{"orbit lemon anvil tundra", ""},
		{"zK8#mmw2pQ", ""},
		{"vel9tumRibzok", ""},
		{"Zaubertrank über Nacht", ""},
		{"日本語のパスワードは長い", ""},
		{"short", "at least 10"},
		{strings.Repeat("ab cd", 60), "at most 256"},
		{"tundra\x00lemon anvil", "control character"},
		{"tundra\xfflemon anvil", "UTF-8"},
		{"password1234567", "too easy"},
		{"P@ssw0rd2026!", "too easy"},
		{"Welcome123456!", "too easy"},
		{"northwind2026!", "too easy"},
		{"annleenorthwind", "too easy"},
		{"qwertyuiopasdf", "too easy"},
		{"aaaaaaaaaaaaaaaaaaaa", "too easy"},
		{"1234567890987", "too easy"},
		{"Summer2026Winter", "too easy"},
		{"correcthorsebatterystaple", "too easy"},
	}
	for _, tt := range tests {
		err := signin.CheckStrength(tt.password, about...)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("CheckStrength(%.30q) = %v (%.0f bits), want %q", tt.password, err, signin.Estimate(tt.password, about), tt.want)
		}
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("CheckStrength(%.30q): %v, want Invalid", tt.password, errs.KindOf(err))
		}
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	p := signin.Pace{Free: 5, First: time.Second, Most: 15 * time.Minute}
	for tries, want := range map[int64]time.Duration{
		0: 0, 5: 0, 6: time.Second, 7: 2 * time.Second, 10: 16 * time.Second, 15: 512 * time.Second, 16: 15 * time.Minute, 1000: 15 * time.Minute,
	} {
		if got := p.Pause(tries); got != want {
			t.Errorf("Pause(%d) = %v, want %v", tries, got, want)
		}
	}
}

func TestAMR(t *testing.T) {
	t.Parallel()
	tests := []struct {
		methods []signin.Method
		want    []string
	}{
		{[]signin.Method{signin.Password}, []string{"pwd"}},
		{[]signin.Method{signin.Password, signin.TOTP}, []string{"mfa", "otp", "pwd"}},
		{[]signin.Method{signin.Password, signin.RecoveryCode}, []string{"mfa", "otp", "pwd"}},
		{[]signin.Method{signin.Passkey}, []string{"mfa", "swk", "user"}},
		{[]signin.Method{signin.SAML}, nil},
	}
	for _, tt := range tests {
		var proofs []signin.Proof
		for _, m := range tt.methods {
			proofs = append(proofs, signin.Proof{Method: m})
		}
		if diff := cmp.Diff(tt.want, signin.AMR(proofs)); diff != "" {
			t.Errorf("AMR(%v): %s", tt.methods, diff)
		}
	}
}
