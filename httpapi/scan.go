package httpapi

import (
	"strconv"
	"unicode/utf8"
)

const paramsRange = paramStartKey | paramEndKey | paramPrefix | paramKeysOnly | paramLimit | paramCursor | paramReverse | paramWait

// parseRange checks the parameters of /kv/_range.
func (s *Server) parseRange(q *query) (*page, *Problem) {
	var g page
	var w Walk
	var p *Problem
	if g.limit, p = q.limit(); p != nil {
		return nil, p
	}
	if g.keysOnly, p = q.flag(paramKeysOnly, "keys_only"); p != nil {
		return nil, p
	}
	if w.Start, p = parseBound(q, paramStartKey, "start_key"); p != nil {
		return nil, p
	}
	if w.End, p = parseBound(q, paramEndKey, "end_key"); p != nil {
		return nil, p
	}
	if q.has(paramPrefix) {
		if w, p = w.within(q); p != nil {
			return nil, p
		}
	}
	g.walk = w
	return &g, s.resume(&g, q)
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

// within narrows w to the keys that begin with ?prefix, which need not end at a slash.
func (w Walk) within(q *query) (Walk, *Problem) {
	prefix, p := parseBound(q, paramPrefix, "prefix")
	if p != nil {
		return w, p
	}
	w.Start = max(w.Start, prefix)
	if end := after(prefix); end != "" && (w.End == "" || end < w.End) {
		w.End = end
	}
	return w, nil
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

// resume reads in which direction a listing goes and, if there is a cursor, from where
// on. Bounds given beside the cursor, and the direction if it is, must be those it came
// from, so that a mix-up does not look like an empty range. They are compared with the
// cursor's own alone: whether another bound lies before or behind a sealed place is
// nobody's to ask.
func (s *Server) resume(g *page, q *query) (p *Problem) {
	if g.walk.Back, p = q.flag(paramReverse, "reverse"); p != nil || !q.has(paramCursor) {
		return p
	}
	text := q.value(paramCursor)
	c, ok := s.parseCursor(text)
	if !ok {
		return invalidParameter("the cursor " + quoted(text) + " is not one: take it from the next " +
			"field of the page before, unchanged, or begin anew")
	}
	if q.has(paramReverse) && c.walk.Back != g.walk.Back {
		return invalidParameter("the cursor belongs to a listing in the other direction: " +
			"repeat reverse of the first page, or leave it out")
	}
	if g.walk.Start != "" && g.walk.Start != c.walk.Start || g.walk.End != "" && g.walk.End != c.walk.End {
		return invalidParameter("the cursor belongs to another range: " +
			"repeat start_key and end_key of the first page, or leave both out")
	}
	g.walk, g.at = c.walk, c.at
	return nil
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

// serveRange answers GET /kv/_range.
func (s *Server) serveRange(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsRange); p != nil {
		return p
	}
	g, p := s.parseRange(&x.query)
	if p != nil {
		return p
	}
	return s.servePages(x, g)
}
