package httpapi

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// checkFraming refuses requests whose end a proxy and this server could see
// in different places (RFC 9112 sections 6.1, 6.3 and 11.2), and closes the
// connection, so that nothing after them is read as a request. fasthttp by
// itself serves Content-Length beside Transfer-Encoding, takes "identity", and
// unfolds headers.
func checkFraming(h *fasthttp.RequestHeader) *Problem {
	switch string(h.Protocol()) {
	case "HTTP/1.1", "HTTP/1.0":
	default:
		return badFraming("HTTP version " + quoted(h.Protocol()) + " is not HTTP/1.0 or HTTP/1.1")
	}
	hasLength, hasEncoding := false, false
	for rest := h.RawHeaders(); len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if len(line) == 0 {
			continue
		}
		switch line[0] {
		case ' ', '\t':
			return badFraming("a header is folded over several lines")
		case 'c', 'C':
			hasLength = hasLength || isHeader(line, "Content-Length")
		case 't', 'T':
			hasEncoding = hasEncoding || isHeader(line, "Transfer-Encoding")
		}
	}
	switch {
	case hasEncoding && hasLength:
		return badFraming("both Content-Length and Transfer-Encoding are given")
	case hasEncoding && h.ContentLength() != -1:
		return badFraming("the only Transfer-Encoding accepted is chunked")
	}
	return nil
}

// isHeader says whether a header line has the given name.
func isHeader(line []byte, name string) bool {
	return len(line) > len(name) && line[len(name)] == ':' &&
		bytes.EqualFold(line[:len(name)], []byte(name))
}

// crossSite says that a browser sends the request for a page of another site. A
// POST without a body needs nobody's leave there, and must not be enough to take
// a node out of its cluster.
func crossSite(h *fasthttp.RequestHeader) bool {
	switch string(h.Peek("Sec-Fetch-Site")) {
	case "cross-site", "same-site":
		return true
	}
	origin := h.Peek("Origin")
	_, host, ok := bytes.Cut(origin, []byte("://"))
	return len(origin) > 0 && (!ok || !bytes.EqualFold(host, h.Host()))
}

func badFraming(detail string) *Problem {
	p := newProblem(slugBadRequest, detail)
	p.closeConn = true
	return p
}

// splitTarget finds path and query in the raw request target (RFC 9112
// section 3.2). Nothing is decoded. The path of "OPTIONS *" is "*".
func splitTarget(h *fasthttp.RequestHeader) (path, query []byte, p *Problem) {
	target := h.RequestURI()
	if len(target) == 0 || (target[0] != '/' && string(target) != "*") {
		if target, p = originForm(target, h.Host()); p != nil {
			return nil, nil, p
		}
	}
	if bytes.IndexByte(target, '#') >= 0 {
		return nil, nil, newProblem(slugBadRequest,
			"the request target has a fragment: write %23 for '#' in a key")
	}
	path, query, _ = bytes.Cut(target, []byte{'?'})
	return path, query, nil
}

// originForm takes scheme and authority off an absolute-form target. Another
// authority than the Host header's would let a proxy's rules and ours see two
// different requests.
func originForm(target, host []byte) ([]byte, *Problem) {
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok || !(bytes.EqualFold(scheme, []byte("http")) || bytes.EqualFold(scheme, []byte("https"))) {
		return nil, badFraming("the request target " + quoted(target) + " is not a path")
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if len(host) > 0 && !bytes.EqualFold(rest[:end], host) {
		return nil, badFraming("the request target names " + quoted(rest[:end]) +
			", the Host header " + quoted(host))
	}
	if end == len(rest) || rest[end] == '?' {
		return append([]byte{'/'}, rest[end:]...), nil
	}
	return rest[end:], nil
}
