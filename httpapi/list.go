package httpapi

import (
	"cmp"
	"strconv"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

const paramsList = paramList | paramDelimiter | paramDepth | paramKeysOnly | paramCount | paramLimit | paramCursor | paramReverse | paramAt | paramWait

// listDepthMax is the deepest that a listing can be asked to look before it shows
// directories.
const listDepthMax = 64

// locatePrefix finds the listing of what is below a path that ends with a slash.
func (x *exchange) locatePrefix(raw []byte) (endpoint, *Problem) {
	e := named["/kv/{path}/"]
	if len(raw) == 0 || len(raw) == 1 {
		x.key = ""
		return e, nil
	}
	key, p := CanonicalKey(raw[:len(raw)-1])
	x.key = key + "/"
	return e, p
}

// isPrefix says that the path of a request names what is below a key. For the methods
// of a key alone it is a key that ends wrongly.
func isPrefix(h *fasthttp.RequestHeader, raw []byte) bool {
	return (h.IsGet() || h.IsHead() || h.IsDelete() || h.IsOptions()) && (len(raw) == 0 || raw[len(raw)-1] == '/')
}

// serveBelow answers for what lies below a path.
func (s *Server) serveBelow(x *exchange) *Problem {
	if x.ctx.IsDelete() {
		return s.serveRecurse(x)
	}
	return s.serveList(x)
}

// serveList answers GET /kv/{prefix}/?list.
func (s *Server) serveList(x *exchange) *Problem {
	g, p := s.parseList(x)
	if p != nil {
		return p
	}
	if count, p := x.query.flag(paramCount, "count"); p != nil || count {
		return cmp.Or(p, s.serveCount(x, g))
	}
	return s.servePages(x, g)
}

// parseList checks the parameters of a listing.
func (s *Server) parseList(x *exchange) (g *page, p *Problem) {
	if p = x.query.parse(x.rawQuery, paramsList); p != nil {
		return nil, p
	}
	listed, p := x.query.flag(paramList, "list")
	if p == nil && !listed {
		p = invalidKey("the key ends with '/'; add ?list for what is below it")
	}
	if p != nil {
		return nil, p
	}
	g = &page{prefix: x.key}
	if g.keysOnly, p = x.query.flag(paramKeysOnly, "keys_only"); p != nil {
		return nil, p
	}
	if g.depth, p = x.query.depth(); p != nil {
		return nil, p
	}
	if g.limit, p = x.query.limit(); p != nil {
		return nil, p
	}
	if p = s.parsePast(g, &x.query); p != nil {
		return nil, p
	}
	g.walk = Walk{Start: g.prefix, End: endOf(g.prefix)}
	return g, s.resume(g, &x.query)
}

// parsePast reads the time that a listing is of.
func (s *Server) parsePast(g *page, q *query) *Problem {
	if !q.has(paramAt) {
		return nil
	}
	at, err := strconv.ParseInt(q.value(paramAt), 10, 64)
	if err != nil || at < 1 {
		return invalidParameter("at must be a time in milliseconds since 1970, not " + quoted(q.value(paramAt)))
	}
	if q.has(paramReverse) || q.has(paramDepth) || q.has(paramDelimiter) || q.has(paramCount) {
		return invalidParameter("a listing of the past has no reverse, depth, delimiter or count; drop them, or at")
	}
	if s.history == nil {
		return newProblem(slugNotReady, "this node keeps no history")
	}
	g.past = at
	return nil
}

// depth reads how deep a listing shows records: one segment with a delimiter alone.
func (q *query) depth() (int, *Problem) {
	if q.has(paramDelimiter) && q.value(paramDelimiter) != "/" {
		return 0, invalidParameter("delimiter must be /, not " + quoted(q.value(paramDelimiter)))
	}
	if !q.has(paramDepth) {
		if q.has(paramDelimiter) {
			return 1, nil
		}
		return 0, nil
	}
	n, err := strconv.Atoi(q.value(paramDepth))
	if err != nil || n < 1 || n > listDepthMax {
		return 0, invalidParameter("depth must be a number from 1 to " + strconv.Itoa(listDepthMax) +
			", not " + quoted(q.value(paramDepth)))
	}
	return n, nil
}

// endOf is the first key behind all that begin with a prefix, "" if there is none.
// Prefixes end with a slash, or are empty.
func endOf(prefix string) string {
	if prefix == "" {
		return ""
	}
	return prefix[:len(prefix)-1] + string(rune('/'+1))
}

// serveCount answers ?list&count: how many records lie below, and the bytes of their
// values. Where it says next, it has looked at enough: the rest is to be added.
func (s *Server) serveCount(x *exchange, g *page) *Problem {
	s.markSyncing(x)
	if g.may = s.filter(x); g.may != nil {
		x.ctx.Response.Header.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	keys, bytes := int64(0), int64(0)
	next, err := s.store.Walk(g.left(), func(r Record) (string, bool) {
		if !isReserved(r.Key) && (g.may == nil || g.may(r.Key)) {
			keys, bytes = keys+1, bytes+int64(len(r.Data))
		}
		return "", true
	})
	if err != nil {
		return s.refuse(err, x.key)
	}
	if next != "" {
		g.stopAt(next)
	}
	g.body = strconv.AppendInt(append(g.body, `{"keys":`...), keys, 10)
	g.body = strconv.AppendInt(append(g.body, `,"bytes":`...), bytes, 10)
	return s.answer(x, g)
}

// filter is the question whether a caller may see a key, nil for one who sees all. It
// outlives the exchange.
func (s *Server) filter(x *exchange) func(key string) bool {
	if s.guard == nil || x.caller.isAdmin() {
		return nil
	}
	caller := x.caller
	return func(key string) bool {
		return auth.Decide(caller.Principal, caller.Grant, auth.OpRead, key, s.lookup)
	}
}
