package httpapi

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"
)

// endpoint is where a path leads.
type endpoint struct {
	allow string // The methods, as the Allow header lists them.
	serve func(*Server, *exchange) *Problem
	vital bool // Whether it answers past max_connections.
	need  need // What it asks of its caller.
	once  bool // Whether its changes heed Idempotency-Key.

	action string // What its changes are called in the audit log; empty for those not logged as events.
}

const (
	allowRead = "GET, HEAD, OPTIONS"
	allowKV   = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"

	allowPrefix = "GET, HEAD, DELETE, OPTIONS"
)

// locate finds the endpoint of a raw path; for a path under /kv/ it sets the
// exchange's key.
func (x *exchange) locate(path []byte) (endpoint, *Problem) {
	if key, ok := bytes.CutPrefix(path, []byte("/kv/")); ok {
		return x.locateKV(key)
	}
	switch string(path) {
	case "/kv":
		return endpoint{}, invalidKey("the key is empty")
	case "/health":
		return endpoint{allow: allowRead, serve: (*Server).serveHealth, vital: true, need: needNothing}, nil
	case "/healthz":
		return endpoint{allow: allowRead, serve: (*Server).serveAlive, vital: true, need: needNothing}, nil
	case "/readyz":
		return endpoint{allow: allowRead, serve: (*Server).serveReady, vital: true, need: needNothing}, nil
	case "/members", "/members/":
		return endpoint{allow: allowRead, serve: (*Server).serveMembers, need: needNothing}, nil
	case "/sync/merkle/root":
		return endpoint{allow: allowRead, serve: (*Server).serveRoot}, nil
	case "/version":
		return endpoint{allow: allowRead, serve: (*Server).serveVersion, need: needNothing}, nil
	case "/changes":
		return endpoint{allow: allowRead, serve: (*Server).serveChanges, need: needToken}, nil
	case "/conflicts":
		return endpoint{allow: allowRead, serve: (*Server).serveConflicts, need: needToken}, nil
	case "/sync/status":
		return endpoint{allow: allowRead, serve: (*Server).serveSyncStatus}, nil
	case "/sync/diff":
		return endpoint{allow: allowRead, serve: (*Server).serveDiff}, nil
	case "/sync/now":
		return endpoint{allow: allowPost, serve: (*Server).serveSyncNow}, nil
	case "/members/leave":
		return endpoint{allow: allowPost, serve: (*Server).serveLeave, action: "node.leave"}, nil
	case "/admin/mode":
		return endpoint{allow: allowPut, serve: (*Server).serveMode, action: "node.mode"}, nil
	case "/admin/rewind":
		return endpoint{allow: allowPost, serve: (*Server).serveRewind, action: "data.rewind"}, nil
	case "/audit":
		return endpoint{allow: allowRead, serve: (*Server).serveAudit}, nil
	case "/audit/checkpoints":
		return endpoint{allow: allowRead, serve: (*Server).serveAnchors}, nil
	}
	if e, ok := x.locateAuth(path); ok {
		return e, nil
	}
	if key, ok := bytes.CutPrefix(path, []byte("/acl/")); ok {
		return x.locateACL(key)
	}
	if id, ok := bytes.CutPrefix(path, []byte("/members/")); ok {
		return x.locateMember(id)
	}
	if slug, ok := bytes.CutPrefix(path, []byte("/problems/")); ok {
		x.key = string(slug)
		return endpoint{allow: allowRead, serve: (*Server).serveProblem, need: needNothing}, nil
	}
	return endpoint{}, newProblem(slugNotFound, "there is no endpoint "+quoted(path))
}

// locateKV tells the endpoints under /kv/ from keys. Both go through the same
// decoding, so that /kv/%5Frange is /kv/_range and nothing else.
func (x *exchange) locateKV(raw []byte) (endpoint, *Problem) {
	if isPrefix(&x.ctx.Request.Header, raw) {
		return x.locatePrefix(raw)
	}
	key, p := decodeKey(raw)
	if p != nil {
		return endpoint{}, p
	}
	x.key = key
	if !isReserved(key) {
		return endpoint{allow: allowKV, serve: (*Server).serveKV, need: needRights, once: true}, nil
	}
	switch string(x.ctx.Method()) {
	case fasthttp.MethodPut, fasthttp.MethodPatch, fasthttp.MethodDelete:
		// A key, in the client's eyes: say why it cannot be one.
		return endpoint{}, reservedKey(key)
	}
	switch key {
	case "_range":
		return endpoint{allow: allowRead, serve: (*Server).serveRange, need: needToken}, nil
	case "_recent":
		return endpoint{allow: allowRead, serve: (*Server).serveRecent, need: needToken}, nil
	case "_batch":
		return endpoint{allow: allowPost, serve: (*Server).serveBatch, need: needToken, once: true}, nil
	}
	return endpoint{}, reservedKey(key)
}

// locateMember finds the endpoint of one member. Its name is one segment.
func (x *exchange) locateMember(raw []byte) (endpoint, *Problem) {
	name, ok := decodeForm(bytes.ReplaceAll(raw, []byte("+"), []byte("%2B")))
	if !ok || name == "" || bytes.IndexByte(raw, '/') >= 0 {
		return endpoint{}, newProblem(slugNotFound, "there is no endpoint /members/"+quoted(raw))
	}
	x.key = name
	return endpoint{allow: allowDelete, serve: (*Server).serveForget, action: "member"}, nil
}

// allows says whether a method is in the endpoint's list.
func (e endpoint) allows(method []byte) bool {
	for rest, more := e.allow, true; more; {
		var name string
		if name, rest, more = strings.Cut(rest, ", "); name == string(method) {
			return true
		}
	}
	return false
}

// route serves one request and returns the refusal, if it is one.
func (s *Server) route(x *exchange) *Problem {
	e, p := s.accept(x)
	if p != nil {
		s.note(x, e, p)
		return p
	}
	if e.serve == nil {
		x.ctx.Response.Header.Set("Allow", e.allow)
		x.ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
		return nil
	}
	if e.once {
		p = s.once(x, e.serve)
	} else {
		p = e.serve(s, x)
	}
	s.note(x, e, p)
	return p
}

// accept makes every check that needs no body, and counts the request. One that
// closes its connection is not counted: connecting again costs more.
func (s *Server) accept(x *exchange) (endpoint, *Problem) {
	e, p := s.resolve(x)
	switch {
	case p != nil && p.closeConn, p == nil && e.vital:
		return e, p
	case p != nil || e.serve == nil:
		if limited := s.chargeAddress(x); limited != nil {
			return e, limited
		}
		return e, p
	}
	return e, s.authorise(x, e)
}

// resolve makes every check that does not depend on the endpoint. An endpoint
// without serve is an answered OPTIONS.
func (s *Server) resolve(x *exchange) (endpoint, *Problem) {
	h := &x.ctx.Request.Header
	if p := checkFraming(h); p != nil {
		return endpoint{}, p
	}
	path, query, p := splitTarget(h)
	if p != nil {
		return endpoint{}, p
	}
	x.rawQuery = query
	method := h.Method()
	if string(path) == "*" && h.IsOptions() {
		return endpoint{allow: allowKV}, nil
	}
	e, p := x.locate(path)
	if p != nil {
		return endpoint{}, p
	}
	if !e.vital && s.crowded() {
		return endpoint{}, s.overloaded()
	}
	if h.IsOptions() {
		return endpoint{allow: e.allow}, nil
	}
	if h.IsPost() && crossSite(h) && !s.allowsOrigin(h.Peek(fasthttp.HeaderOrigin)) {
		return endpoint{}, newProblem(slugForbidden, "a page of another site may not order this of a node")
	}
	if !e.allows(method) {
		p := newProblem(slugMethodNotAllowed,
			quoted(method)+" is not a method of this endpoint; it has "+e.allow)
		p.allow = e.allow
		return endpoint{}, p
	}
	return e, nil
}
