package httpapi

import (
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

const paramsRange = paramStartKey | paramEndKey | paramLimit | paramCursor

// rangeQuery is a checked request for one page of [start, end).
type rangeQuery struct {
	start, end string // An empty end is no bound.
	limit      int
}

// parseRange checks the parameters of /kv/_range.
func parseRange(q *query) (rangeQuery, *Problem) {
	r := rangeQuery{limit: rangeLimitDefault}
	var p *Problem
	if r.start, p = parseBound(q, paramStartKey, "start_key"); p != nil {
		return r, p
	}
	if r.end, p = parseBound(q, paramEndKey, "end_key"); p != nil {
		return r, p
	}
	if q.has(paramLimit) {
		n, err := strconv.Atoi(q.value(paramLimit))
		if err != nil || n < 1 || n > rangeLimitMax {
			p = invalidParameter("limit must be a number from 1 to " +
				strconv.Itoa(rangeLimitMax) + ", not " + quoted(q.value(paramLimit)))
			p.Limit = rangeLimitMax
			return r, p
		}
		r.limit = n
	}
	if q.has(paramCursor) {
		return r.resume(q.value(paramCursor))
	}
	return r, nil
}

// resume moves r to where a cursor says. Bounds given beside the cursor must
// be those it came from, so that a mix-up does not look like an empty range.
func (r rangeQuery) resume(text string) (rangeQuery, *Problem) {
	c, ok := parseCursor(text)
	if !ok {
		return r, invalidParameter("the cursor " + quoted(text) +
			" is not one: take it from the next field of the page before, unchanged")
	}
	if c.next < r.start || (r.end != "" && r.end != c.end) {
		return r, invalidParameter("the cursor belongs to another range: " +
			"repeat start_key and end_key of the first page, or leave both out")
	}
	r.start, r.end = c.next, c.end
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

	may func(key string) bool // Whether a record is shown; nil shows all.
}

// visit adds a record, or ends the page before it.
func (g *page) visit(r Record) bool {
	if isReserved(r.Key) || g.may != nil && !g.may(r.Key) {
		return true
	}
	full := g.count == g.limit
	if g.count > 0 && len(g.body)+len(r.Data) > rangePageBytesMax {
		full = true
	}
	if full {
		g.next = r.Key
		return false
	}
	if g.count > 0 {
		g.body = append(g.body, ',')
	}
	g.body = append(g.body, `{"key":`...)
	g.body = appendString(g.body, r.Key)
	g.body = append(g.body, ',')
	g.body = appendRecord(g.body, r)
	g.count++
	return true
}

// serveRange answers GET /kv/_range.
func (s *Server) serveRange(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsRange); p != nil {
		return p
	}
	r, p := parseRange(&x.query)
	if p != nil {
		return p
	}
	s.markSyncing(x)
	g := page{limit: r.limit, body: append([]byte(nil), `{"items":[`...)}
	if s.guard != nil && !x.caller.isAdmin() {
		g.may = func(key string) bool { return s.may(x, auth.OpRead, key) }
		x.ctx.Response.Header.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	if r.end == "" || r.start < r.end {
		next, err := s.store.Range(r.start, r.end, g.visit)
		if err != nil {
			return s.refuse(err, r.start)
		}
		if g.next == "" && (r.end == "" || next < r.end) {
			g.next = next
		}
	}
	g.body = append(g.body, ']')
	if g.next != "" {
		g.body = append(g.body, `,"next":"`...)
		g.body = append(g.body, cursor{next: g.next, end: r.end}.text()...)
		g.body = append(g.body, '"')
	}
	g.body = append(g.body, '}')
	x.ctx.SetStatusCode(fasthttp.StatusOK)
	x.ctx.Response.Header.SetContentType(typeJSON)
	x.ctx.Response.SetBodyRaw(g.body)
	return nil
}
