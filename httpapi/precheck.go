package httpapi

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"
)

// checkBody is every check of a PUT or PATCH that needs no body, so that a client that
// sent Expect: 100-continue is refused before it sends one.
func (s *Server) checkBody(x *exchange) (TTL, *Problem) {
	h := &x.ctx.Request.Header
	accepted := paramsPut
	if x.ctx.IsPatch() {
		accepted = paramsPatch
	}
	if p := x.query.parse(x.rawQuery, accepted); p != nil {
		return 0, p
	}
	var p *Problem
	if x.raw, p = x.query.flag(paramRaw, "raw"); p != nil {
		return 0, p
	}
	ttl := TTLDefault
	if x.query.has(paramTTL) {
		if ttl, p = parseTTL(x.query.value(paramTTL)); p != nil {
			return 0, p
		}
	}
	if p := checkMedia(h); p != nil {
		return 0, p
	}
	if p := x.readConditions(); p != nil {
		return 0, p
	}
	if n := h.ContentLength(); n > x.maxJSON {
		return 0, x.tooLarge(int64(n))
	}
	return ttl, nil
}

// body is that of a PUT or PATCH, with the TTL that its parameters ask for. A chunked
// one says its size only by its end.
func (s *Server) body(x *exchange) ([]byte, TTL, *Problem) {
	ttl, p := s.checkBody(x)
	if p != nil {
		return nil, 0, p
	}
	body := x.ctx.PostBody()
	if len(body) > x.maxJSON {
		return nil, 0, x.tooLarge(int64(len(body)))
	}
	return body, ttl, nil
}

// tooLarge refuses a body; actual is 0 where its size is not known.
func (t *tuned) tooLarge(actual int64) *Problem {
	limit := int64(t.maxJSON)
	detail := "the body is larger than max_json_size, " + strconv.FormatInt(limit, 10) + " bytes"
	if actual > 0 {
		detail = "the body has " + strconv.FormatInt(actual, 10) +
			" bytes, more than max_json_size, " + strconv.FormatInt(limit, 10)
	}
	p := newProblem(slugBodyTooLarge, detail)
	p.ConfigKey, p.Limit, p.Actual = "max_json_size", limit, actual
	return p
}

// checkMedia refuses bodies that say they are not plain JSON.
func checkMedia(h *fasthttp.RequestHeader) *Problem {
	if encoding := h.ContentEncoding(); len(encoding) > 0 &&
		!bytes.EqualFold(encoding, []byte("identity")) {
		return unsupportedMedia("Content-Encoding " + quoted(encoding) +
			" is not accepted: send the JSON text itself")
	}
	kind := h.ContentType()
	if len(kind) == 0 || isJSONType(kind) {
		return nil
	}
	detail := "Content-Type " + quoted(kind) + " is not JSON; accepted are application/json, " +
		"any type that ends in +json, or none"
	if bytes.HasPrefix(kind, []byte("application/x-www-form-urlencoded")) {
		detail += "; with curl -d add -H 'Content-Type: application/json'"
	}
	return unsupportedMedia(detail)
}

// isJSONType accepts application/json and every +json type (RFC 6839 section
// 3.1). Parameters are ignored: JSON is UTF-8 whatever a charset says.
func isJSONType(kind []byte) bool {
	kind, _, _ = bytes.Cut(kind, []byte{';'})
	kind = bytes.TrimSpace(kind)
	if bytes.EqualFold(kind, []byte(typeJSON)) {
		return true
	}
	const suffix = "+json"
	slash := bytes.IndexByte(kind, '/')
	at := len(kind) - len(suffix)
	return slash > 0 && at > slash+1 && bytes.EqualFold(kind[at:], []byte(suffix))
}

func unsupportedMedia(detail string) *Problem {
	p := newProblem(slugUnsupportedMedia, detail)
	p.accept = typeJSON
	return p
}

// readConditions reads the conditions of a write. One that is not known here is
// refused: to write without it would overwrite exactly what the client wanted to
// protect.
func (x *exchange) readConditions() (p *Problem) {
	h := &x.ctx.Request.Header
	if len(h.Peek("If-Unmodified-Since")) > 0 {
		return newProblem(slugBadRequest, "If-Unmodified-Since is not supported on writes, "+
			"since many versions share a second; nothing was stored. Use If-Match with the ETag")
	}
	x.conditions, p = conditions(h)
	return p
}
