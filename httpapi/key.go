package httpapi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CanonicalKey turns the raw, still encoded part of a request target after
// "/kv/" into the key it names. All spellings of one key give the same result.
//
// Each segment is percent-decoded exactly once. One leading slash is ignored,
// because people write keys as paths ("/home/room" is "home/room"), so that
// "/kv/" + key always works. A second one is an empty segment like any other
// and refused. '+' is itself: it means a space in a query only.
func CanonicalKey(raw []byte) (string, *Problem) {
	key, p := decodeKey(raw)
	if p == nil && isReserved(key) {
		p = reservedKey(key)
	}
	if p != nil {
		return "", p
	}
	return key, nil
}

// isReserved says whether a canonical key belongs to the system.
func isReserved(key string) bool { return len(key) > 0 && key[0] == '_' }

func reservedKey(key string) *Problem {
	return newProblem(slugReservedKey,
		"the key "+quoted(key)+" is reserved: its first segment begins with '_'")
}

// decodeKey is CanonicalKey without the rule about reserved names, so that
// routes under /kv/ such as _range go through the same decoding.
func decodeKey(raw []byte) (string, *Problem) {
	if len(raw) > 0 && raw[0] == '/' {
		raw = raw[1:]
	}
	if len(raw) == 0 {
		return "", invalidKey("the key is empty")
	}
	if len(raw) > 3*KeyBytesMax {
		return "", keyTooLong(len(raw) / 3)
	}
	key := raw
	if bytes.IndexByte(raw, '%') >= 0 {
		var p *Problem
		if key, p = decodePercent(raw); p != nil {
			return "", p
		}
	}
	if len(key) > KeyBytesMax {
		return "", keyTooLong(len(key))
	}
	if p := checkCharacters(key); p != nil {
		return "", p
	}
	if p := checkSegments(key); p != nil {
		return "", p
	}
	return string(key), nil
}

// decodePercent decodes every escape once. An encoded slash is refused, so
// decoding never changes where the segments end.
func decodePercent(raw []byte) ([]byte, *Problem) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			out = append(out, raw[i])
			continue
		}
		c, ok := unescape(raw[i:])
		if !ok {
			end := min(i+3, len(raw))
			return nil, invalidKey("broken percent escape " + quoted(raw[i:end]) +
				": write %25 for a percent sign")
		}
		if c == '/' {
			return nil, invalidKey("encoded slash (%2F): a slash always separates segments")
		}
		out = append(out, c)
		i += 2
	}
	return out, nil
}

// unescape reads the percent escape that s starts with.
func unescape[T ~string | ~[]byte](s T) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	hi, lo := unhex(s[1]), unhex(s[2])
	if hi > 15 || lo > 15 {
		return 0, false
	}
	return hi<<4 | lo, true
}

// unhex is the value of a hex digit, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// checkCharacters refuses control characters and bytes that are not UTF-8.
func checkCharacters(key []byte) *Problem {
	for i := 0; i < len(key); {
		c := key[i]
		if c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(key[i:])
		if r == utf8.RuneError && size == 1 {
			return invalidKey("byte " + strconv.Itoa(i+1) + " of the key is not valid UTF-8")
		}
		if unicode.IsControl(r) {
			return invalidKey(fmt.Sprintf("control character %U at byte %d of the key", r, i+1))
		}
		i += size
	}
	return nil
}

// checkSegments refuses empty, "." and ".." segments.
func checkSegments(key []byte) *Problem {
	if key[len(key)-1] == '/' {
		return invalidKey("the key ends with '/': a key names one value, not a directory")
	}
	number := 1
	for rest, more := key, true; more; number++ {
		var segment []byte
		segment, rest, more = bytes.Cut(rest, []byte{'/'})
		switch string(segment) {
		case "":
			return invalidKey("segment " + strconv.Itoa(number) + " of the key is empty (\"//\")")
		case ".", "..":
			return invalidKey("segment " + strconv.Itoa(number) + " of the key is " +
				quoted(segment) + ": keys are never resolved like file names")
		}
	}
	return nil
}

// trimLeadingSlash applies the rule of the leading slash to a range bound.
func trimLeadingSlash(bound string) string { return strings.TrimPrefix(bound, "/") }

func invalidKey(detail string) *Problem { return newProblem(slugInvalidKey, detail) }

func keyTooLong(atLeast int) *Problem {
	p := invalidKey("the key is longer than " + strconv.Itoa(KeyBytesMax) + " bytes")
	p.Limit, p.Actual = KeyBytesMax, int64(atLeast)
	return p
}
