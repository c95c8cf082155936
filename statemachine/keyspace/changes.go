package keyspace

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// The feed of changes. A follower is like a replica without a store: what it has
// seen is a version vector with the meaning that all vectors have (I1), so it may go
// on at any replica. It is sent what is live there and not in its vector; of two
// versions of a key the greater one stands, as everywhere.
//
// A replica that purged something which the follower has not seen cannot say what
// it missed: the follower begins again, as a replica would that is below the floor.

// Op says what a change means to a follower.
type Op uint8

// The kinds of changes.
const (
	OpPut     Op = iota + 1
	OpDelete     // deleted
	OpExpire     // expired, by the clock of the replica that says so
	OpDamaged    // the record cannot be read here; another replica may have it
)

// String names the operation.
func (o Op) String() string { return [...]string{"", "put", "delete", "expire", "damaged"}[o] }

// Change is one change of a record. Its Header is zero if the record is damaged.
type Change struct {
	Op Op
	Entry
}

// ChangeOf is what an entry means to somebody who looks at the time now.
func ChangeOf(e Entry, now Millis) Change {
	switch {
	case e.Tombstone():
		return Change{OpDelete, e}
	case e.Expires != 0 && e.Expires <= now:
		e.Value = nil
		return Change{OpExpire, e}
	}
	return Change{OpPut, e}
}

// Cursor is how far a follower has come. The zero value has seen nothing.
type Cursor struct {
	// Have is what it has seen: for each dot, the record of its key is at least as
	// new as that write.
	Have VV
	// Expired is the time up to which it knows of everything that has expired.
	Expired Millis
	// Walk is what it is being brought up to, nil for nothing.
	Walk *Walk
}

// Walk is a catching up that goes on in another view, of the same replica: of its
// walks only that one knows where they are.
type Walk struct {
	Replica ReplicaID
	Keys    bool   // a snapshot: all records in the order of their keys
	Seen    VV     // finished walks have been through this
	Target  VV     // of the view in which this one began
	After   Dot    // sent up to here
	Key     string // of a snapshot: sent up to here
}

// Follow says how a follower reads.
type Follow struct {
	Me     ReplicaID // whose store it is
	Now    Millis
	Prefix string // of the keys that it wants to hear of
	Scan   int    // looks at no more than about so many records, 0 any number
}

// Progress is how a reading of changes ended.
type Progress uint8

// The ends of a reading.
const (
	ChangesMore  Progress = iota // there may be more: it was stopped
	ChangesAll                   // the follower has all that the view has
	ChangesReset                 // what it missed is forgotten: it has to begin again
)

// Changes reads what a follower has not seen, and moves its cursor. It stops after
// the change with which visit returns false, or a few later with the same expiry.
// Values are valid until the view ends.
func Changes(r Reader, c *Cursor, f *Follow, visit func(Change) bool) Progress {
	reader := changes{r: r, c: c, f: f, visit: visit, vv: LoadVV(r), scan: f.Scan}
	if c.Walk != nil && c.Walk.Replica != f.Me {
		if c.Walk.Keys {
			return ChangesReset
		}
		c.Walk = nil
	}
	if !reader.remembers() {
		return ChangesReset
	}
	if !reader.catchUp() {
		return ChangesMore
	}
	if !reader.expire() {
		return ChangesMore
	}
	return ChangesAll
}

// changes is one reading.
type changes struct {
	r     Reader
	c     *Cursor
	f     *Follow
	visit func(Change) bool
	vv    VV
	scan  int
}

// remembers says that nothing which the follower needs to hear of was purged. One
// that has seen nothing yet needs to hear of nothing that is gone.
func (x *changes) remembers() bool {
	seen := x.c.Have
	switch w := x.c.Walk; {
	case w == nil && seen.IsEmpty():
		return true
	case w == nil:
	case w.Keys:
		seen = w.Target // a key that was not sent yet needs nothing that is older
	default:
		seen = seen.Clone()
		seen.Union(w.Seen)
	}
	return seen.Reaches(loadFloor(x.r)) && x.c.Expired >= loadLapsed(x.r)
}

// catchUp walks over what the follower lacks until one walk began and ended in this
// view, and says whether it came to that: then the view's claim is the follower's.
func (x *changes) catchUp() bool {
	c := x.c
	if c.Walk == nil {
		c.Walk = &Walk{Replica: x.f.Me, Keys: c.Have.IsEmpty(), Target: x.vv}
		if c.Walk.Keys {
			c.Expired = x.f.Now
		}
	}
	for {
		w := c.Walk
		here := w.After == Dot{} && w.Key == ""
		if w.Keys && !x.walkKeys(w) || !w.Keys && !x.walkDots(w) {
			return false
		}
		if here {
			c.Have.Union(x.vv)
			c.Walk = nil
			return true
		}
		seen := w.Seen.Clone()
		seen.Union(w.Target)
		c.Walk = &Walk{Replica: x.f.Me, Seen: seen, Target: x.vv}
	}
}

// walkKeys sends the records in the order of their keys. Deletions are among them:
// at another replica, which has not heard of one yet, the follower would take the
// value that was deleted, and at this one never hear of the deletion again.
func (x *changes) walkKeys(w *Walk) bool {
	start, end := DataKey(x.f.Prefix), prefixEnd(DataKey(x.f.Prefix))
	if w.Key != "" {
		start = DataKey(w.Key + "\x00")
	}
	for k, v := range x.r.Ascend(start, end) {
		key := UserKey(k)
		goOn := x.spend()
		if rec, ok := DecodeRecord(v); IsDamaged(v) {
			goOn = x.visit(Change{OpDamaged, Entry{Key: key}}) && goOn
		} else {
			assertStored(ok, "record of "+key)
			goOn = x.visit(ChangeOf(Entry{key, rec.Header, rec.Value}, x.c.Expired)) && goOn
		}
		if !goOn {
			w.Key = key
			return false
		}
	}
	return true
}

// walkDots sends the records whose dots the follower lacks, in the order of their
// dots. Each of them counts for its own dot at once.
func (x *changes) walkDots(w *Walk) bool {
	not := x.c.Have.Clone()
	not.Union(w.Seen)
	now := max(x.f.Now, x.c.Expired)
	for dot, key := range dotsBeyond(x.r, not, Dot{w.After.Stream, w.After.Seq + 1}) {
		goOn := x.spend()
		if strings.HasPrefix(key, x.f.Prefix) {
			change := Change{OpDamaged, Entry{Key: key}}
			if e, ok := readEntry(x.r, key); ok {
				change = ChangeOf(e, now)
			}
			goOn = x.visit(change) && goOn
		}
		if x.c.Have.Admits(dot) {
			x.c.Have.Add(dot)
		}
		if !goOn {
			w.After = dot
			return false
		}
	}
	return true
}

// spend counts one record that was looked at, and says whether another may be.
func (x *changes) spend() bool {
	x.scan--
	return x.scan != 0
}

// lapse is a record that has expired.
type lapse struct {
	at  Millis
	key string
}

// expire sends what has expired since the follower last heard of that, in the order
// of the times. What expires in one millisecond is sent together, so that a time
// tells how far it came. A replica that lacks some of what the follower has seen does
// not know all that expires, so there the time stays what it was.
func (x *changes) expire() bool {
	send := func(l lapse) bool {
		change, ok := l.change(x.r)
		return !ok || x.visit(change)
	}
	if before := x.c.Expired; !x.vv.Covers(x.c.Have) {
		defer func() { x.c.Expired = before }()
	}
	for x.c.Expired < x.f.Now {
		lapses, through := lapsed(x.r, x.f.Prefix, x.c.Expired, x.f.Now)
		for i, l := range lapses {
			goOn := send(l)
			if last := i+1 == len(lapses) || lapses[i+1].at > l.at; last && !goOn {
				x.c.Expired = l.at
				return false
			}
		}
		x.c.Expired = through
	}
	return true
}

// change is what a lapse means to a follower; ok is false if the record is another by
// now.
func (l lapse) change(r Reader) (c Change, ok bool) {
	e, ok := readEntry(r, l.key)
	if !ok || e.Expires != l.at {
		return Change{}, false
	}
	return ChangeOf(e, l.at), true
}

// Lapsed visits the records of users that expire after from and up to to, in the order
// of those times.
func Lapsed(r Reader, from, to Millis, visit func(Change)) {
	for from < to {
		lapses, through := lapsed(r, "", from, to)
		for _, l := range lapses {
			if change, ok := l.change(r); ok && !IsReserved(l.key) {
				visit(change)
			}
		}
		from = through
	}
}

// lapsed lists the first records of those that expire after from, up to to, and the
// time through which the list is complete: at most lapsesMax, and what expires in
// the same millisecond as the last.
func lapsed(r Reader, prefix string, from, to Millis) (out []lapse, through Millis) {
	through = to
	m := minuteOf(from + 1)
	for k := range r.Ascend(byNumber(classExpiry, uint64(m), ""), byNumber(classExpiry, uint64(minuteOf(to))+1, "")) {
		if now := Minute(binary.BigEndian.Uint64(k[1:])); now != m {
			if len(out) >= lapsesMax {
				through = min(through, Millis(m)*minute)
				break
			}
			m = now
		}
		key := string(k[9:])
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		h, _, ok := decodeHeader(r.Get(DataKey(key)))
		if !ok || h.Tombstone() || h.Expires <= from || h.Expires > through {
			continue
		}
		if out = append(out, lapse{h.Expires, key}); len(out) >= 2*lapsesMax {
			out, through = first(out)
		}
	}
	slices.SortFunc(out, lapse.compare)
	return out, through
}

// first cuts a list to its first lapsesMax, and those as old as the last of them.
func first(ls []lapse) (cut []lapse, through Millis) {
	slices.SortFunc(ls, lapse.compare)
	through = ls[lapsesMax-1].at
	n := lapsesMax
	for n < len(ls) && ls[n].at == through {
		n++
	}
	return ls[:n], through
}

func (l lapse) compare(o lapse) int {
	return cmp.Or(cmp.Compare(l.at, o.at), strings.Compare(l.key, o.key))
}

// loadLapsed reads the latest time at which a record had expired that was purged
// before anybody could be told.
func loadLapsed(r Reader) Millis {
	if b := r.Get(keyStamps); len(b) >= 16 {
		return Millis(binary.BigEndian.Uint64(b[8:]))
	}
	return 0
}
