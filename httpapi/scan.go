package httpapi

import (
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

const paramsRange = paramStartKey | paramEndKey | paramPrefix | paramKeysOnly | paramLimit | paramCursor

// rangeQuery is a checked request for one page of [start, end).
type rangeQuery struct {
	start, end string // An empty end is no bound.
	next       string // Where the page begins.
	limit      int
	keysOnly   bool
}

// parseRange checks the parameters of /kv/_range.
func (s *Server) parseRange(q *query) (rangeQuery, *Problem) {
	var r rangeQuery
	var p *Problem
	if r.limit, p = q.limit(); p != nil {
		return r, p
	}
	if r.keysOnly, p = q.flag(paramKeysOnly, "keys_only"); p != nil {
		return r, p
	}
	if r.start, p = parseBound(q, paramStartKey, "start_key"); p != nil {
		return r, p
	}
	if r.end, p = parseBound(q, paramEndKey, "end_key"); p != nil {
		return r, p
	}
	if q.has(paramPrefix) {
		if r, p = r.within(q); p != nil {
			return r, p
		}
	}
	return s.resume(r, q)
}

// limit reads how many items a page has at most.
func (q *query) limit() (int, *Problem) {
	if !q.has(paramLimit) {
		return rangeLimitDefault, nil
	}
	n, err := strconv.Atoi(q.value(paramLimit))
	if err != nil || n < 1 || n > rangeLimitMax {
		p := invalidParameter("limit must be a number from 1 to " +
			strconv.Itoa(rangeLimitMax) + ", not " + quoted(q.value(paramLimit)))
		p.Limit = rangeLimitMax
		return 0, p
	}
	return n, nil
}

// within narrows r to the keys that begin with ?prefix, which need not end at a slash.
func (r rangeQuery) within(q *query) (rangeQuery, *Problem) {
	prefix, p := parseBound(q, paramPrefix, "prefix")
	if p != nil {
		return r, p
	}
	r.start = max(r.start, prefix)
	if end := after(prefix); end != "" && (r.end == "" || end < r.end) {
		r.end = end
	}
	return r, nil
}

// after is the first text behind all that begin with a prefix, "" if there is none.
func after(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}

// resume lets r begin where a cursor says, if there is one. Bounds given beside
// the cursor must be those it came from, so that a mix-up does not look like an
// empty range. They are compared with the cursor's own alone: whether another
// bound lies before or behind a sealed place is nobody's to ask.
func (s *Server) resume(r rangeQuery, q *query) (rangeQuery, *Problem) {
	r.next = r.start
	if !q.has(paramCursor) {
		return r, nil
	}
	text := q.value(paramCursor)
	c, ok := s.parseCursor(text)
	if !ok {
		return r, invalidParameter("the cursor " + quoted(text) + " is not one: take it from the next " +
			"field of the page before, unchanged, or begin anew")
	}
	if (r.start != "" && r.start != c.start) || (r.end != "" && r.end != c.end) {
		return r, invalidParameter("the cursor belongs to another range: " +
			"repeat start_key and end_key of the first page, or leave both out")
	}
	r.start, r.end, r.next = c.start, c.end, c.next
	return r, nil
}

// parseBound reads a bound. It is not a key: "users/" is a fine bound.
func parseBound(q *query, which parameter, name string) (string, *Problem) {
	bound := trimLeadingSlash(q.value(which))
	if len(bound) > KeyBytesMax {
		p := invalidParameter(name + " is longer than " + strconv.Itoa(KeyBytesMax) + " bytes")
		p.Limit, p.Actual = KeyBytesMax, int64(len(bound))
		return "", p
	}
	if !utf8.ValidString(bound) {
		return "", invalidParameter(name + " is not valid UTF-8")
	}
	return bound, nil
}

// page collects the records of one answer.
type page struct {
	body  []byte
	limit int
	count int
	next  string // Where the next page starts, once this one is full.

	keysOnly bool
	may      func(key string) bool // Whether a record is shown; nil shows all.
}

// visit adds a record, or ends the page before it.
func (g *page) visit(r Record) bool {
	if isReserved(r.Key) || g.may != nil && !g.may(r.Key) {
		return true
	}
	if g.full(len(r.Data)) {
		g.next = r.Key
		return false
	}
	g.item(r)
	return true
}

// full says that a page has no room for another item.
func (g *page) full(bytes int) bool {
	return g.count == g.limit || g.count > 0 && !g.keysOnly && len(g.body)+bytes > rangePageBytesMax
}

// begin separates an item from the one before.
func (g *page) begin() {
	if g.count > 0 {
		g.body = append(g.body, ',')
	}
	g.count++
}

// item adds a record.
func (g *page) item(r Record) {
	g.begin()
	g.body = appendString(append(g.body, `{"key":`...), r.Key)
	if g.keysOnly {
		g.body = append(g.body, '}')
		return
	}
	g.body = appendRecord(append(g.body, ','), r)
}

// answer ends the body of a page, which lacks its last brace, and says where it
// goes on.
func (s *Server) answer(x *exchange, g *page, r rangeQuery) *Problem {
	if g.next != "" {
		g.body = append(g.body, `,"next":"`...)
		g.body = append(g.body, s.cursorText(cursor{r.start, r.end, g.next}, g.may != nil)...)
		g.body = append(g.body, '"')
	}
	g.body = append(g.body, '}')
	x.ctx.SetStatusCode(fasthttp.StatusOK)
	x.ctx.Response.Header.SetContentType(typeJSON)
	x.ctx.Response.SetBodyRaw(g.body)
	return nil
}

// serveRange answers GET /kv/_range.
func (s *Server) serveRange(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsRange); p != nil {
		return p
	}
	r, p := s.parseRange(&x.query)
	if p != nil {
		return p
	}
	s.markSyncing(x)
	g := page{limit: r.limit, keysOnly: r.keysOnly, body: append([]byte(nil), `{"items":[`...)}
	if g.may = s.filter(x); g.may != nil {
		x.ctx.Response.Header.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	if r.end == "" || r.next < r.end {
		next, err := s.store.Range(r.next, r.end, g.visit)
		if err != nil {
			return s.refuse(err, r.next)
		}
		if g.next == "" && (r.end == "" || next < r.end) {
			g.next = next
		}
	}
	g.body = append(g.body, ']')
	return s.answer(x, &g, r)
}
