package httpapi

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

const paramsList = paramList | paramDelimiter | paramDepth | paramKeysOnly | paramCount | paramLimit | paramCursor

// listDepthMax is the deepest that a listing can be asked to look before it shows
// directories.
const listDepthMax = 64

// locatePrefix finds the listing of what is below a path that ends with a slash.
func (x *exchange) locatePrefix(raw []byte) (endpoint, *Problem) {
	e := endpoint{allow: allowRead, serve: (*Server).serveList, need: needToken}
	if len(raw) == 0 || len(raw) == 1 {
		x.key = ""
		return e, nil
	}
	key, p := CanonicalKey(raw[:len(raw)-1])
	x.key = key + "/"
	return e, p
}

// isPrefix says that the path of a read names what is below a key.
func isPrefix(h *fasthttp.RequestHeader, raw []byte) bool {
	return (h.IsGet() || h.IsHead()) && (len(raw) == 0 || raw[len(raw)-1] == '/')
}

// listing collects the items of one page: the records below a prefix, those deeper
// than depth as the directories that hold them.
type listing struct {
	page
	prefix string
	depth  int    // Segments below the prefix; 0 shows every record.
	skip   string // Where to go on behind a directory that was shown.
}

// serveList answers GET /kv/{prefix}/?list.
func (s *Server) serveList(x *exchange) *Problem {
	l, r, count, p := s.parseList(x)
	if p != nil {
		return p
	}
	s.markSyncing(x)
	if l.may = s.filter(x); l.may != nil {
		x.ctx.Response.Header.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	if count {
		return s.serveCount(x, l, r)
	}
	l.body = append(l.body, `{"items":[`...)
	// A directory ends the walk, which goes on behind it: a page costs what it shows,
	// and not what lies below.
	for start := r.next; start < r.end || r.end == ""; start = l.skip {
		l.skip = ""
		next, err := s.store.Range(start, r.end, l.visit)
		if err != nil {
			return s.refuse(err, x.key)
		}
		if l.skip == "" {
			l.next = max(l.next, next)
			break
		}
	}
	l.body = append(l.body, ']')
	return s.answer(x, &l.page, r)
}

// parseList checks the parameters of a listing.
func (s *Server) parseList(x *exchange) (l *listing, r rangeQuery, count bool, p *Problem) {
	if p = x.query.parse(x.rawQuery, paramsList); p != nil {
		return nil, r, false, p
	}
	listed, p := x.query.flag(paramList, "list")
	if p == nil && !listed {
		p = invalidKey("the key ends with '/'; add ?list for what is below it")
	}
	if p != nil {
		return nil, r, false, p
	}
	l = &listing{prefix: x.key}
	if l.keysOnly, p = x.query.flag(paramKeysOnly, "keys_only"); p != nil {
		return nil, r, false, p
	}
	if count, p = x.query.flag(paramCount, "count"); p != nil {
		return nil, r, false, p
	}
	if l.depth, p = x.query.depth(); p != nil {
		return nil, r, false, p
	}
	if l.limit, p = x.query.limit(); p != nil {
		return nil, r, false, p
	}
	r, p = s.resume(rangeQuery{start: l.prefix, end: endOf(l.prefix)}, &x.query)
	return l, r, count, p
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

// visit shows a record, or the directory that holds it, or ends the page before it.
func (l *listing) visit(r Record) bool {
	if isReserved(r.Key) || l.may != nil && !l.may(r.Key) {
		return true
	}
	dir, below := l.directory(r.Key)
	if l.full(len(r.Data)) {
		l.next = r.Key
		return false
	}
	if below {
		l.begin()
		l.body = append(appendString(append(l.body, `{"key":`...), dir), '}')
		l.skip = endOf(dir)
		return false
	}
	l.item(r)
	return true
}

// directory is the deepest path of a listing that holds a key, if the key lies deeper.
func (l *listing) directory(key string) (dir string, below bool) {
	if l.depth == 0 {
		return "", false
	}
	at := len(l.prefix)
	for range l.depth {
		i := strings.IndexByte(key[at:], '/')
		if i < 0 {
			return "", false
		}
		at += i + 1
	}
	return key[:at], true
}

// serveCount answers ?list&count: how many records lie below, and the bytes of their
// values. Where it says next, it has looked at enough: the rest is to be added.
func (s *Server) serveCount(x *exchange, l *listing, r rangeQuery) *Problem {
	keys, bytes := int64(0), int64(0)
	var err error
	l.next, err = s.store.Range(r.next, r.end, func(r Record) bool {
		if !isReserved(r.Key) && (l.may == nil || l.may(r.Key)) {
			keys, bytes = keys+1, bytes+int64(len(r.Data))
		}
		return true
	})
	if err != nil {
		return s.refuse(err, x.key)
	}
	l.body = strconv.AppendInt(append(l.body, `{"keys":`...), keys, 10)
	l.body = strconv.AppendInt(append(l.body, `,"bytes":`...), bytes, 10)
	return s.answer(x, &l.page, r)
}

// filter is the question whether a caller may see a key, nil for one who sees all.
func (s *Server) filter(x *exchange) func(key string) bool {
	if s.guard == nil || x.caller.isAdmin() {
		return nil
	}
	return func(key string) bool { return s.may(x, auth.OpRead, key) }
}
