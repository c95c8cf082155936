package httpapi

import (
	"encoding/hex"
	"errors"
	"strconv"
)

// History is what this node remembers of what keys were. It is each node's own.
type History interface {
	// Versions lists the versions of a key that this node knows, the one that stands
	// first, then the newest: also of a key that is deleted or that it has forgotten, of
	// which it knows none. Of those that want names it brings the values, as far as they
	// fit into memory.
	Versions(key string, want func(uuid [16]byte) bool) ([]Version, error)
	// StoodAt returns the version that a reader saw at a time. ErrNotFound says that
	// there was none, or, unless known, that it is not kept.
	StoodAt(key string, at int64) (v Version, known bool, err error)
	// Past visits what a reader of a range saw at a time, in the order of the keys, until
	// visit returns false or it has looked at enough: then next is where it goes on.
	Past(start, end string, at int64, visit func(Version) bool) (next string, err error)
	// Rewind writes old values as new versions.
	Rewind(r Rewind) (Rewound, error)
	// Conflicts lists the concurrent versions that met here, the newest first: at most
	// limit of those with numbers below before, or of all if before is 0.
	Conflicts(before uint64, limit int) ([]Conflict, error)
}

// Version is one version of a key. Data is nil if its value was not asked for.
type Version struct {
	Record
	Deleted  bool
	State    string   // "current", "replaced", "late" or "unplaced"
	At       int64    // when it was replaced, or came too late; Unix milliseconds
	By       [16]byte // what took its place, or stood there already
	Replaces [16]byte // what it replaced where it was written; zero nothing
	Origin   string   // the node that wrote it
	Joined   int64    // when that node joined the cluster; Unix milliseconds
	Order    [32]byte // of two versions of a key the one with the greater bytes stands
	Rule     string   // what decides between it and the one that stands
	Lost     Loss
}

// Loss is why a version does not stand.
type Loss uint8

// The reasons.
const (
	LossUnknown  Loss = iota // whoever wrote what stands may have seen it, or not
	LossReplaced             // somebody saw it and wrote another
	LossConflict             // it was written at the same time as one that beats it, and nobody replaced it knowingly
)

// Conflict is a meeting of two versions that were written without knowing of each other.
type Conflict struct {
	Number        uint64
	At            int64 // Unix milliseconds
	Key           string
	Rule          string // what decided
	Winner, Loser Version
}

const paramsConflicts = paramLimit | paramCursor | paramPrefix

// past answers a GET that asks for what a key was. asked is false for any other.
func (s *Server) past(x *exchange) (asked bool, p *Problem) {
	q := &x.query
	which := q.seen & (paramRevisions | paramRev | paramAt | paramExplain)
	switch {
	case which == 0:
		return false, nil
	case which&(which-1) != 0:
		return true, invalidParameter("revisions, rev, at and explain are four questions; ask one of them")
	case x.wantsMeta:
		return true, invalidParameter("meta is about the version that stands: drop it")
	case s.history == nil:
		return true, newProblem(slugNotReady, "this node keeps no history")
	}
	s.markSyncing(x)
	switch which {
	case paramRevisions:
		return true, s.serveRevisions(x)
	case paramRev:
		return true, s.serveRevision(x)
	case paramAt:
		return true, s.serveAt(x)
	}
	return true, s.serveExplain(x)
}

// versions lists those of a request's key that its caller may be shown.
func (s *Server) versions(x *exchange, want func(uuid [16]byte) bool) ([]Version, error) {
	if x.hidden {
		return nil, nil
	}
	vs, err := s.history.Versions(x.key, want)
	if s.filter(x) != nil {
		vs = thisLife(vs)
	}
	return vs, err
}

// thisLife leaves of the versions of a key those to which its rights extend: the one
// that stands and what it comes from, version by version, and what was written beside
// these. A deletion has taken the rights away that held for what was before, and where
// the node does not know what lies between there may have been one. Who asks for no
// rights is shown them all.
func thisLife(vs []Version) (out []Version) {
	if len(vs) == 0 || vs[0].State != "current" {
		return nil
	}
	same := map[[16]byte]bool{}
	for i, from := 0, vs[0].UUID; i < len(vs); i++ {
		if vs[i].UUID == from && !vs[i].Deleted {
			same[from], from = true, vs[i].Replaces
		}
	}
	for i := len(vs) - 1; i > 0; i-- {
		if same[vs[i].Replaces] && !vs[i].Deleted {
			same[vs[i].UUID] = true
		}
	}
	out = vs[:1:1]
	for _, v := range vs[1:] {
		if same[v.UUID] {
			out = append(out, v)
		}
	}
	return out
}

// stoodAt finds what a reader saw at a time, as far as the caller may be shown it.
func (s *Server) stoodAt(x *exchange, at int64) (v Version, known bool, err error) {
	if x.hidden {
		return v, true, ErrNotFound
	}
	v, known, err = s.history.StoodAt(x.key, at)
	if s.filter(x) == nil || err != nil && !errors.Is(err, ErrNotFound) {
		return v, known, err
	}
	vs, failed := s.versions(x, func([16]byte) bool { return false })
	if failed != nil {
		return v, false, failed
	}
	for i := range vs {
		if vs[i].UUID == v.UUID {
			return v, known, err
		}
	}
	return Version{}, len(vs) == 0 || vs[len(vs)-1].Replaces == [16]byte{}, ErrNotFound
}

// serveRevisions answers GET /kv/{key}?revisions=N.
func (s *Server) serveRevisions(x *exchange) *Problem {
	most := rangeLimitDefault
	if text := x.query.value(paramRevisions); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > rangeLimitMax {
			return invalidParameter("revisions must be a number from 1 to " + strconv.Itoa(rangeLimitMax) +
				", not " + quoted(text))
		}
		most = n
	}
	asked := 1 // the one that stands comes with its value
	vs, err := s.versions(x, func([16]byte) bool { asked++; return asked <= most })
	if err != nil {
		return s.refuse(err, x.key)
	}
	if len(vs) == 0 {
		return newProblem(slugKeyNotFound, "this node knows no version of "+quoted(x.key))
	}
	b := appendString([]byte(`{"key":`), x.key)
	b = append(b, `,"revisions":[`...)
	for i := range vs[:min(most, len(vs))] {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendVersion(b, &vs[i])
	}
	x.respond(typeJSON, append(b, "]}"...))
	return nil
}

// appendVersion appends a version with its value and what became of it.
func appendVersion(b []byte, v *Version) []byte {
	b = appendUUID(append(b, `{"uuid":"`...), v.UUID)
	b = strconv.AppendInt(append(b, `","timestamp":`...), v.Timestamp, 10)
	switch {
	case v.Deleted:
		b = append(b, `,"deleted":true`...)
	case v.Data != nil:
		b = append(append(b, `,"data":`...), v.Data...)
	}
	if v.ExpiresAt != 0 {
		b = strconv.AppendInt(append(b, `,"expires_at":`...), v.ExpiresAt, 10)
	}
	b = appendString(append(b, `,"origin":`...), v.Origin)
	b = hex.AppendEncode(append(b, `,"version":"`...), v.Order[:])
	b = append(append(append(b, `","state":"`...), v.State...), '"')
	if v.At != 0 {
		b = strconv.AppendInt(append(b, `,"lost_at":`...), v.At, 10)
	}
	if v.By != ([16]byte{}) {
		b = append(appendUUID(append(b, `,"by":"`...), v.By), '"')
	}
	if v.Lost == LossConflict {
		b = append(append(append(b, `,"conflict":true,"rule":"`...), v.Rule...), '"')
	}
	return append(b, '}')
}

// serveRevision answers GET /kv/{key}?rev=UUID.
func (s *Server) serveRevision(x *exchange) *Problem {
	id, ok := parseUUID([]byte(x.query.value(paramRev)))
	if !ok {
		return invalidParameter("rev must be the uuid of a version, not " + quoted(x.query.value(paramRev)))
	}
	vs, err := s.versions(x, func(u [16]byte) bool { return u == id })
	if err != nil {
		return s.refuse(err, x.key)
	}
	for i := range vs {
		if vs[i].UUID != id {
			continue
		}
		if vs[i].Deleted {
			return newProblem(slugKeyNotFound, "this version of "+quoted(x.key)+" is a deletion")
		}
		x.onRecord(vs[i].Record)
		return nil
	}
	return newProblem(slugKeyNotFound, "this node does not keep that version of "+quoted(x.key))
}

// serveAt answers GET /kv/{key}?at=MS.
func (s *Server) serveAt(x *exchange) *Problem {
	at, err := strconv.ParseInt(x.query.value(paramAt), 10, 64)
	if err != nil || at < 0 {
		return invalidParameter("at must be a time in milliseconds since 1970, not " + quoted(x.query.value(paramAt)))
	}
	v, known, err := s.stoodAt(x, at)
	switch {
	case errors.Is(err, ErrNotFound) && known:
		return newProblem(slugKeyNotFound, "there was no "+quoted(x.key)+" at that time")
	case errors.Is(err, ErrNotFound):
		return newProblem(slugKeyNotFound, "this node keeps no version of "+quoted(x.key)+" from that time any more")
	case err != nil:
		return s.refuse(err, x.key)
	}
	x.onRecord(v.Record)
	return nil
}

// serveExplain answers GET /kv/{key}?explain: which versions this node knows, which one
// stands, and why.
func (s *Server) serveExplain(x *exchange) *Problem {
	vs, err := s.versions(x, func([16]byte) bool { return false })
	if err != nil {
		return s.refuse(err, x.key)
	}
	if len(vs) == 0 {
		return newProblem(slugKeyNotFound, "this node knows no version of "+quoted(x.key))
	}
	b := appendString([]byte(`{"key":`), x.key)
	b = append(b, `,"candidates":[`...)
	for i := range vs {
		v := &vs[i]
		v.Data = nil
		if i > 0 {
			b = append(b, ',')
		}
		b = appendVersion(b, v)
		b = b[:len(b)-1] // one more brace below
		b = strconv.AppendInt(append(b, `,"joined_timestamp":`...), v.Joined, 10)
		if v.State != "current" {
			b = append(append(append(b, `,"decided_by":"`...), v.Rule...), '"')
			b = append(append(append(b, `,"concurrent":"`...), v.Lost.concurrent()...), '"')
		}
		b = appendString(append(b, `,"text":`...), v.words())
		b = append(b, '}')
	}
	x.respond(typeJSON, append(b, "]}"...))
	return nil
}

// concurrent says whether the loser was written without knowledge of what beats it.
func (l Loss) concurrent() string {
	return [...]string{"unknown", "no", "yes"}[l]
}

// words tells a version's story in a sentence.
func (v *Version) words() string {
	if v.State == "current" {
		if v.Deleted {
			return "the key is deleted: this deletion is the newest version"
		}
		return "this version stands"
	}
	why := map[string]string{
		"timestamp": "the newer timestamp wins",
		"joined":    "the timestamps are equal, and the node that joined earlier wins",
		"uuid":      "timestamps and join times are equal, and the smaller uuid wins",
	}[v.Rule]
	switch v.Lost {
	case LossReplaced:
		return "somebody who had seen it wrote another version"
	case LossConflict:
		return "it lost a conflict: both were written without knowledge of each other; " + why
	}
	return "it lost, and nothing that this node keeps tells whether the winner's author had seen it; " + why
}

// serveConflicts answers GET /conflicts.
func (s *Server) serveConflicts(x *exchange) *Problem {
	if s.history == nil {
		return newProblem(slugNotReady, "this node keeps no history")
	}
	q := &x.query
	if p := q.parse(x.rawQuery, paramsConflicts); p != nil {
		return p
	}
	limit, p := q.limit()
	if p != nil {
		return p
	}
	prefix, p := parseBound(q, paramPrefix, "prefix")
	if p != nil {
		return p
	}
	before := uint64(0)
	if q.has(paramCursor) {
		text := q.value(paramCursor)
		if plain, ok := s.unsealed(sealedConflicts, text); ok {
			text = string(plain)
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 {
			return invalidParameter("the cursor " + quoted(q.value(paramCursor)) +
				" is not one: take it from the next field of the page before, unchanged")
		}
		before = n
	}
	cs, err := s.history.Conflicts(before, rangeLimitMax)
	if err != nil {
		return s.refuse(err, "")
	}
	may := s.filter(x)
	b, next := appendConflicts(cs, limit, len(cs) == rangeLimitMax, prefix, may)
	if next > 0 {
		text := strconv.FormatUint(next, 10)
		if may != nil {
			text = s.sealed(sealedConflicts, []byte(text))
		}
		b = append(append(append(b, `,"next":"`...), text...), '"')
	}
	x.respond(typeJSON, append(b, '}'))
	return nil
}

// appendConflicts makes a page of those that its reader may see, but for its last brace,
// and says before which number the next one goes on. full says that there may be more
// behind them. Numbers count hidden conflicts too: who does not see all is shown none.
func appendConflicts(cs []Conflict, limit int, full bool, prefix string, may func(string) bool) (b []byte, next uint64) {
	b = []byte(`{"conflicts":[`)
	count := 0
	for i := range cs {
		c := &cs[i]
		if len(c.Key) < len(prefix) || c.Key[:len(prefix)] != prefix || isReserved(c.Key) || may != nil && !may(c.Key) {
			continue
		}
		if count == limit {
			next, full = cs[i-1].Number, false
			break
		}
		if count++; count > 1 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if may == nil {
			b = append(strconv.AppendUint(append(b, `"number":`...), c.Number, 10), ',')
		}
		b = strconv.AppendInt(append(b, `"at":`...), c.At, 10)
		b = appendString(append(b, `,"key":`...), c.Key)
		b = append(append(append(b, `,"rule":"`...), c.Rule...), '"')
		b = appendSide(append(b, `,"winner":`...), &c.Winner)
		b = append(appendSide(append(b, `,"loser":`...), &c.Loser), '}')
	}
	if full {
		next = cs[len(cs)-1].Number
	}
	return append(b, ']'), next
}

func appendSide(b []byte, v *Version) []byte {
	b = appendUUID(append(b, `{"uuid":"`...), v.UUID)
	b = strconv.AppendInt(append(b, `","timestamp":`...), v.Timestamp, 10)
	b = appendString(append(b, `,"origin":`...), v.Origin)
	b = strconv.AppendInt(append(b, `,"joined_timestamp":`...), v.Joined, 10)
	if v.Deleted {
		b = append(b, `,"deleted":true`...)
	}
	return append(b, '}')
}
