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
	vital bool   // Whether it answers past max_connections.
	need  need   // What it asks of its caller.
	route string // What it is called in metrics and logs.
	once  bool   // Whether its changes heed Idempotency-Key.
	free  bool   // Whether rate limits pass it over: a few bytes that are the same for everybody.

	action string // What its changes are called in the audit log; empty for those not logged as events.
}

const (
	allowRead = "GET, HEAD, OPTIONS"
	allowKV   = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"

	allowPrefix = "GET, HEAD, DELETE, OPTIONS"
)

// fixed are the endpoints that have one path. It is never written to.
var fixed = routed(map[string]endpoint{
	"/health":                {allow: allowRead, serve: (*Server).serveHealth, vital: true, need: needNothing},
	"/healthz":               {allow: allowRead, serve: (*Server).serveAlive, vital: true, need: needNothing},
	"/readyz":                {allow: allowRead, serve: (*Server).serveReady, vital: true, need: needNothing},
	"/version":               {allow: allowRead, serve: (*Server).serveVersion, need: needNothing},
	"/licenses":              {allow: allowRead, serve: (*Server).serveLicenses, need: needNothing},
	"/openapi.yaml":          {allow: allowRead, serve: (*Server).serveOpenAPI, need: needNothing},
	"/openapi.json":          {allow: allowRead, serve: (*Server).serveOpenAPIJSON, need: needNothing},
	"/docs":                  {allow: allowRead, serve: (*Server).serveDocs, need: needNothing},
	"/console/":              {allow: allowRead, serve: (*Server).serveConsole, need: needNothing},
	"/members/":              {allow: allowRead, serve: (*Server).serveMembers, need: needNothing},
	"/members/leave":         {allow: allowPost, serve: (*Server).serveLeave, action: "node.leave"},
	"/changes":               {allow: allowRead, serve: (*Server).serveChanges, need: needToken},
	"/conflicts":             {allow: allowRead, serve: (*Server).serveConflicts, need: needToken},
	"/sync/merkle/root":      {allow: allowRead, serve: (*Server).serveRoot, need: needToken},
	"/sync/status":           {allow: allowRead, serve: (*Server).serveSyncStatus},
	"/sync/diff":             {allow: allowRead, serve: (*Server).serveDiff},
	"/sync/now":              {allow: allowPost, serve: (*Server).serveSyncNow},
	"/admin/mode":            {allow: allowPut, serve: (*Server).serveMode, action: "node.mode"},
	"/admin/rewind":          {allow: allowPost, serve: (*Server).serveRewind, action: "data.rewind"},
	"/admin/backups":         {allow: allowList, serve: (*Server).serveBackups, action: "backup"},
	"/admin/restore":         {allow: allowPost, serve: (*Server).serveRestore, action: "data.restore"},
	"/audit":                 {allow: allowRead, serve: (*Server).serveAudit},
	"/audit/checkpoints":     {allow: allowRead, serve: (*Server).serveAnchors},
	"/auth/whoami":           {allow: allowRead, serve: (*Server).serveWhoami, need: needToken},
	"/auth/users":            {allow: allowList, serve: (*Server).serveUsers, action: "auth.user"},
	"/auth/groups":           {allow: allowList, serve: (*Server).serveGroups, action: "auth.group"},
	"/auth/tokens":           {allow: allowList, serve: (*Server).serveTokens, action: "auth.token"},
	"/auth/keys/rotate":      {allow: allowPost, serve: (*Server).serveRotate, action: "auth.key"},
	"/.well-known/jwks.json": {allow: allowRead, serve: (*Server).serveJWKS, need: needNothing},
	"/config/reload":         {allow: allowPost, serve: (*Server).serveReload, action: "node.reload"},
	"/metrics":               {allow: allowRead, serve: (*Server).serveMetrics, need: needScrape},
	"/status":                {allow: allowRead, serve: (*Server).serveStatus},
	"/lab":                   {allow: allowList, serve: (*Server).serveLab},
	"/debug/log-level":       {allow: allowGetPut, serve: (*Server).serveLogLevel, action: "node.log-level"},
	"/debug/flight":          {allow: allowRead, serve: (*Server).serveFlight},
	"/debug/pprof/":          {allow: allowRead, serve: (*Server).serveProfile},
})

// named are the endpoints with a name in their path: of a key, a member or whatever
// else. It is never written to.
var named = routed(map[string]endpoint{
	"/kv/{key}":                    {allow: allowKV, serve: (*Server).serveKV, need: needRights, once: true},
	"/kv/{path}/":                  {allow: allowPrefix, serve: (*Server).serveBelow, need: needToken, once: true},
	"/kv/_range":                   {allow: allowRead, serve: (*Server).serveRange, need: needToken},
	"/kv/_recent":                  {allow: allowRead, serve: (*Server).serveRecent, need: needToken},
	"/kv/_batch":                   {allow: allowPost, serve: (*Server).serveBatch, need: needToken, once: true},
	"/acl/{key}":                   {allow: allowACL, serve: (*Server).serveACL, need: needToken, action: "auth.acl"},
	"/members/{id}":                {allow: allowDelete, serve: (*Server).serveForget, action: "member"},
	"/auth/users/{id}":             {allow: allowItem, serve: (*Server).serveUser, action: "auth.user"},
	"/auth/groups/{id}":            {allow: allowItem, serve: (*Server).serveGroup, action: "auth.group"},
	"/auth/tokens/{id}":            {allow: allowDelete, serve: (*Server).serveRevoke, action: "auth.token"},
	"/admin/backups/{id}":          {allow: allowPrefix, serve: (*Server).serveBackup, action: "backup"},
	"/admin/backups/{id}/download": {allow: allowRead, serve: (*Server).serveDownload},
	"/debug/pprof/{id}":            {allow: allowRead, serve: (*Server).serveProfile},
	"/problems/{slug}":             {allow: allowRead, serve: (*Server).serveProblem, need: needNothing},
	"/console/{file}":              {allow: allowRead, serve: (*Server).serveConsoleFile, need: needNothing, free: true},
})

// locate finds the endpoint of a raw path and, for one with a name in it, sets the
// exchange's key.
func (x *exchange) locate(path []byte) (endpoint, *Problem) {
	if key, ok := bytes.CutPrefix(path, []byte("/kv/")); ok {
		return x.locateKV(key)
	}
	if e, ok := fixed[string(path)]; ok {
		return e, nil
	}
	switch string(path) {
	case "/kv":
		return endpoint{}, invalidKey("the key is empty")
	case "/members":
		return fixed["/members/"], nil
	case "/console":
		return fixed["/console/"], nil
	}
	if file, ok := bytes.CutPrefix(path, []byte("/console/")); ok {
		return x.locateConsole(file), nil
	}
	if key, ok := bytes.CutPrefix(path, []byte("/acl/")); ok {
		return x.locateACL(key)
	}
	if id, ok := bytes.CutPrefix(path, []byte("/members/")); ok {
		return x.locateMember(id)
	}
	if id, ok := backupOf(path); ok {
		x.key = id
		return named["/admin/backups/{id}/download"], nil
	}
	dir, name := splitLast(path)
	if e, ok := named[dir+"{slug}"]; ok && name != "" {
		x.key = name
		return e, nil
	}
	if e, ok := named[dir+"{id}"]; ok && name != "" {
		x.key = name
		return e, nil
	}
	return endpoint{}, newProblem(slugNotFound, "there is no endpoint "+quoted(path))
}

// splitLast cuts a path before its last segment.
func splitLast(path []byte) (dir, name string) {
	i := bytes.LastIndexByte(path, '/') + 1
	return string(path[:i]), string(path[i:])
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
		return named["/kv/{key}"], nil
	}
	switch string(x.ctx.Method()) {
	case fasthttp.MethodPut, fasthttp.MethodPatch, fasthttp.MethodDelete:
		// A key, in the client's eyes: say why it cannot be one.
	default:
		if e, ok := named["/kv/"+key]; ok {
			return e, nil
		}
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
	return named["/members/{id}"], nil
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
	x.route = e.route
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
