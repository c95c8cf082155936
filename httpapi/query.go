package httpapi

import (
	"bytes"
	"strings"
)

// parameter is one query parameter, as a bit of a set.
type parameter uint64

const (
	paramTTL parameter = 1 << iota
	paramRaw
	paramPretty
	paramStrict
	paramStartKey
	paramEndKey
	paramLimit
	paramCursor
	paramPeer
	paramKeys
	paramDrain
	paramForce
	paramList
	paramDelimiter
	paramDepth
	paramCount
	paramKeysOnly
	paramPrefix
	paramSince
	paramFeed
	paramInclude
	paramSnapshot
	paramHeartbeat
	paramRevisions
	paramRev
	paramAt
	paramExplain
	paramWait
	paramAcks
	paramRead
	paramReverse
	paramRecurse
	paramDryRun
	paramMeta
	paramVerbose
	paramMode
	paramStart
	paramIncremental
)

// parameterNames is indexed by the bit's number. It is never written to.
var parameterNames = [...]string{
	"ttl", "raw", "pretty", "strict", "start_key", "end_key", "limit", "cursor",
	"peer", "keys", "drain", "force",
	"list", "delimiter", "depth", "count", "keys_only", "prefix", "since",
	"feed", "include", "snapshot", "heartbeat",
	"revisions", "rev", "at", "explain", "wait", "acks", "read",
	"reverse", "recurse", "dry_run", "meta", "verbose", "mode", "start", "incremental",
}

// query holds the decoded parameters of one request.
type query struct {
	seen   parameter
	values [len(parameterNames)]string
}

// has says whether a parameter was given.
func (q *query) has(p parameter) bool { return q.seen&p != 0 }

// value is the text of a parameter, "" if it was not given.
func (q *query) value(p parameter) string {
	for i := range q.values {
		if p == 1<<i {
			return q.values[i]
		}
	}
	return ""
}

// parse reads raw strictly: a misspelt or repeated parameter is refused, since
// ignoring it would, for example, quietly lose an expiry.
func (q *query) parse(raw []byte, accepted parameter) *Problem {
	*q = query{}
	for len(raw) > 0 {
		var pair []byte
		pair, raw, _ = bytes.Cut(raw, []byte{'&'})
		if len(pair) == 0 {
			continue
		}
		name, value, _ := bytes.Cut(pair, []byte{'='})
		if p := q.set(name, value, accepted); p != nil {
			return p
		}
	}
	return nil
}

func (q *query) set(rawName, rawValue []byte, accepted parameter) *Problem {
	name, ok := decodeForm(rawName)
	index := indexOf(name)
	if !ok || index < 0 || accepted&(1<<index) == 0 {
		return invalidParameter("unknown query parameter " + quoted(rawName) +
			"; this endpoint takes " + accepted.list())
	}
	if q.has(1 << index) {
		return invalidParameter("query parameter " + name + " is given twice")
	}
	value, ok := decodeForm(rawValue)
	if !ok {
		return invalidParameter("broken percent escape in " + name + ": " + quoted(rawValue))
	}
	q.seen |= 1 << index
	q.values[index] = value
	return nil
}

// flag reads a switch: ?name, ?name=true or ?name=false.
func (q *query) flag(p parameter, name string) (bool, *Problem) {
	if !q.has(p) {
		return false, nil
	}
	switch text := q.value(p); text {
	case "", "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, invalidParameter(name + " must be true or false, not " + quoted(text))
	}
}

func indexOf(name string) int {
	for i := range parameterNames {
		if parameterNames[i] == name {
			return i
		}
	}
	return -1
}

// list names the parameters of a set, for people.
func (p parameter) list() string {
	var names []string
	for i := range parameterNames {
		if p&(1<<i) != 0 {
			names = append(names, parameterNames[i])
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// decodeForm decodes percent escapes and, as HTML forms, curl and
// URLSearchParams agree for a query, '+' as a space.
func decodeForm(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '%') < 0 && bytes.IndexByte(raw, '+') < 0 {
		return string(raw), true
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '+':
			out = append(out, ' ')
		case '%':
			c, ok := unescape(raw[i:])
			if !ok {
				return "", false
			}
			out = append(out, c)
			i += 2
		default:
			out = append(out, raw[i])
		}
	}
	return string(out), true
}

func invalidParameter(detail string) *Problem { return newProblem(slugInvalidParameter, detail) }
