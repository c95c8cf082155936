package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"
)

const typeJSON = "application/json"

const (
	paramsGet = paramRaw | paramPretty | paramMeta | paramRevisions | paramRev | paramAt | paramExplain | paramWait |
		paramRead
	paramsPut    = paramRaw | paramTTL | paramWait | paramAcks
	paramsPatch  = paramTTL | paramWait | paramAcks
	paramsDelete = paramStrict | paramWait | paramAcks
)

// serveKV answers everything under /kv/ that names a key of a user.
func (s *Server) serveKV(x *exchange) *Problem {
	switch string(x.ctx.Method()) {
	case fasthttp.MethodPut:
		return s.put(x)
	case fasthttp.MethodPatch:
		return s.patch(x)
	case fasthttp.MethodDelete:
		return s.remove(x)
	default:
		return s.get(x)
	}
}

// get answers GET and HEAD. It is the hot path: apart from the key it
// allocates nothing, which a test holds.
func (s *Server) get(x *exchange) *Problem {
	if len(x.rawQuery) > 0 {
		if p := x.readGetFlags(); p != nil {
			return p
		}
		if asked, p := s.past(x); asked {
			return p
		}
	}
	var p *Problem
	if x.conditions, p = conditions(&x.ctx.Request.Header); p != nil {
		return p
	}
	if p := s.beginRead(x); p != nil {
		return p
	}
	if x.wantsMeta {
		x.meta = s.metaOf(x.key)
	}
	syncing := s.markSyncing(x)
	err := ErrNotFound
	if !x.hidden {
		err = s.store.View(x.key, x.visit)
	}
	if err != nil {
		if x.session != nil && errors.Is(err, ErrNotFound) {
			if !x.hidden {
				x.session.SawAbsent(x.key)
			}
			x.endSession()
		}
		p := s.refuse(err, x.key)
		p.syncing = syncing
		return p
	}
	x.endSession()
	if x.unmet {
		return newProblem(slugPrecondition, "the key has another version than the request wants")
	}
	return nil
}

func (x *exchange) readGetFlags() *Problem {
	p := x.query.parse(x.rawQuery, paramsGet)
	if p != nil {
		return p
	}
	if x.raw, p = x.query.flag(paramRaw, "raw"); p != nil {
		return p
	}
	if x.wantsMeta, p = x.query.flag(paramMeta, "meta"); p != nil {
		return p
	}
	if x.wantsMeta && x.raw {
		return invalidParameter("raw is the value alone, and meta is what is beside it: drop one of them")
	}
	x.pretty, p = x.query.flag(paramPretty, "pretty")
	return p
}

// onRecord writes the answer to a GET while the record's bytes are valid.
func (x *exchange) onRecord(r Record) {
	x.saw(r.Mark, r.Timestamp)
	if len(x.conditions) > 0 && x.isUnchanged(r.UUID) {
		return
	}
	resp := &x.ctx.Response
	resp.SetStatusCode(fasthttp.StatusOK)
	resp.Header.SetContentType(typeJSON)
	x.describe(r)
	switch {
	case x.pretty || x.meta != nil:
		body := appendBody(make([]byte, 0, len(r.Data)+256), r, x.raw)
		if x.meta != nil {
			body = x.meta(body[:len(body)-1], r)
		}
		if x.pretty {
			body = indented(body)
		}
		resp.SetBodyRaw(body)
	case len(r.Data) > bodyKeepBytesMax:
		// A body of its own, so that the connection does not keep it.
		resp.SetBodyRaw(appendBody(make([]byte, 0, len(r.Data)+128), r, x.raw))
	case x.raw:
		resp.SetBody(r.Data)
	default:
		x.buf = appendRecordHead(append(x.buf[:0], '{'), r)
		resp.SetBody(x.buf)
		resp.AppendBody(r.Data)
		x.buf = appendRecordTail(x.buf[:0], r)
		resp.AppendBody(x.buf)
	}
}

// appendBody appends a GET's body: the record or, raw, its value alone.
func appendBody(dst []byte, r Record, raw bool) []byte {
	if raw {
		return append(dst, r.Data...)
	}
	return appendRecord(append(dst, '{'), r)
}

// indented is a GET's body for people. Only whitespace between tokens
// changes; numbers and strings keep their spelling.
func indented(body []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		return body
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// appendRecord appends the seed's three fields, what came later, and the
// closing brace; the opening one is the caller's.
func appendRecord(dst []byte, r Record) []byte {
	dst = appendRecordHead(dst, r)
	dst = append(dst, r.Data...)
	return appendRecordTail(dst, r)
}

func appendRecordHead(dst []byte, r Record) []byte {
	return append(appendStamp(dst, r.UUID, r.Timestamp), `,"data":`...)
}

func appendStamp(dst []byte, id [16]byte, timestamp int64) []byte {
	dst = appendUUID(append(dst, `"uuid":"`...), id)
	return strconv.AppendInt(append(dst, `","timestamp":`...), timestamp, 10)
}

func appendRecordTail(dst []byte, r Record) []byte {
	if r.ExpiresAt != 0 {
		dst = append(dst, `,"expires_at":`...)
		dst = strconv.AppendInt(dst, r.ExpiresAt, 10)
	}
	return append(dst, '}')
}

// put answers PUT.
func (s *Server) put(x *exchange) *Problem {
	body, ttl, p := s.body(x)
	if p != nil {
		return p
	}
	w := Write{Key: x.key, TTL: ttl, If: x.conditions, Actor: x.actor()}
	if w.Value, w.TTL, p = x.readValue(body, ttl); p != nil {
		return p
	}
	if p := s.beginWrite(x, &w); p != nil {
		return p
	}
	if p := s.mayBegin(x); p != nil {
		return p
	}
	done, err := s.store.Write(w)
	if err != nil {
		return s.unfinished(x, done, err)
	}
	s.answerWritten(x, done)
	return nil
}

// mayBegin refuses a put that cannot succeed, before a key that stays away gets rights,
// and gives those of one that it creates.
func (s *Server) mayBegin(x *exchange) *Problem {
	if x.absent && slices.ContainsFunc(x.conditions, func(m Match) bool { return !m.Not }) {
		return s.unwritten(x, Written{}, ErrPrecondition)
	}
	return s.giveRights(x)
}

// unfinished words why a put that had begun was not carried out.
func (s *Server) unfinished(x *exchange, done Written, err error) *Problem {
	s.takeBack(x, err)
	return s.unwritten(x, done, err)
}

// readValue splits a checked body into the value to store and its TTL.
func (x *exchange) readValue(body []byte, ttl TTL) ([]byte, TTL, *Problem) {
	var scan scanner
	if p := scan.scan(body); p != nil {
		return nil, 0, p
	}
	data, field, ok := scan.envelope()
	if !ok || x.raw {
		return body, ttl, nil
	}
	if x.query.has(paramTTL) {
		return nil, 0, newProblem(slugInvalidTTL, "both ?ttl and the envelope's ttl are given; "+
			"drop one of them, or add raw=true to store the body as it is")
	}
	ttl, p := parseEnvelopeTTL(field)
	if p != nil {
		return nil, 0, p
	}
	return data, ttl, nil
}

// answerWrite answers a PUT or a PATCH that is stored.
func (x *exchange) answerWrite(w Written) {
	x.local()
	x.answerPut(w)
	x.answerCopies(w)
	x.saw(w.Mark, w.Timestamp)
	x.endSession()
}

// answerPut writes the seed's two fields.
func (x *exchange) answerPut(w Written) {
	resp := &x.ctx.Response
	resp.SetStatusCode(fasthttp.StatusCreated)
	if w.Existed {
		resp.SetStatusCode(fasthttp.StatusOK)
	}
	resp.Header.SetContentType(typeJSON)
	x.setETag(w.UUID)
	x.buf = appendPath(append(x.buf[:0], "/kv/"...), x.key)
	resp.Header.SetCanonical([]byte("Location"), x.buf)
	x.buf = append(appendStamp(append(x.buf[:0], '{'), w.UUID, w.Timestamp), '}')
	resp.SetBody(x.buf)
}

// setETag sets the strong validator of a version.
func (x *exchange) setETag(id [16]byte) {
	x.buf = append(appendUUID(append(x.buf[:0], '"'), id), '"')
	x.ctx.Response.Header.SetCanonical([]byte("ETag"), x.buf)
}

// remove answers DELETE: always a tombstone, since a PUT of the key may be on
// its way from another node. Under ?strict the answer, but not the write,
// depends on whether the key was here.
func (s *Server) remove(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsDelete); p != nil {
		return p
	}
	strict, p := x.query.flag(paramStrict, "strict")
	if p != nil {
		return p
	}
	if p := x.readConditions(); p != nil {
		return p
	}
	existed := false
	if strict && s.cluster.Partial() {
		if existed, p = s.exists(x.key); p != nil {
			return p
		}
	}
	w := Write{Key: x.key, Delete: true, If: x.conditions, Actor: x.actor()}
	if p := s.beginWrite(x, &w); p != nil {
		return p
	}
	done, err := s.store.Write(w)
	if err != nil {
		return s.unwritten(x, done, err)
	}
	if p := s.takeRights(x, done.Existed); p != nil {
		return p
	}
	if strict && !done.Existed && !existed {
		return newProblem(slugKeyNotFound, "no such key on this node: "+quoted(x.key)+
			"; a delete was recorded all the same, for a write that may be on its way")
	}
	x.local()
	x.ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
	x.answerCopies(done)
	x.saw(done.Mark, done.Timestamp)
	x.endSession()
	return nil
}

// exists looks a key up, also where a node reads through to.
func (s *Server) exists(key string) (bool, *Problem) {
	err := s.store.View(key, func(Record) {})
	if err == nil || errors.Is(err, ErrNotFound) {
		return err == nil, nil
	}
	return false, s.refuse(err, key)
}
