package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"espalier.dev/errs"
	"espalier.dev/store/sqldb"
)

// WriteFile is Write into a file that only its owner can read. The file gets its name, in place of an older one, when it is
// whole and on the disk; until then it is path with .part after it.
func WriteFile(ctx context.Context, db *sqldb.DB, path, product string) (s Summary, err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return s, errs.Conflictf("", "%s is there: another backup is being written; if none is, one was interrupted, and the file can be removed", part)
	}
	if err != nil {
		return s, fmt.Errorf("make the backup's file: %w", err)
	}
	out := bufio.NewWriterSize(f, 1<<16)
	s, err = Write(ctx, db, out, product)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return s, errors.Join(fmt.Errorf("write the backup %s: %w", path, err), os.Remove(part))
	}
	return s, syncFolder(filepath.Dir(path))
}

// syncFolder makes a file's new name durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync the backup's folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync the backup's folder: %w", err)
	}
	return nil
}
