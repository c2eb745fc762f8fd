//go:build linux

package child

import "golang.org/x/sys/unix"

// oldCalls are those that newer instruction sets no longer have.
var oldCalls = []uint32{unix.SYS_OPEN, unix.SYS_CREAT, unix.SYS_UNLINK, unix.SYS_RENAME, unix.SYS_LINK, unix.SYS_SYMLINK}
