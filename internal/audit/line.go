package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// lineDomain keeps the hash of a line apart from all other hashes.
const lineDomain = "kvs audit line 1\x00"

// kind is what a line is.
type kind uint8

const (
	kindNone kind = iota
	kindHeader
	kindEntry
	kindCheckpoint
)

// How a line of each kind begins. The number right behind it is that of the
// format for a header, and the one that lines are found by for the others.
const (
	headerStart     = `{"audit":1,"replica":"`
	entryStart      = `{"n":`
	checkpointStart = `{"checkpoint":`
)

// header is the first line of a segment.
type header struct {
	replica ReplicaID
	first   uint64 // the number of the first entry in this segment
	time    Millis // when the segment was begun
}

// line is a line of a segment. Of header, entry and checkpoint, the one that
// kind names is set; the checkpoint lacks its replica, which the header has.
type line struct {
	kind       kind
	header     header
	entry      Entry
	checkpoint Checkpoint
	prev, hash Hash
}

// appendLine appends the one spelling of a line, with its newline, and sets its
// hash.
func appendLine(b []byte, l *line) []byte {
	start := len(b)
	switch l.kind {
	case kindHeader:
		b = appendHex(append(b, headerStart...), l.header.replica[:])
		b = appendNumber(b, `","first":`, l.header.first)
		b = appendNumber(b, `,"t":`, uint64(l.header.time))
	case kindEntry:
		b = appendEntry(b, &l.entry)
	case kindCheckpoint:
		b = appendNumber(b, checkpointStart, l.checkpoint.Number)
		b = appendNumber(b, `,"first":`, l.checkpoint.First)
		b = appendNumber(b, `,"t":`, uint64(l.checkpoint.Time))
		b = append(appendHex(append(b, `,"head":"`...), l.checkpoint.Head[:]), '"')
		b = appendText(b, `,"kid":`, l.checkpoint.Kid)
		b = append(appendHex(append(b, `,"sig":"`...), l.checkpoint.Signature[:]), '"')
	default:
		panic("audit: a line without a kind")
	}
	b = append(appendHex(append(b, `,"prev":"`...), l.prev[:]), '"')
	l.hash = lineHash(&l.prev, b[start:])
	b = appendHex(append(b, `,"hash":"`...), l.hash[:])
	return append(b, `"}`+"\n"...)
}

func appendEntry(b []byte, e *Entry) []byte {
	b = appendNumber(b, entryStart, e.Number)
	b = appendNumber(b, `,"t":`, uint64(e.Time))
	b = appendText(b, `,"actor":`, e.Actor)
	b = appendText(b, `,"action":`, e.Action)
	if e.Key != "" {
		b = appendText(b, `,"key":`, e.Key)
	}
	if e.Version != "" {
		b = appendText(b, `,"version":`, e.Version)
	}
	if e.Value != (Hash{}) {
		b = append(appendHex(append(b, `,"sha256":"`...), e.Value[:]), '"')
	}
	if e.Set != "" {
		b = appendText(b, `,"set":`, e.Set)
	}
	b = appendText(b, `,"result":`, e.Result)
	if e.Request != "" {
		b = appendText(b, `,"request":`, e.Request)
	}
	return b
}

// lineHash is the hash of a line, of which body is all up to the hash itself.
func lineHash(prev *Hash, body []byte) (h Hash) {
	s := sha256.New()
	s.Write([]byte(lineDomain))
	s.Write(prev[:])
	s.Write(body)
	s.Sum(h[:0])
	return h
}

func appendHex(b, bytes []byte) []byte { return hex.AppendEncode(b, bytes) }

func appendNumber(b []byte, name string, n uint64) []byte {
	return strconv.AppendUint(append(b, name...), n, 10)
}

// appendText quotes a text as JSON. It is ours and not that of encoding/json,
// whose spelling has changed between versions of Go: the hashes of old logs must
// not depend on it.
func appendText(b []byte, name, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(append(b, name...), '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
