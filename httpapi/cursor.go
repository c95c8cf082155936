package httpapi

import (
	"encoding/base64"
	"encoding/binary"
)

// cursor is where a listing goes on. To clients it is an opaque string; it
// carries the range and the direction too, so that a cursor alone continues the very
// listing it came from.
type cursor struct {
	walk Walk
	at   string // its new Start or, backwards, its new End
}

// The first byte of a cursor says how it is written. Layouts of earlier
// versions are refused: a listing lasts for moments.
const (
	cursorPlain  = 2
	cursorSealed = 3
	cursorBack   = 4 // plain, of a walk backwards
)

// sealedMultiple is what the lengths of sealed cursors are multiples of, in
// bytes: that of a hidden key is not to be read from them.
const sealedMultiple = 256

// pack is the layout of all forms: start and place with their lengths, and the end.
func (c cursor) pack() []byte {
	b := make([]byte, 0, 2*binary.MaxVarintLen16+len(c.walk.Start)+len(c.at)+len(c.walk.End))
	for _, part := range []string{c.walk.Start, c.at} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return append(b, c.walk.End...)
}

// unpack is the inverse of pack for a cursor that has its direction. It trusts nothing:
// a plain cursor may come from anywhere, and whatever it says is only ever used as
// range bounds.
func (c cursor) unpack(b []byte) (_ cursor, ok bool) {
	for _, part := range []*string{&c.walk.Start, &c.at} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return cursor{}, false
		}
		*part, b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	c.walk.End = string(b)
	if c.walk.Back {
		return c, c.walk.Start < c.at && (c.walk.End == "" || c.at <= c.walk.End)
	}
	return c, c.at != "" && c.walk.Start <= c.at && (c.walk.End == "" || c.at < c.walk.End)
}

// cursorText is the opaque form, safe in a URL. One whose reader does not see
// every key may name a hidden one, so only the nodes of the cluster can read it.
func (s *Server) cursorText(c cursor, hidden bool) string {
	kind, use := byte(cursorPlain), byte(sealedListing)
	if c.walk.Back {
		kind, use = cursorBack, sealedListingBack
	}
	if hidden {
		return s.sealed(use, c.pack())
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte{kind}, c.pack()...))
}

// parseCursor is the inverse of cursorText.
func (s *Server) parseCursor(text string) (cursor, bool) {
	if len(text) > cursorBytesMax {
		return cursor{}, false
	}
	back := cursor{walk: Walk{Back: true}}
	if packed, ok := s.unsealed(sealedListing, text); ok {
		return cursor{}.unpack(packed)
	}
	if packed, ok := s.unsealed(sealedListingBack, text); ok {
		return back.unpack(packed)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || len(b) == 0:
		return cursor{}, false
	case b[0] == cursorPlain:
		return cursor{}.unpack(b[1:])
	case b[0] == cursorBack:
		return back.unpack(b[1:])
	}
	return cursor{}, false
}

// What a sealed text is for: one is good for nothing else.
const (
	sealedListing = 1
	sealedChanges = 2

	sealedListingBack = 3
	sealedConflicts   = 4
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
