package keyspace

import "encoding/binary"

// A store that comes back younger than it was, or without a transaction from
// its middle, looks whole: every transaction that is there is complete, and the
// vector may claim what is gone. So every transaction carries a number, leaves a
// marker with it, and the shell keeps the newest durable number outside of the
// store. At a start the markers must be consecutive and reach that number.
//
// The stored number is that of the newest transaction; base is the number up to
// which nothing is checked any more, because a loss below it is known.

// marksMax is how many markers there are: transaction n overwrites the marker
// of n-marksMax. A gap further back than that is not seen.
const marksMax = 1 << 18

// Watermark is what a store had reached. The shell keeps one outside of the
// store, of a moment when all of it was durable, and hands it to the next start.
type Watermark struct {
	Replica ReplicaID
	Boot    uint64 // count of starts
	HLC     Millis // newest plausible timestamp seen
	High    Millis // newest wall time
	Batch   uint64 // number of the newest transaction
}

// LossKind says how a store differs from what was durable once.
type LossKind uint8

// The kinds. Their numbers are stored.
const (
	LossNone     LossKind = iota
	LossTail              // the newest transactions are gone: an older state, whole in itself
	LossGap               // one in the middle is gone: the vector may claim what is lost
	LossUnsynced          // what was not synced may be gone, and nothing that was durable
)

// String names the kind.
func (k LossKind) String() string { return [...]string{"none", "tail", "gap", "unsynced"}[k] }

// weight orders the kinds by what they have to be met with.
func (k LossKind) weight() int { return [...]int{0, 2, 3, 1}[k] }

// Loss is a proven loss of durable transactions. It is kept in the store until
// a batch says Whole.
type Loss struct {
	Kind     LossKind
	From, To uint64 // the missing transactions lie within these numbers, both included
}

// worse joins two losses.
func (l Loss) worse(o Loss) Loss {
	switch {
	case o.Kind == LossNone:
		return l
	case l.Kind == LossNone:
		return o
	}
	kind := l.Kind
	if o.Kind.weight() > kind.weight() {
		kind = o.Kind
	}
	return Loss{kind, min(l.From, o.From), max(l.To, o.To)}
}

const lossBytes = 1 + 8 + 8

func (l Loss) encode() []byte {
	b := append(make([]byte, 0, lossBytes), byte(l.Kind))
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, l.From), l.To)
}

func loadLoss(r Reader) Loss {
	b := r.Get(keyLoss)
	if b == nil {
		return Loss{}
	}
	assertStored(len(b) == lossBytes && LossKind(b[0]) <= LossUnsynced, "loss")
	return Loss{LossKind(b[0]), binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])}
}

// mark numbers the running transaction.
func (s *State) mark(tx Tx) {
	s.batch++
	tx.Set(markKey(s.batch), binary.BigEndian.AppendUint64(nil, s.batch))
	tx.Set(keyMarks, binary.BigEndian.AppendUint64(
		binary.BigEndian.AppendUint64(nil, s.batch), s.base))
}

// loadMarks reads the numbers at a start, and what has gone missing since the
// start before, according to the markers and to what the shell knows of that run.
func (s *State) loadMarks(r Reader, birth Birth) Loss {
	known := birth.Known
	if b := r.Get(keyMarks); b != nil {
		s.batch, s.base = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	}
	found := s.findGap(r)
	if known.Batch > s.batch {
		found = found.worse(Loss{LossTail, s.batch + 1, known.Batch})
		s.batch = known.Batch
	}
	if birth.Unsynced {
		found = found.worse(Loss{LossUnsynced, s.batch + 1, s.batch + 1})
	}
	if found.Kind != LossNone {
		s.base = s.batch
	}
	s.loss = loadLoss(r).worse(found)
	return found
}

// accepted says that a loss needs nobody to mend it: its owner has said so, or all of
// it was never durable, and no other replica is known that could have it.
func accepted(r Reader, found Loss, birth Birth) bool {
	if birth.AcceptLoss {
		return true
	}
	for range r.Ascend(keyMembers, prefixEnd(keyMembers)) {
		return false
	}
	return birth.Unsynced && found.From > birth.Known.Batch
}

// settleLoss keeps a new loss in the store, or forgets it if its owner accepts it.
// After a new gap no index can be trusted.
func (s *State) settleLoss(tx Tx, found Loss, accept bool) {
	if found.Kind == LossGap {
		tx.Set(keyRebuild, []byte{rebuildDropAll})
	}
	switch {
	case accept && s.loss.Kind != LossNone:
		s.loss = Loss{}
		tx.Delete(keyLoss)
	case found.Kind != LossNone:
		tx.Set(keyLoss, s.loss.encode())
	}
}

// findGap walks the markers of the numbers behind base, in two runs because
// they wrap around.
func (s *State) findGap(r Reader) Loss {
	first := s.base + 1
	if s.batch >= marksMax {
		first = max(first, s.batch-marksMax+1)
	}
	want := first
	var gap Loss
	check := func(upTo uint64) { // this one excluded
		if want < upTo {
			gap = gap.worse(Loss{LossGap, want, upTo - 1})
		}
	}
	for want <= s.batch {
		end := min(s.batch, want|(marksMax-1)) // the last number before the wrap
		for k, v := range r.Ascend(markKey(want), prefixEnd(markKey(end))) {
			n := end&^(marksMax-1) | uint64(slotOf(k))
			if !IsDamaged(v) && (len(v) != 8 || binary.BigEndian.Uint64(v) != n) {
				continue // of an earlier round
			}
			check(n)
			want = n + 1
		}
		check(end + 1)
		want = end + 1
	}
	return gap
}

// Watermark is what the store has reached; durable once the transaction is that
// ends with it.
func (s *State) Watermark() Watermark {
	return Watermark{s.id.Replica, s.id.Boot.Count, s.hlc, s.high, s.batch}
}
