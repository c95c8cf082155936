package httpapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// scanner checks one JSON text (RFC 8259) in place, in one pass, and never
// copies a byte of it. encoding/json.Valid accepts the same grammar, but
// neither bounds the depth nor looks at UTF-8, and would have to run before a
// second pass finds the members of an envelope.
//
// The functions below recurse; JSONDepthMax bounds how deep.
type scanner struct {
	text  []byte
	pos   int
	depth int
	fault string // Why the scan stopped at pos; empty while all is well.

	// The members of the text's own object, as far as an envelope can have
	// them, and how many there are.
	top      [2]member
	topCount int
}

// member is one field of the outermost object.
type member struct {
	name  []byte // The JSON string, quotes included.
	value []byte // Without the whitespace around it.
}

// scan checks text. The members it finds alias text.
func (s *scanner) scan(text []byte) *Problem {
	*s = scanner{text: text}
	if !utf8.Valid(text) {
		s.pos = invalidUTF8(text)
		s.fault = "bytes that are not UTF-8"
		return s.problem()
	}
	s.space()
	if s.pos == len(text) {
		return newProblem(slugInvalidJSON,
			"the body is empty: to store nothing, store null; to remove a key, use DELETE")
	}
	if !s.value() {
		return s.problem()
	}
	s.space()
	if s.pos < len(text) {
		s.fault = "unexpected text after the value"
		return s.problem()
	}
	return nil
}

// problem words the fault at pos.
func (s *scanner) problem() *Problem {
	line, column := 1, 1
	for _, c := range s.text[:s.pos] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return newProblem(slugInvalidJSON, "the body is not valid JSON: "+s.fault+" at line "+
		strconv.Itoa(line)+", byte "+strconv.Itoa(column))
}

// fail records why the scan stops here.
func (s *scanner) fail(what string) bool {
	if s.pos >= len(s.text) {
		what = "unexpected end"
	}
	s.fault = what
	return false
}

// peek is the byte at pos, or 0 at the end, which no rule accepts.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// value scans one value that starts at pos.
func (s *scanner) value() bool {
	switch c := s.peek(); c {
	case '{':
		return s.enter() && s.object() && s.leave()
	case '[':
		return s.enter() && s.array() && s.leave()
	case '"':
		return s.str()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c == '-' || isDigit(c) {
			return s.number()
		}
		return s.fail("a value is expected")
	}
}

func (s *scanner) enter() bool {
	if s.depth == JSONDepthMax {
		return s.fail("nesting deeper than " + strconv.Itoa(JSONDepthMax))
	}
	s.depth++
	s.pos++
	s.space()
	return true
}

func (s *scanner) leave() bool {
	s.depth--
	return true
}

// object scans the rest of an object after its brace.
func (s *scanner) object() bool {
	if s.peek() == '}' {
		s.pos++
		return true
	}
	for {
		nameAt := s.pos
		if s.peek() != '"' {
			return s.fail("a field name in quotes is expected")
		}
		if !s.str() {
			return false
		}
		nameEnd := s.pos
		s.space()
		if s.peek() != ':' {
			return s.fail("':' is expected after a field name")
		}
		s.pos++
		s.space()
		valueAt := s.pos
		if !s.value() {
			return false
		}
		if s.depth == 1 {
			s.note(member{name: s.text[nameAt:nameEnd], value: s.text[valueAt:s.pos]})
		}
		if closed, ok := s.separator('}'); !ok || closed {
			return ok
		}
	}
}

// note remembers a member of the outermost object.
func (s *scanner) note(m member) {
	if s.topCount < len(s.top) {
		s.top[s.topCount] = m
	}
	s.topCount++
}

// array scans the rest of an array after its bracket.
func (s *scanner) array() bool {
	if s.peek() == ']' {
		s.pos++
		return true
	}
	for {
		if !s.value() {
			return false
		}
		if closed, ok := s.separator(']'); !ok || closed {
			return ok
		}
	}
}

// separator scans what follows an element: a comma, or the end of the whole.
func (s *scanner) separator(end byte) (closed, ok bool) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		s.space()
		return false, true
	case end:
		s.pos++
		return true, true
	}
	return false, s.fail("',' or '" + string(rune(end)) + "' is expected")
}

// str scans a string. Its bytes are known to be UTF-8.
func (s *scanner) str() bool {
	s.pos++
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return s.fail("a control character in a string")
		default:
			s.pos++
		}
	}
	return s.fail("")
}

// escape scans a backslash and what it escapes.
func (s *scanner) escape() bool {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
		s.pos++
		for range 4 {
			if unhex(s.peek()) > 15 {
				return s.fail("four hex digits are expected after \\u")
			}
			s.pos++
		}
		return true
	}
	return s.fail("an unknown escape in a string")
}

func (s *scanner) literal(word string) bool {
	for i := range len(word) {
		if s.peek() != word[i] {
			return s.fail("a value is expected")
		}
		s.pos++
	}
	return true
}

// number scans a number by the grammar of RFC 8259 section 6.
func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c = s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return true
}

// digits scans one or more digits.
func (s *scanner) digits() bool {
	if !isDigit(s.peek()) {
		return s.fail("a digit is expected")
	}
	for isDigit(s.peek()) {
		s.pos++
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// invalidUTF8 is where text stops being UTF-8.
func invalidUTF8(text []byte) int {
	i := 0
	for i < len(text) {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return i
}

// envelope finds the two parts of a TTL envelope: an object with exactly the
// two fields data and ttl, in any order and whatever their types. Names are
// compared as strings, so an escaped spelling counts too.
func (s *scanner) envelope() (data, ttl []byte, ok bool) {
	if s.topCount != 2 {
		return nil, nil, false
	}
	first, second := s.top[0], s.top[1]
	switch {
	case first.is("data") && second.is("ttl"):
		return first.value, second.value, true
	case first.is("ttl") && second.is("data"):
		return second.value, first.value, true
	}
	return nil, nil, false
}

// is says whether the member's name spells want.
func (m member) is(want string) bool {
	inner := m.name[1 : len(m.name)-1]
	if string(inner) == want {
		return true
	}
	// Only an escape can spell the same name in another way.
	if bytes.IndexByte(inner, '\\') < 0 {
		return false
	}
	var name string
	return json.Unmarshal(m.name, &name) == nil && name == want
}
