package httpapi

import (
	"encoding/base64"
	"encoding/binary"
)

// cursor is where a listing goes on. To clients it is an opaque string; it
// carries the end of the range too, so that a cursor alone continues the very
// listing it came from.
type cursor struct {
	next string // The first key of the next page.
	end  string // The range's exclusive end; "" is none.
}

// cursorVersion is the first byte of a cursor. A later layout gets another.
const cursorVersion = 1

// text is the opaque form, safe in a URL.
func (c cursor) text() string {
	b := make([]byte, 0, 1+2*binary.MaxVarintLen16+len(c.next)+len(c.end))
	b = append(b, cursorVersion)
	b = binary.AppendUvarint(b, uint64(len(c.next)))
	b = append(b, c.next...)
	b = append(b, c.end...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor is the inverse of text. It trusts nothing: a cursor may come
// from anywhere, and whatever it says is only ever used as two range bounds.
func parseCursor(text string) (cursor, bool) {
	if len(text) > cursorBytesMax {
		return cursor{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || b[0] != cursorVersion {
		return cursor{}, false
	}
	size, n := binary.Uvarint(b[1:])
	if n <= 0 || size == 0 || size > uint64(len(b)-1-n) {
		return cursor{}, false
	}
	rest := b[1+n:]
	c := cursor{next: string(rest[:size]), end: string(rest[size:])}
	if (c.end != "" && c.next >= c.end) || c.text() != text {
		return cursor{}, false
	}
	return c, true
}
