package httpapi

import (
	"strconv"

	"github.com/valyala/fasthttp"
)

// Problem is a refusal in the form of RFC 9457. Zero members are left out.
type Problem struct {
	Code      string // The slug; its type is /problems/<slug>.
	Status    int
	Title     string
	Detail    string
	ConfigKey string // The setting that decides, where there is one.
	Limit     int64
	Actual    int64

	deletedAt  int64  // When the key of a 404 was deleted, in Unix milliseconds.
	expiredAt  int64  // When it expired.
	try        string // What to do about it: the end of the page that the type leads to.
	current    string // The version that is there instead, of a 412.
	requestID  string // The name of the request.
	challenge  string // The WWW-Authenticate header of a 401.
	allow      string // The Allow header of a 405.
	accept     string // The Accept header of a 415.
	retryAfter int    // Seconds; the Retry-After header of a 429 or 503.
	syncing    bool   // Whether a read is refused by a node that takes over data.
	closeConn  bool   // Whether the connection's framing can no longer be trusted.
}

// newProblem starts a problem of one kind of the catalogue. A slug that is
// not in the catalogue is a bug of this package.
func newProblem(slug, detail string) *Problem {
	k, ok := lookupKind(slug)
	if !ok {
		panic("httpapi: no such problem: " + slug)
	}
	p := &Problem{Code: k.slug, Status: k.status, Title: k.title, Detail: detail, try: k.try()}
	if k.status == fasthttp.StatusServiceUnavailable {
		p.retryAfter = retryAfterSeconds
	}
	return p
}

// writeTo makes p the whole response.
func (p *Problem) writeTo(ctx *fasthttp.RequestCtx) {
	ctx.Response.Reset()
	h := &ctx.Response.Header
	ctx.SetStatusCode(p.Status)
	h.SetContentType(typeProblem)
	h.Set("X-Content-Type-Options", "nosniff")
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.accept != "" {
		h.Set("Accept", p.accept)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Code == slugPrecondition {
		h.SetCanonical([]byte(headerConsistency), []byte("local"))
	}
	if p.syncing {
		h.SetCanonical([]byte(headerMode), []byte(modeSyncing))
	}
	if p.closeConn {
		ctx.SetConnectionClose()
		// The client may still be sending what nobody will read.
		if c, ok := ctx.Conn().(*clientConn); ok {
			c.linger.Store(true)
		}
	}
	ctx.Response.SetBodyRaw(p.appendJSON(nil))
}

// appendJSON writes the problem document.
func (p *Problem) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"type":"/problems/`...)
	dst = append(dst, p.Code...)
	dst = append(dst, `","title":`...)
	dst = appendString(dst, p.Title)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(p.Status), 10)
	dst = append(dst, `,"detail":`...)
	dst = appendString(dst, p.Detail)
	dst = append(dst, `,"code":`...)
	dst = appendString(dst, p.Code)
	if p.ConfigKey != "" {
		dst = append(dst, `,"config_key":`...)
		dst = appendString(dst, p.ConfigKey)
	}
	if p.Limit != 0 {
		dst = append(dst, `,"limit":`...)
		dst = strconv.AppendInt(dst, p.Limit, 10)
	}
	if p.Actual != 0 {
		dst = append(dst, `,"actual":`...)
		dst = strconv.AppendInt(dst, p.Actual, 10)
	}
	if p.deletedAt != 0 {
		dst = append(dst, `,"deleted_at":`...)
		dst = strconv.AppendInt(dst, p.deletedAt, 10)
	}
	if p.expiredAt != 0 {
		dst = append(dst, `,"expired_at":`...)
		dst = strconv.AppendInt(dst, p.expiredAt, 10)
	}
	if p.current != "" {
		dst = append(dst, `,"current":"`+p.current+`"`...)
	}
	if p.retryAfter > 0 {
		dst = append(dst, `,"retry_after_ms":`...)
		dst = strconv.AppendInt(dst, int64(p.retryAfter)*1000, 10)
	}
	dst = append(dst, `,"try":`...)
	dst = appendString(dst, p.try)
	if p.requestID != "" {
		dst = append(dst, `,"request_id":`...)
		dst = appendString(dst, p.requestID)
	}
	return append(dst, "}\n"...)
}

// quoted is the client's own input, made safe to show in a detail.
func quoted[T ~string | ~[]byte](s T) string {
	if len(s) > quoteBytesMax {
		return strconv.Quote(string(s[:quoteBytesMax])) + "..."
	}
	return strconv.Quote(string(s))
}
