package httpapi

import "strconv"

const paramsRecent = paramSince | paramKeysOnly | paramLimit | paramCursor | paramReverse | paramWait

// serveRecent answers GET /kv/_recent: the records whose timestamps are since or later,
// the oldest first.
func (s *Server) serveRecent(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsRecent); p != nil {
		return p
	}
	g := page{recent: true}
	var p *Problem
	if g.limit, p = x.query.limit(); p != nil {
		return p
	}
	if g.keysOnly, p = x.query.flag(paramKeysOnly, "keys_only"); p != nil {
		return p
	}
	var w Walk
	if x.query.has(paramSince) {
		since, err := strconv.ParseUint(x.query.value(paramSince), 10, 63)
		if err != nil {
			return invalidParameter("since must be a time in Unix milliseconds, not " + quoted(x.query.value(paramSince)))
		}
		w.Start = PlaceOf(int64(since), "")
	}
	g.walk = w
	if p = s.resume(&g, &x.query); p != nil {
		return p
	}
	return s.servePages(x, &g)
}
