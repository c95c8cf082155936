package httpapi

import (
	"bytes"
	"encoding/hex"
	"errors"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// conditions reads If-Match and If-None-Match (RFC 9110 sections 13.1.1 and 13.1.2).
// On a GET they cost two searches through the headers.
func conditions(h *fasthttp.RequestHeader) (out []Match, p *Problem) {
	for _, c := range [...]struct {
		name string
		not  bool
	}{{"If-Match", false}, {"If-None-Match", true}} {
		if len(h.Peek(c.name)) == 0 {
			continue
		}
		m := Match{Not: c.not}
		for _, line := range h.PeekAll(c.name) { // lines of a list are one list
			if !m.add(line) {
				return nil, newProblem(slugBadRequest, c.name+` must be * or a list of at most `+
					`16 entity tags such as "ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11", quotes included`)
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// matchVersionsMax bounds the entity tags of one condition.
const matchVersionsMax = 16

// add reads one line of a condition. A tag that no version of ours has is dropped:
// it matches nothing.
func (m *Match) add(line []byte) bool {
	rest := bytes.TrimSpace(line)
	if string(rest) == "*" {
		m.Any = true
		return true
	}
	for more, seen := true, 0; more; seen++ {
		var weak, opened, closed bool
		var tag []byte
		rest, weak = bytes.CutPrefix(rest, []byte("W/"))
		rest, opened = bytes.CutPrefix(rest, []byte{'"'})
		tag, rest, closed = bytes.Cut(rest, []byte{'"'})
		if !opened || !closed || seen == matchVersionsMax {
			return false
		}
		// If-Match compares strongly: a weak tag matches nothing there.
		if id, ok := parseUUID(tag); ok && (m.Not || !weak) {
			m.Versions = append(m.Versions, id)
		}
		if rest = bytes.TrimSpace(rest); len(rest) == 0 {
			return true
		}
		if rest, more = bytes.CutPrefix(rest, []byte{','}); !more {
			return false
		}
		rest = bytes.TrimSpace(rest)
	}
	return true
}

// parseUUID is the inverse of appendUUID.
func parseUUID(text []byte) (id [16]byte, ok bool) {
	if len(text) != 36 {
		return id, false
	}
	var digits [32]byte
	n := 0
	for i, c := range text {
		switch {
		case (i == 8 || i == 13 || i == 18 || i == 23) && c == '-':
		case n < len(digits) && c != '-':
			digits[n] = c
			n++
		default:
			return id, false
		}
	}
	_, err := hex.Decode(id[:], digits[:])
	return id, err == nil && n == len(digits)
}

// holds judges a match on a version that is there.
func (m *Match) holds(id [16]byte) bool {
	matches := m.Any
	for _, v := range m.Versions {
		matches = matches || v == id
	}
	return matches != m.Not
}

// isUnchanged answers a GET whose condition spares it the value: 304 if the client has
// this version (RFC 9110 section 13.2.2), 412 if it has another and wants no other.
func (x *exchange) isUnchanged(id [16]byte) bool {
	for i := range x.conditions {
		if m := &x.conditions[i]; !m.holds(id) {
			status := fasthttp.StatusNotModified
			if !m.Not {
				status = fasthttp.StatusPreconditionFailed
			}
			x.ctx.Response.SetStatusCode(status)
			x.unmet = !m.Not
			x.setETag(id)
			return true
		}
	}
	return false
}

// unwritten words why a write was not carried out. If a condition of it did not hold
// and the caller may read the key, it says which version is there.
func (s *Server) unwritten(x *exchange, done Written, err error) *Problem {
	if !errors.Is(err, ErrPrecondition) {
		return s.refuse(err, x.key)
	}
	p := newProblem(slugPrecondition, "the condition does not hold for "+quoted(x.key)+
		": it is not there, or has another version than the request wants; nothing was stored")
	if done.Existed && (s.guard == nil || s.may(x, auth.OpRead, x.key)) {
		p.current = string(appendUUID(nil, done.UUID))
	}
	return p
}
