package httpapi

import (
	"bytes"
	"net"
	"net/netip"
	"slices"

	"github.com/valyala/fasthttp"
)

// forwardedMax bounds how many proxies in a row are believed.
const forwardedMax = 16

// clientAddress is whom a request comes from: the other end of its connection,
// or, where that is a trusted proxy, the last address of X-Forwarded-For that is
// none. Everything before that one was written by somebody untrusted, and counts
// for nothing. It is the zero Addr where connections have no addresses.
func clientAddress(ctx *fasthttp.RequestCtx, trusted []netip.Prefix) netip.Addr {
	tcp, ok := ctx.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	peer := tcp.AddrPort().Addr().Unmap().WithZone("")
	if len(trusted) == 0 || !isTrusted(peer, trusted) {
		return peer
	}
	// Several headers are one list (RFC 9110 section 5.3).
	lines := ctx.Request.Header.PeekAll("X-Forwarded-For")
	hops := 0
	for _, line := range slices.Backward(lines) {
		for more := true; more && hops < forwardedMax; hops++ {
			at := bytes.LastIndexByte(line, ',')
			hop, ok := forwardedHop(line[at+1:])
			if !ok {
				return peer // The proxy that we asked last does not know either.
			}
			if peer = hop; !isTrusted(peer, trusted) {
				return peer
			}
			if more = at >= 0; more {
				line = line[:at]
			}
		}
	}
	return peer
}

// forwardedHop reads one address as proxies write it, with or without a port.
func forwardedHop(text []byte) (netip.Addr, bool) {
	s := string(bytes.TrimSpace(text))
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(s)
	return a.Addr().Unmap().WithZone(""), err == nil
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}
