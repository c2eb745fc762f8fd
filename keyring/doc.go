// Package keyring holds the keys that live outside the database: one set seals secrets at rest, one signs the audit chain.
//
// Read [Keyring] first. The key file is made once and loaded at every start:
//
//	err := keyring.Create("/etc/espalier/key")          // by init; mode 0600, never overwrites
//	k, err := keyring.Load("/etc/espalier/key")         // refuses a file that others may read
//	sealed, err := k.Seal(private, []byte("signing_key/"+kid))
//	private, err = k.Open(sealed, []byte("signing_key/"+kid))
//
// The associated data names the row a sealed value belongs to: a value copied to another row does not open.
// The keys are Tink keysets, so that a set may hold several keys: the primary one seals and signs, the others still open
// and verify. Where the file lies, and who keeps a copy of it, is left to the operator (docs/adr/0007-key-file.md).
package keyring
