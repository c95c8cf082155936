package httpapi

import "github.com/valyala/fasthttp"

// What scripts of other origins may send and see, beyond what they always may
// (Fetch standard, sections 2.2.2 and 3.3). Nothing here lets a browser send
// cookies: a script shows its token itself.
const (
	corsRequestHeaders  = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, KVS-Confirm, Prefer, X-Request-ID"
	corsResponseHeaders = "Allow, ETag, KVS-Mode, KVS-Replayed, KVS-Results-Filtered, Link, Location, " +
		"Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-ID"
	corsMaxAge = "600" // seconds for which a browser need not ask again
)

// allowsOrigin says whether scripts of an origin may use this node.
func (s *Server) allowsOrigin(origin []byte) bool {
	for _, allowed := range s.options.AllowedOrigins {
		if string(origin) == allowed {
			return true
		}
	}
	return false
}

// showOrigin tells a browser that the script which asks may see the answer. The
// answer names that one origin: never all, and others learn nothing.
func (s *Server) showOrigin(x *exchange) {
	if len(s.options.AllowedOrigins) == 0 {
		return
	}
	h := &x.ctx.Response.Header
	h.Add(fasthttp.HeaderVary, "Origin")
	request := &x.ctx.Request.Header
	origin := request.Peek(fasthttp.HeaderOrigin)
	if !s.allowsOrigin(origin) {
		return
	}
	h.SetBytesV(fasthttp.HeaderAccessControlAllowOrigin, origin)
	h.Set(fasthttp.HeaderAccessControlExposeHeaders, corsResponseHeaders)
	if x.ctx.IsOptions() && len(request.Peek(fasthttp.HeaderAccessControlRequestMethod)) > 0 {
		h.SetBytesV(fasthttp.HeaderAccessControlAllowMethods, h.Peek(fasthttp.HeaderAllow))
		h.Set(fasthttp.HeaderAccessControlAllowHeaders, corsRequestHeaders)
		h.Set(fasthttp.HeaderAccessControlMaxAge, corsMaxAge)
	}
}
