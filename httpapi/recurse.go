package httpapi

import (
	"bytes"
	"strconv"

	"kvs/internal/auth"
)

const paramsRecurse = paramRecurse | paramDryRun | paramLimit | paramCursor

// headerConfirm repeats the prefix of a recursive delete, so that no slip of a path
// empties a directory.
const headerConfirm = "KVS-Confirm"

// swept counts what a recursive delete has met.
type swept struct {
	matched int // records that the caller sees
	refused int // of those, what its rights do not let it delete
	changed int // and what somebody else wrote meanwhile: it stays
	deleted int
}

// serveRecurse answers DELETE /kv/{prefix}/?recurse: it deletes one page of what lies
// below, key by key as far as the caller's rights go, and says where it goes on. Only
// the versions that it has seen go.
func (s *Server) serveRecurse(x *exchange) *Problem {
	g, dry, p := s.parseRecurse(x)
	if p != nil {
		return p
	}
	if g.may = s.filter(x); g.may != nil {
		x.ctx.Response.Header.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	var out swept
	var items []*batchItem
	next, err := s.store.Walk(g.left(), func(r Record) (string, bool) {
		switch {
		case isReserved(r.Key) || g.may != nil && !g.may(r.Key):
			return "", true
		case out.matched == g.limit:
			g.stopAt(r.Key)
			return "", false
		}
		out.matched++
		it := &batchItem{op: opDelete}
		it.ctx, it.caller, it.key = x.ctx, x.caller, r.Key
		if s.guard != nil && !s.may(x, auth.OpDelete, r.Key) {
			out.refused++
			return "", true
		}
		it.write = Write{Key: r.Key, Delete: true, Actor: x.actor(), If: []Match{{Versions: [][16]byte{r.UUID}}}}
		items = append(items, it)
		return "", true
	})
	if err != nil {
		return s.refuse(err, x.key)
	}
	if next != "" {
		g.stopAt(next)
	}
	if !dry {
		if p := s.sweep(items, &out); p != nil {
			return p
		}
	}
	for _, n := range [...]struct {
		name  string
		count int
	}{{`{"matched":`, out.matched}, {`,"deleted":`, out.deleted}, {`,"refused":`, out.refused}, {`,"changed":`, out.changed}} {
		g.body = strconv.AppendInt(append(g.body, n.name...), int64(n.count), 10)
	}
	return s.answer(x, g)
}

// sweep deletes, and counts. What fails for another reason than a newer version fails
// the request: what was deleted before is not found again when it is repeated.
func (s *Server) sweep(items []*batchItem, out *swept) *Problem {
	s.writeItems(items)
	for _, it := range items {
		switch {
		case it.p == nil:
			out.deleted++
		case it.p.Code == slugPrecondition:
			out.changed++
		default:
			return it.p
		}
	}
	return nil
}

// parseRecurse checks a recursive delete.
func (s *Server) parseRecurse(x *exchange) (g *page, dry bool, p *Problem) {
	if p = x.query.parse(x.rawQuery, paramsRecurse); p != nil {
		return nil, false, p
	}
	recurse, p := x.query.flag(paramRecurse, "recurse")
	if p == nil && !recurse {
		p = invalidKey("the key ends with '/'; add ?recurse to delete what is below it")
	}
	if p != nil {
		return nil, false, p
	}
	if dry, p = x.query.flag(paramDryRun, "dry_run"); p != nil {
		return nil, false, p
	}
	if !dry && !x.confirms() {
		return nil, false, newProblem(slugConfirmation, "to delete what is below "+quoted(x.key)+
			" send the header "+headerConfirm+": "+string(appendPath([]byte{}, "/"+x.key))+", or add &dry_run")
	}
	g = &page{limit: rangeLimitMax}
	if x.query.has(paramLimit) {
		if g.limit, p = x.query.limit(); p != nil {
			return nil, false, p
		}
	}
	g.walk = Walk{Start: x.key, End: endOf(x.key)}
	return g, dry, s.resume(g, &x.query)
}

// confirms says that the header repeats the prefix, percent-encoded or not, with or
// without the slashes around it.
func (x *exchange) confirms() bool {
	lines := x.ctx.Request.Header.PeekAll(headerConfirm)
	if len(lines) != 1 || len(lines[0]) == 0 {
		return false
	}
	want := bytes.TrimSuffix([]byte(x.key), []byte{'/'})
	text := bytes.TrimSuffix(bytes.TrimPrefix(lines[0], []byte{'/'}), []byte{'/'})
	if bytes.Equal(text, want) {
		return true
	}
	key, p := CanonicalKey(text)
	return p == nil && key == string(want)
}
