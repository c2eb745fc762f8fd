//go:build unix

package sqldb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"espalier.dev/errs"
)

// lockFolder keeps a second server out of dir until the returned file is closed. The kernel drops the lock of a process
// that dies, so that no stale one is left; the file itself stays.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errs.Conflictf("", "the data folder %s is in use by another espalier: stop that one first, or name another folder", dir)
	}
	return nil, fmt.Errorf("lock the data folder %s: %w", dir, err)
}
