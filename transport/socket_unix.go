//go:build unix

package transport

import (
	"net"
	"syscall"
)

// receiveBuffer reads the size that the system granted.
func receiveBuffer(conn *net.UDPConn) (size int, ok bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	var optErr error
	err = raw.Control(func(fd uintptr) {
		size, optErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	return size, err == nil && optErr == nil
}
