package httpapi

import (
	"net/netip"
	"strconv"
	"time"
)

// RateLimit is how many requests one client may send to this node. The zero
// RateLimit is none.
type RateLimit struct {
	// Requests is how many a client may send in a Window: all at once, after
	// which they come back one by one. At least 1.
	Requests int
	// Window is at least a second.
	Window time.Duration
	// ByAddress counts by address also those whose token is known.
	ByAddress bool
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
}

// limiter counts requests by who sends them: by user where a token says who it is,
// and by address until then. It is nil where nothing is limited.
type limiter struct {
	*quotas
	RateLimit
	policy []byte // the RateLimit-Policy header
}

func newLimiter(r RateLimit) *limiter {
	if r.Requests == 0 {
		return nil
	}
	l := &limiter{quotas: newQuotas(r.Requests, r.Window), RateLimit: r}
	l.policy = append(l.policy, `"default";q=`...)
	l.policy = strconv.AppendInt(l.policy, int64(r.Requests), 10)
	l.policy = append(l.policy, `;w=`...)
	l.policy = strconv.AppendInt(l.policy, int64(seconds(r.Window)), 10)
	return l
}

// chargeAddress counts a request whose sender is nobody in particular.
func (s *Server) chargeAddress(x *exchange) *Problem {
	if x.limits == nil {
		return nil
	}
	return s.charge(x, x.limits.address(clientAddress(x.ctx, x.limits.TrustedProxies)))
}

// chargeCaller counts a request whose sender has shown a good token.
func (s *Server) chargeCaller(x *exchange) *Problem {
	if x.limits == nil || x.limits.ByAddress {
		return s.chargeAddress(x)
	}
	return s.charge(x, x.limits.user(x.caller.User))
}

// charge counts one request, or refuses it. One that asked for leave to send its
// body (Expect: 100-continue) was counted when it asked.
func (s *Server) charge(x *exchange, c client) *Problem {
	x.limited = true
	if x.counted {
		x.quota = x.limits.look(c)
		return nil
	}
	x.quota = x.limits.take(c)
	if x.quota.refused {
		return s.rateLimited(x)
	}
	return nil
}

// mayTry refuses to look at a token that is not known already, where its sender's
// address has no requests left: so that guessing is bounded, and what it costs.
func (s *Server) mayTry(x *exchange) *Problem {
	if x.limits == nil || x.counted {
		return nil
	}
	x.quota = x.limits.look(x.limits.address(clientAddress(x.ctx, x.limits.TrustedProxies)))
	if x.limited = true; x.quota.retry > 0 {
		return s.rateLimited(x)
	}
	return nil
}

// rateLimited is a 429 (RFC 6585 section 4).
func (s *Server) rateLimited(x *exchange) *Problem {
	l := x.limits
	p := newProblem(slugRateLimited, "this node serves a client rate_limit_requests, "+
		strconv.Itoa(l.Requests)+", in rate_limit_window, "+l.Window.String()+"; one more is free in "+
		strconv.Itoa(seconds(x.quota.retry))+" s")
	p.ConfigKey, p.Limit = "rate_limit_requests", int64(l.Requests)
	p.retryAfter = seconds(x.quota.retry)
	return p
}

// showQuota adds the headers of draft-ietf-httpapi-ratelimit-headers-10: what the
// client may do at most, and what it has left.
func (s *Server) showQuota(x *exchange) {
	if !x.limited {
		return
	}
	h := &x.ctx.Response.Header
	h.SetCanonical([]byte("RateLimit-Policy"), x.limits.policy)
	x.buf = append(x.buf[:0], `"default";r=`...)
	x.buf = strconv.AppendInt(x.buf, x.quota.remaining, 10)
	x.buf = append(x.buf, `;t=`...)
	x.buf = strconv.AppendInt(x.buf, int64(seconds(x.quota.reset)), 10)
	h.SetCanonical([]byte("RateLimit"), x.buf)
}

// seconds rounds up: who waits that long has waited enough.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
