package httpapi

import (
	"cmp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// page collects the items of one answer: the records of a walk, those that lie deeper
// than depth below prefix as the directories that hold them.
type page struct {
	walk   Walk   // the whole listing
	at     string // where the page begins; once it is full, where the next one does
	more   bool   // whether anything may be left
	prefix string
	depth  int // segments below the prefix; 0 shows every record

	recent   bool  // in the order of timestamps: the walk is one of places
	past     int64 // shows what was there at this time; 0 what is
	keysOnly bool
	lines    bool                  // an item a line, for the body of application/x-ndjson
	may      func(key string) bool // whether a record is shown; nil shows all
	saw      func(Mark, int64)     // hears of the records shown; nil for nobody
	limit    int                   // items
	bytesMax int                   // of the body, unless its first item is larger

	body  []byte
	count int
}

// fill walks on until the page is full, the walk ends or the store has looked at
// enough. A directory costs one search, whatever lies below it.
func (s *Server) fill(g *page) error {
	g.count, g.more = 0, false
	w := g.left()
	if w.End != "" && w.Start >= w.End {
		return nil
	}
	var next string
	var err error
	switch {
	case g.past > 0:
		next, err = s.pastOf(g, w)
	case g.recent:
		next, err = s.store.Recent(w, func(r Record) bool {
			_, more := g.visit(r)
			return more
		})
	default:
		next, err = s.store.Walk(w, g.visit)
	}
	if next != "" {
		g.stopAt(next)
	}
	return err
}

// pastOf shows what was there at a time.
func (s *Server) pastOf(g *page, w Walk) (next string, err error) {
	var failed error
	next, err = s.history.Past(w.Start, w.End, g.past, func(v Version) bool {
		if g.may != nil {
			if !g.may(v.Key) {
				return true
			}
			vs, err := s.history.Versions(v.Key, func([16]byte) bool { return false })
			if failed = err; err != nil {
				return false
			}
			is := func(u Version) bool { return u.UUID == v.UUID }
			if !slices.ContainsFunc(thisLife(vs), is) {
				return true
			}
		}
		_, more := g.visit(v.Record)
		return more
	})
	return next, cmp.Or(failed, err)
}

// left is the part of the walk that no page has shown yet.
func (g *page) left() Walk {
	w := g.walk
	switch {
	case g.at == "":
	case w.Back:
		w.End = g.at
	default:
		w.Start = g.at
	}
	return w
}

// stopAt says where the walk goes on.
func (g *page) stopAt(next string) { g.at, g.more = next, true }

// pageCursor is where a page goes on, as its reader is told it.
func (s *Server) pageCursor(g *page) string {
	return s.cursorText(cursor{g.walk, g.at}, g.may != nil)
}

// visit shows a record, or the directory that holds it, or ends the page before it.
func (g *page) visit(r Record) (leap string, more bool) {
	if isReserved(r.Key) || g.may != nil && !g.may(r.Key) {
		return "", true
	}
	if g.full(len(r.Data)) {
		place := r.Key
		if g.recent {
			place = PlaceOf(r.Timestamp, r.Key)
		}
		g.stopAt(g.walk.from(place))
		return "", false
	}
	dir, below := g.directory(r.Key)
	if !below {
		g.item(r)
		return "", true
	}
	g.begin()
	g.body = append(appendString(append(g.body, `{"key":`...), dir), '}')
	g.end()
	if g.walk.Back {
		return dir, true
	}
	return endOf(dir), true
}

// directory is the deepest path of a listing that holds a key, if the key lies deeper.
func (g *page) directory(key string) (dir string, below bool) {
	if g.depth == 0 {
		return "", false
	}
	at := len(g.prefix)
	for range g.depth {
		i := strings.IndexByte(key[at:], '/')
		if i < 0 {
			return "", false
		}
		at += i + 1
	}
	return key[:at], true
}

// full says that a page has no room for another item.
func (g *page) full(bytes int) bool {
	if g.keysOnly {
		bytes = 0
	}
	return g.count == g.limit || g.count > 0 && len(g.body)+bytes > g.bytesMax
}

// begin separates an item from the one before, and end completes it.
func (g *page) begin() {
	if g.count > 0 && !g.lines {
		g.body = append(g.body, ',')
	}
	g.count++
}

func (g *page) end() {
	if g.lines {
		g.body = append(g.body, '\n')
	}
}

// item adds a record.
func (g *page) item(r Record) {
	if g.saw != nil {
		g.saw(r.Mark, r.Timestamp)
	}
	g.begin()
	g.body = appendString(append(g.body, `{"key":`...), r.Key)
	if g.keysOnly {
		g.body = append(g.body, '}')
	} else {
		g.body = appendRecord(append(g.body, ','), r)
	}
	g.end()
}

// servePages answers with one page or, as lines without a limit, with all of them.
func (s *Server) servePages(x *exchange, g *page) *Problem {
	if p := s.beginRead(x); p != nil {
		return p
	}
	s.markSyncing(x)
	h := &x.ctx.Response.Header
	if g.may = s.filter(x); g.may != nil {
		h.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	g.lines, g.bytesMax = x.wantsLines(), rangePageBytesMax
	if g.lines && !x.query.has(paramLimit) && x.ctx.IsGet() {
		return s.export(x, g)
	}
	if !g.lines {
		g.body = append(g.body, `{"items":[`...)
	}
	g.saw = x.saw
	if err := s.fill(g); err != nil {
		return s.refuse(err, g.prefix)
	}
	if g.more {
		x.linkNext(s.pageCursor(g))
	}
	x.endSession()
	if g.lines {
		x.answerBody(typeLines, g.body)
		return nil
	}
	g.body = append(g.body, ']')
	return s.answer(x, g)
}

// answer ends a body that lacks its last brace, and says where it goes on.
func (s *Server) answer(x *exchange, g *page) *Problem {
	if g.more {
		g.body = append(g.body, `,"next":"`...)
		g.body = append(g.body, s.pageCursor(g)...)
		g.body = append(g.body, '"')
	}
	x.answerBody(typeJSON, append(g.body, '}'))
	return nil
}

// answerBody answers with a body that nobody else has.
func (x *exchange) answerBody(kind string, body []byte) {
	x.ctx.SetStatusCode(fasthttp.StatusOK)
	x.ctx.Response.Header.SetContentType(kind)
	x.ctx.Response.SetBodyRaw(body)
}
