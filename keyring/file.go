package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkhmac "github.com/tink-crypto/tink-go/v2/mac/hmac"
)

// format marks a key file and its version.
const format = "espalier key file 1"

// maxFile bounds what is read: a set of a thousand keys is smaller.
const maxFile = 1 << 20

// file is the JSON of a key file: {"format": "...", "seal": {keyset}, "mac": {keyset}}.
type file struct {
	Format string          `json:"format"`
	Seal   json.RawMessage `json:"seal"`
	MAC    json.RawMessage `json:"mac"`
}

// Create makes new keys and writes them to path with mode 0600. It never overwrites: what an existing key file sealed
// could not be read again. The file and its folder are synced before it returns.
func Create(path string) error {
	// XChaCha20-Poly1305 draws its nonce at random from 192 bits: any number of values may be sealed without a counter.
	sealing, err := xchacha20poly1305.NewParameters(xchacha20poly1305.VariantTink)
	if err != nil {
		return fmt.Errorf("make sealing key: %w", err)
	}
	signing, err := tinkhmac.NewParameters(tinkhmac.ParametersOpts{
		KeySizeInBytes: 32, TagSizeInBytes: 32, HashType: tinkhmac.SHA256, Variant: tinkhmac.VariantTink,
	})
	if err != nil {
		return fmt.Errorf("make MAC key: %w", err)
	}
	f := file{Format: format}
	if f.Seal, err = newKeyset(sealing); err != nil {
		return fmt.Errorf("make sealing key: %w", err)
	}
	if f.MAC, err = newKeyset(signing); err != nil {
		return fmt.Errorf("make MAC key: %w", err)
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return writeNew(path, append(text, '\n'))
}

// newKeyset makes a keyset of one new primary key and returns it as JSON.
func newKeyset(p key.Parameters) ([]byte, error) {
	m := keyset.NewManager()
	id, err := m.AddNewKeyFromParameters(p)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	h, err := m.Handle()
	if err != nil {
		return nil, err
	}
	return marshal(h)
}

func marshal(h *keyset.Handle) ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s exists and is not overwritten, since what it sealed could not be read again: move it away or name another file", path)
	}
	if err != nil {
		return fmt.Errorf("create key file %s: %w", path, cause(err))
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write key file %s: %w", path, cause(err)), os.Remove(path))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the name of a new file as durable as its content.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder of the key file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder of the key file: %w", err)
	}
	return nil
}

// Load reads a key file. It refuses a file that is missing, that the group or others may read or write, or that is not a
// key file, in a sentence that names the path and the remedy.
func Load(path string) (*Keyring, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	k, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole key file (%w): restore it from the copy kept outside the database, since no other file opens what it sealed", path, err)
	}
	return k, nil
}

// readPrivate reads a file only its owner can read. The mode is that of the open file, so that it cannot be swapped
// between the look and the reading.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key file %s does not exist: name the right one with --key-file; `espalier init` makes it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s cannot be opened (%w): chown it to the user the server runs as", path, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s is no regular file: name the file itself with --key-file", path)
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("key file %s has mode %04o, so that others than its owner can use it: run chmod 600 %s", path, m, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, cause(err))
	}
	return text, nil
}

func parse(text []byte) (*Keyring, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if f.Format != format {
		return nil, fmt.Errorf("member format is %q, want %q", f.Format, format)
	}
	seal, err := unmarshal(f.Seal)
	if err != nil {
		return nil, fmt.Errorf("member seal: %w", err)
	}
	mac, err := unmarshal(f.MAC)
	if err != nil {
		return nil, fmt.Errorf("member mac: %w", err)
	}
	return fromKeysets(seal, mac)
}

func unmarshal(text []byte) (*keyset.Handle, error) {
	return insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
}

// cause drops the operation and the path of err, which the sentence around it names already.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
