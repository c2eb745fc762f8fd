package keyring

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

func created(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, path string) *Keyring {
	t.Helper()
	k, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	path := created(t)
	k, again, other := load(t, path), load(t, path), load(t, created(t))
	sealed, err := k.Seal([]byte("secret"), []byte("signing_key/a"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for _, tt := range []struct {
		name   string
		k      *Keyring
		sealed []byte
		row    string
		want   string // "" for a refusal
	}{
		{"same file", again, sealed, "signing_key/a", "secret"},
		{"another row", k, sealed, "signing_key/b", ""},
		{"another key file", other, sealed, "signing_key/a", ""},
		{"a changed bit", k, changed, "signing_key/a", ""},
		{"nothing", k, nil, "signing_key/a", ""},
		{"zero keyring", &Keyring{}, sealed, "signing_key/a", ""},
	} {
		got, err := tt.k.Open(tt.sealed, []byte(tt.row))
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: Open = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	if _, err := new(Keyring).Seal(nil, nil); err == nil {
		t.Error("zero keyring seals")
	}
}

func TestMAC(t *testing.T) {
	t.Parallel()
	path := created(t)
	sum := func(k *Keyring, text string) string {
		h, err := k.MAC(k.MACKey())
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte("something before"))
		h.Reset()
		h.Write([]byte(text))
		return string(h.Sum(nil))
	}
	k := load(t, path)
	if a, b := sum(k, "entry"), sum(load(t, path), "entry"); a != b || len(a) != 32 {
		t.Errorf("two loads of one file give MACs %x and %x, want one of 32 bytes", a, b)
	}
	if a, b := sum(k, "entry"), sum(load(t, created(t)), "entry"); a == b {
		t.Error("two key files give the same MAC")
	}
	if _, err := k.MAC(k.MACKey() + 1); err == nil {
		t.Error("MAC under an unknown key")
	}
}

// A file whose sets got a new primary key still opens and verifies what the old one made.
func TestRotatedFile(t *testing.T) {
	t.Parallel()
	path := created(t)
	before := load(t, path)
	sealed, err := before.Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	addPrimaries(t, path)
	after := load(t, path)
	if got, err := after.Open(sealed, nil); err != nil || string(got) != "secret" {
		t.Errorf("Open after rotation = %q, %v", got, err)
	}
	if after.MACKey() == before.MACKey() {
		t.Error("the MAC key is still the old one")
	}
	if _, err := after.MAC(before.MACKey()); err != nil {
		t.Errorf("the old MAC key is gone: %v", err)
	}
	resealed, err := after.Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Open(resealed, nil); err == nil {
		t.Error("the old key opens what was sealed after rotation")
	}
}

func addPrimaries(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	for _, set := range []*json.RawMessage{&f.Seal, &f.MAC} {
		h, err := unmarshal(*set)
		if err != nil {
			t.Fatal(err)
		}
		*set = withNewPrimary(t, h)
	}
	if text, err = json.Marshal(f); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func withNewPrimary(t *testing.T, h *keyset.Handle) []byte {
	t.Helper()
	e, err := h.Primary()
	if err != nil {
		t.Fatal(err)
	}
	m := keyset.NewManagerFromHandle(h)
	id, err := m.AddNewKeyFromParameters(e.Key().(interface{ Parameters() key.Parameters }).Parameters())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	if h, err = m.Handle(); err != nil {
		t.Fatal(err)
	}
	text, err := marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	path := created(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Create(path); err == nil || !strings.Contains(err.Error(), path+" exists") {
		t.Errorf("Create over a key file: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key file changed (%v)", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
	if err := Create(filepath.Join(path, "below a file")); err == nil {
		t.Error("Create below a file succeeds")
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(created(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"readable by all", string(whole), 0o604, "has mode 0604, so that others than its owner can use it: run chmod 600 "},
		{"readable by the group", string(whole), 0o640, "run chmod 600 "},
		{"writable by the group", string(whole), 0o620, "run chmod 600 "},
		{"empty", "", 0o600, "is not JSON"},
		{"not JSON", "-----BEGIN PRIVATE KEY-----", 0o600, "is not JSON"},
		{"cut off", string(whole[:len(whole)/2]), 0o600, "is not JSON"},
		{"other JSON", `{"primaryKeyId": 1}`, 0o600, `member format is ""`},
		{"a later format", `{"format":"espalier key file 2"}`, 0o600, `member format is "espalier key file 2"`},
		{"no keys", `{"format":"espalier key file 1"}`, 0o600, "member seal"},
		{"sets swapped", strings.NewReplacer(`"seal"`, `"mac"`, `"mac"`, `"seal"`).Replace(string(whole)), 0o600, "member seal"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Load = %v, want the path and %q", tt.name, err, tt.want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Load of an absent file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("Load of a folder: %v", err)
	}
}

// Loading is on the way to "ready"; its price is watched roughly, and exactly by the benchmark.
func TestLoadIsQuick(t *testing.T) {
	t.Parallel()
	path := created(t)
	best := time.Hour
	for range 20 {
		start := time.Now()
		load(t, path)
		best = min(best, time.Since(start))
	}
	if best > 2*time.Millisecond {
		t.Errorf("Load takes %v at best, want under 2 ms", best)
	}
}

func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), "key")
	if err := Create(path); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMAC(b *testing.B) {
	path := filepath.Join(b.TempDir(), "key")
	if err := Create(path); err != nil {
		b.Fatal(err)
	}
	k, err := Load(path)
	if err != nil {
		b.Fatal(err)
	}
	h, err := k.MAC(k.MACKey())
	if err != nil {
		b.Fatal(err)
	}
	entry := make([]byte, 300)
	var sum [32]byte
	for b.Loop() {
		h.Reset()
		h.Write(entry)
		h.Sum(sum[:0])
	}
}
