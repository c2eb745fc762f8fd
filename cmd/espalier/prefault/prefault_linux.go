package prefault

import (
	"syscall"
	"unsafe"
)

// chunk is what the Go heap grows by and is aligned to, and what a start fills in any case: no memory is used that would not be.
const chunk = 4 << 20

// populateWrite is MADV_POPULATE_WRITE, since Linux 5.14; older kernels refuse it, which changes nothing. Package syscall has no
// name for it, and packages that have are initialized later than this one should be.
const populateWrite = 23

// first lies in the heap's first chunk.
var first *[1024]byte

func init() { populate() }

func populate() (uintptr, uintptr, syscall.Errno) {
	if first == nil {
		first = new([1024]byte)
	}
	start := uintptr(unsafe.Pointer(first)) &^ (chunk - 1)
	return syscall.RawSyscall(syscall.SYS_MADVISE, start, chunk, populateWrite)
}
