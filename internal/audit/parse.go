package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
	"unicode/utf8"
)

var (
	errSpelling = errors.New("is no line of an audit log")
	errHash     = errors.New("does not have the hash that it says")
)

// parseLine reads a line, without its newline. It accepts only what appendLine
// writes: two spellings of one entry would be two hashes of it.
func parseLine(raw []byte) (l line, err error) {
	s := scanner{rest: raw}
	switch {
	case bytes.HasPrefix(raw, []byte(entryStart)):
		l.kind = kindEntry
		s.entry(&l.entry)
	case bytes.HasPrefix(raw, []byte(checkpointStart)):
		l.kind = kindCheckpoint
		s.checkpoint(&l.checkpoint)
	default:
		l.kind = kindHeader
		s.hex(headerStart, l.header.replica[:])
		l.header.first = s.number(`,"first":`)
		l.header.time = Millis(s.number(`,"t":`))
	}
	s.hex(`,"prev":"`, l.prev[:])
	body := raw[:len(raw)-len(s.rest)]
	s.hex(`,"hash":"`, l.hash[:])
	s.word("}")
	if s.bad || len(s.rest) > 0 || l.kind == kindEntry && l.entry.Check() != nil {
		return line{}, errSpelling
	}
	if lineHash(&l.prev, body) != l.hash {
		return l, errHash
	}
	return l, nil
}

// lineNumber is the number by which a line is found: that of an entry, or that
// of the entry before a checkpoint. It needs no more than the beginning of the
// line.
func lineNumber(raw []byte) (n uint64, ok bool) {
	s := scanner{rest: raw}
	if bytes.HasPrefix(raw, []byte(entryStart)) {
		n = s.number(entryStart)
	} else {
		n = s.number(checkpointStart)
	}
	return n, !s.bad
}

// scanner takes a line apart from the left. After the first thing that is not
// as expected it is bad and returns zeros.
type scanner struct {
	rest []byte
	bad  bool
}

func (s *scanner) entry(e *Entry) {
	e.Number = s.number(entryStart)
	e.Time = Millis(s.number(`,"t":`))
	e.Actor = s.text(`,"actor":`)
	e.Action = s.text(`,"action":`)
	e.Key = s.optional(`,"key":`)
	e.Version = s.optional(`,"version":`)
	if s.next(`,"sha256":"`) {
		s.hex(`,"sha256":"`, e.Value[:])
		s.bad = s.bad || e.Value == Hash{}
	}
	e.Set = s.optional(`,"set":`)
	e.Result = s.text(`,"result":`)
	e.Request = s.optional(`,"request":`)
}

func (s *scanner) checkpoint(c *Checkpoint) {
	c.Number = s.number(checkpointStart)
	c.First = s.number(`,"first":`)
	c.Time = Millis(s.number(`,"t":`))
	s.hex(`,"head":"`, c.Head[:])
	c.Kid = s.text(`,"kid":`)
	s.hex(`,"sig":"`, c.Signature[:])
	if c.Kid == "" || len(c.Kid) > KidBytesMax || c.First > c.Number+1 {
		s.bad = true
	}
}

func (s *scanner) next(word string) bool { return bytes.HasPrefix(s.rest, []byte(word)) }

// word takes exactly this.
func (s *scanner) word(word string) {
	if s.bad = s.bad || !s.next(word); !s.bad {
		s.rest = s.rest[len(word):]
	}
}

// number takes a name and a number without leading zeros.
func (s *scanner) number(name string) uint64 {
	s.word(name)
	end := 0
	for end < len(s.rest) && s.rest[end] >= '0' && s.rest[end] <= '9' && end < 20 {
		end++
	}
	n, err := strconv.ParseUint(string(s.rest[:end]), 10, 63)
	if err != nil || end > 1 && s.rest[0] == '0' {
		s.bad = true
	}
	if s.bad {
		return 0
	}
	s.rest = s.rest[end:]
	return n
}

// hex takes a name with a quotation mark, as many lower-case digits as fill
// into, and the other quotation mark.
func (s *scanner) hex(name string, into []byte) {
	s.word(name)
	digits := 2 * len(into)
	if s.bad = s.bad || len(s.rest) < digits; s.bad {
		return
	}
	_, err := hex.Decode(into, s.rest[:digits])
	if err != nil || bytes.ContainsAny(s.rest[:digits], "ABCDEF") {
		s.bad = true
	}
	if s.rest = s.rest[digits:]; s.bad {
		clear(into)
	}
	s.word(`"`)
}

// optional takes a name and a text, if the name is there: then the text is not
// empty.
func (s *scanner) optional(name string) string {
	if !s.next(name) {
		return ""
	}
	text := s.text(name)
	s.bad = s.bad || text == ""
	return text
}

// text takes a name and a quoted text.
func (s *scanner) text(name string) string {
	s.word(name)
	s.word(`"`)
	if s.bad {
		return ""
	}
	end := bytes.IndexAny(s.rest, `"\`)
	if end >= 0 && s.rest[end] == '"' && plain(s.rest[:end]) {
		text := string(s.rest[:end])
		s.rest = s.rest[end+1:]
		return text
	}
	return s.quoted()
}

// plain says that a text without quotation marks and backslashes stands as it
// is.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(b)
}

// quoted takes what is left of a text that has something quoted in it.
func (s *scanner) quoted() string {
	var out []byte
	for i := 0; i < len(s.rest); i++ {
		c := s.rest[i]
		switch {
		case c == '"':
			s.rest = s.rest[i+1:]
			s.bad = !utf8.Valid(out)
			return string(out)
		case c < ' ':
			s.bad = true
			return ""
		case c != '\\':
			out = append(out, c)
			continue
		}
		escape := s.rest[i+1:]
		if len(escape) > 0 && (escape[0] == '"' || escape[0] == '\\') {
			out = append(out, escape[0])
			i++
			continue
		}
		control, ok := controlOf(escape)
		if !ok {
			s.bad = true
			return ""
		}
		out = append(out, control)
		i += len(`u0000`)
	}
	s.bad = true
	return ""
}

// controlOf reads the escape of a control character, behind its backslash.
func controlOf(escape []byte) (c byte, ok bool) {
	if len(escape) < 5 || !bytes.HasPrefix(escape, []byte(`u00`)) {
		return 0, false
	}
	var b [1]byte
	if _, err := hex.Decode(b[:], escape[3:5]); err != nil {
		return 0, false
	}
	return b[0], b[0] < ' ' && !bytes.ContainsAny(escape[3:5], "ABCDEF")
}
