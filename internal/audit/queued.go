package audit

import (
	"bytes"
	"errors"
)

// ErrQueued says that a text holds no queued entries.
var ErrQueued = errors.New("not a list of queued audit entries")

// AppendQueued appends an entry that waits to be logged, as a line. It is that of
// the log without the hashes, which it gets when it is logged.
func AppendQueued(b []byte, e *Entry) []byte { return append(appendEntry(b, e), "}\n"...) }

// ParseQueued reads what AppendQueued has written, any number of times.
func ParseQueued(text []byte) (out []Entry, err error) {
	for len(text) > 0 {
		raw, rest, found := bytes.Cut(text, []byte("}\n"))
		var e Entry
		s := scanner{rest: raw}
		s.entry(&e)
		if !found || s.bad || len(s.rest) > 0 || e.Check() != nil {
			return nil, ErrQueued
		}
		out, text = append(out, e), rest
	}
	return out, nil
}
