package httpapi

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
)

const (
	headerRequestID = "X-Request-Id"

	// requestIDBytesMax bounds a request id that is taken over from a client.
	requestIDBytesMax = 128
)

// requestIDs makes names for requests that come without one: a random start and
// a count, so that they are one of a kind without drawing for each.
type requestIDs struct {
	start [4]byte
	count atomic.Uint64
}

func (r *requestIDs) draw() { _, _ = rand.Read(r.start[:]) } // crypto/rand never fails

// appendNext appends 24 hex digits.
func (r *requestIDs) appendNext(dst []byte) []byte {
	var b [12]byte
	copy(b[:], r.start[:])
	binary.BigEndian.PutUint64(b[4:], r.count.Add(1))
	return hex.AppendEncode(dst, b[:])
}

// identify names a request as its client did, if that name can stand in a log.
func (s *Server) identify(x *exchange) {
	given := x.ctx.Request.Header.Peek(headerRequestID)
	if isRequestID(given) {
		x.id = append(x.id[:0], given...)
		return
	}
	x.id = s.ids.appendNext(x.id[:0])
}

// isRequestID accepts what tools that trace requests put there, such as UUIDs,
// hex and base64. Quotes, spaces and control characters are not among it.
func isRequestID(id []byte) bool {
	for _, c := range id {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=', c == '@', c == '~':
		default:
			return false
		}
	}
	return len(id) > 0 && len(id) <= requestIDBytesMax
}
