package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// bufferWant is the receive buffer that quic-go asks the system for.
const bufferWant = 7 << 20

// bufferWarning is quic-go's switch against a line that it prints through the
// standard logger when the system grants less.
const bufferWarning = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"

// openSocket binds the one UDP socket of a transport. Its errors are for the
// person who wrote the address.
func openSocket(addr string, loopbackOnly bool) (*net.UDPConn, error) {
	ua, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for peers on %q: %w", addr, err)
	}
	if loopbackOnly && !ua.IP.IsLoopback() {
		return nil, fmt.Errorf("listen for peers on %q: without cluster_secret a node takes "+
			"peers on loopback only: set cluster_secret, the same on every node", addr)
	}
	conn, err := net.ListenUDP("udp", ua)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("UDP port %d on %q is in use by another program: "+
			"stop it or choose another port: %w", ua.Port, addr, err)
	case err != nil:
		return nil, fmt.Errorf("listen for peers on %q: %w", addr, err)
	}
	return conn, nil
}

// silenceLibrary turns quic-go's own warning off, unless the operator has set
// the switch either way. quic-go reads it when it first takes over a socket.
func silenceLibrary() error {
	if _, set := os.LookupEnv(bufferWarning); set {
		return nil
	}
	return os.Setenv(bufferWarning, "true")
}

// warnBuffer says once what quic-go would have said, in our words.
func warnBuffer(conn *net.UDPConn, log *slog.Logger) {
	if got, ok := receiveBuffer(conn); ok && got < bufferWant {
		log.Warn("the system limits the UDP receive buffer; bulk transfers may be slow",
			"bytes", got, "wanted", bufferWant,
			"remedy", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", bufferWant))
	}
}

// reachable says that a socket bound to local can send to a peer at ip.
func reachable(local net.Addr, ip netip.Addr) bool {
	ua, ok := local.(*net.UDPAddr)
	if !ok {
		return true
	}
	bound, ok := netip.AddrFromSlice(ua.IP)
	switch {
	case !ok:
		return true
	case bound.Unmap().Is4():
		return ip.Is4()
	default: // an unspecified IPv6 address reaches both families
		return bound.IsUnspecified() || ip.Is6()
	}
}

func isLoopback(a net.Addr) bool {
	ua, ok := a.(*net.UDPAddr)
	return ok && ua.IP.IsLoopback()
}
