//go:build !unix

package transport

import "net"

// receiveBuffer cannot tell what the system granted here.
func receiveBuffer(*net.UDPConn) (size int, ok bool) { return 0, false }
