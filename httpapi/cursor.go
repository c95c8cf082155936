package httpapi

import (
	"encoding/base64"
	"encoding/binary"
)

// cursor is where a listing goes on. To clients it is an opaque string; it
// carries the range too, so that a cursor alone continues the very listing it
// came from.
type cursor struct {
	start string // The range's first key.
	end   string // The range's exclusive end; "" is none.
	next  string // The first key of the next page.
}

// The first byte of a cursor says how it is written. Layouts of earlier
// versions are refused: a listing lasts for moments.
const (
	cursorPlain  = 2
	cursorSealed = 3
)

// sealedMultiple is what the lengths of sealed cursors are multiples of, in
// bytes: that of a hidden key is not to be read from them.
const sealedMultiple = 256

// pack is the layout of both forms: start and next with their lengths, and the end.
func (c cursor) pack() []byte {
	b := make([]byte, 0, 2*binary.MaxVarintLen16+len(c.start)+len(c.next)+len(c.end))
	for _, part := range []string{c.start, c.next} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return append(b, c.end...)
}

// unpack is the inverse of pack. It trusts nothing: a plain cursor may come from
// anywhere, and whatever it says is only ever used as range bounds.
func unpack(b []byte) (c cursor, ok bool) {
	for _, part := range []*string{&c.start, &c.next} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return cursor{}, false
		}
		*part, b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	c.end = string(b)
	return c, c.next != "" && c.start <= c.next && (c.end == "" || c.next < c.end)
}

// cursorText is the opaque form, safe in a URL. One whose reader does not see
// every key may name a hidden one, so only the nodes of the cluster can read it.
func (s *Server) cursorText(c cursor, hidden bool) string {
	if hidden {
		return s.sealed(sealedListing, c.pack())
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorPlain}, c.pack()...))
}

// parseCursor is the inverse of cursorText.
func (s *Server) parseCursor(text string) (cursor, bool) {
	if len(text) > cursorBytesMax {
		return cursor{}, false
	}
	if packed, ok := s.unsealed(sealedListing, text); ok {
		return unpack(packed)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || b[0] != cursorPlain {
		return cursor{}, false
	}
	return unpack(b[1:])
}

// What a sealed text is for: one is good for nothing else.
const (
	sealedListing = 1
	sealedChanges = 2
)

// sealed is a text that clients carry and cannot read.
func (s *Server) sealed(use byte, plain []byte) string {
	padded := append(binary.AppendUvarint([]byte{use}, uint64(len(plain))), plain...)
	padded = append(padded, make([]byte, sealedMultiple-len(padded)%sealedMultiple)...)
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorSealed}, s.guard.Seal(padded)...))
}

// unsealed is the inverse of sealed; false says that the text is something else.
func (s *Server) unsealed(use byte, text string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || b[0] != cursorSealed || s.guard == nil {
		return nil, false
	}
	padded, ok := s.guard.Unseal(b[1:])
	if !ok || len(padded) == 0 || padded[0] != use {
		return nil, false
	}
	padded = padded[1:]
	size, n := binary.Uvarint(padded)
	if n <= 0 || size > uint64(len(padded)-n) {
		return nil, false
	}
	return padded[n : n+int(size)], true
}
