package httpapi

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/internal/metrics"
)

// AccessLog says which requests are logged, one line each.
type AccessLog string

// The kinds of access logs. AccessErrors are the answers of class 5xx.
const (
	AccessOff    AccessLog = "off"
	AccessErrors AccessLog = "errors"
	AccessAll    AccessLog = "all"
)

// routed writes into each endpoint what it is called in metrics and logs: the path of
// the table, never that of the request.
func routed(table map[string]endpoint) map[string]endpoint {
	for path, e := range table {
		e.route = path
		table[path] = e
	}
	return table
}

// routeNames are the names of all endpoints.
func routeNames() []string {
	return slices.Sorted(func(yield func(string) bool) {
		maps.Keys(fixed)(yield)
		maps.Keys(named)(yield)
	})
}

// watches says that somebody wants to know of requests.
func (s *Server) watches(x *exchange) bool {
	return s.meter != nil || x.access == AccessAll || x.access == AccessErrors
}

// beginWatched and endWatched go around a request.
func (s *Server) beginWatched(x *exchange) {
	if !s.watches(x) {
		return
	}
	if s.meter != nil {
		s.meter.Begin()
	}
	x.began = time.Now()
}

// endWatched counts and logs what was answered.
func (s *Server) endWatched(x *exchange) {
	if x.began.IsZero() {
		return
	}
	took, resp := time.Since(x.began), &x.ctx.Response
	if s.meter != nil {
		out := -1
		if !resp.IsBodyStream() {
			out = len(resp.Body())
		}
		s.meter.End(metrics.Request{
			Route: x.route, Method: x.ctx.Method(), Status: resp.StatusCode(), Took: took,
			In: len(x.ctx.Request.Body()), Out: out,
		})
	}
	if x.access == AccessAll || x.access == AccessErrors && resp.StatusCode() >= 500 {
		s.logAccess(x, took)
	}
}

// logAccess writes one line. It has neither the path nor the query, which hold keys,
// nor a header, which may hold a token.
func (s *Server) logAccess(x *exchange, took time.Duration) {
	route := x.route
	if route == "" {
		route = "other"
	}
	level := slog.LevelInfo
	if x.ctx.Response.StatusCode() >= 500 {
		level = slog.LevelWarn
	}
	s.log.LogAttrs(x.ctx, level, "request", slog.String("request_id", string(x.id)),
		slog.String("route", route), slog.String("method", methodName(x.ctx.Method())),
		slog.Int("status", x.ctx.Response.StatusCode()),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.String("actor", x.actor()))
}

// methodName is a method that HTTP knows, so that what a client makes up is not logged.
func methodName(method []byte) string {
	for _, known := range [...]string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"} {
		if known == string(method) {
			return known
		}
	}
	return "other"
}

// countRefusal counts what was refused for lack of rights or of patience.
func (s *Server) countRefusal(x *exchange, p *Problem) {
	if s.meter == nil {
		return
	}
	switch p.Status {
	case fasthttp.StatusUnauthorized:
		reason := "token"
		if len(x.ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)) == 0 {
			reason = "missing"
		}
		s.meter.Unauthorized(reason)
	case fasthttp.StatusForbidden:
		if p.Code == slugForbidden {
			s.meter.Unauthorized("rights")
		}
	case fasthttp.StatusTooManyRequests:
		reason := "address"
		if x.caller.User != "" && !x.limits.ByAddress {
			reason = "user"
		}
		s.meter.Limited(reason)
	}
}
