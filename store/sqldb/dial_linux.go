package sqldb

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// giveUp makes the kernel end a connection whose data nobody acknowledges for so long: of a host that vanished, which keep-alive
// alone does not notice while data is on its way. Source: tcp(7), TCP_USER_TIMEOUT.
func giveUp(after time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		if network == "unix" {
			return nil
		}
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
		})
		if err == nil {
			err = failed
		}
		return err
	}
}
