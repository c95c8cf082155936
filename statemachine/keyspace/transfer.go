package keyspace

import (
	"encoding/binary"
	"math"
)

// Phase says how far a replica has come in taking over a copy of its cluster's
// data. The phases run in the order of their numbers, each over all keys.
type Phase uint8

// The phases.
const (
	PhaseNone   Phase = iota // no transfer: the replica is complete
	PhaseOpen                // no source has opened yet
	PhaseRecent              // records with a timestamp from Cutoff on, and the system's own
	PhaseRest                // the older ones
	PhaseWhole               // all at once, settling what is left of an earlier life
	PhaseTail                // what changed meanwhile, as deltas
)

// String names the phase.
func (p Phase) String() string {
	if p > PhaseTail {
		return "unknown"
	}
	return [...]string{"none", "open", "recent", "rest", "whole", "tail"}[p]
}

// Transfer is the state of a copy in the making. It is stored with the records
// that it brought, so that a copy goes on after a crash.
type Transfer struct {
	Phase     Phase
	Reconcile bool   // this directory holds records of an earlier life
	After     string // the phase has covered all keys up to here
	Cutoff    Millis // between recent and rest
	Base      VV     // what every source so far had before it sent anything
	Floor     VV     // what all sources so far had purged
}

// Clone returns an independent copy.
func (t *Transfer) Clone() Transfer {
	c := *t
	c.Base, c.Floor = t.Base.Clone(), t.Floor.Clone()
	return c
}

// Active says that there is a transfer.
func (t Transfer) Active() bool { return t.Phase != PhaseNone }

// takesChunks says that the transfer is in one of the phases that walk all keys.
func (t Transfer) takesChunks() bool { return t.Phase >= PhaseRecent && t.Phase <= PhaseWhole }

// GoOnWith lets a transfer go on with another source, by what it claims and what it
// has purged. It must have purged nothing beyond the base, or older records that it
// has purged could be among what the sources before it sent; and it must know all
// that they have purged, or this replica would end below its own floor. Else ok is
// false.
//
// The tail leaves out what the base holds: every source had it, or something newer,
// before it sent anything. So a source that does not claim the base lowers it. What
// only the earlier sources had is claimed at the end all the same (claimHeld).
//
// Of a key that was overwritten between the two passes, a source sends neither the
// old record nor, until the tail, the new one. Another source (not same) knows the old
// one alone, so it has to make the second pass from the start.
func (t *Transfer) GoOnWith(vv, floor VV, same bool) (ok bool) {
	if !t.Base.Reaches(floor) || !vv.Reaches(t.Floor) {
		return false
	}
	if !vv.Covers(t.Base) {
		t.Base.LowerHeads(vv)
	}
	t.Floor.RaiseHeads(floor)
	if !same && !t.Reconcile && t.Phase > PhaseRecent {
		t.Phase, t.After = PhaseRest, ""
	}
	return true
}

// Chunk says which keys a batch's entries stand for, and how the source stood
// when it read them. Keys without an entry have no record there, as far as the
// phase goes.
type Chunk struct {
	Phase     Phase
	After, To string // the covered keys: After < key <= To
	Done      bool   // To is the end of all keys
	Reconcile bool   // the replica's own records of these keys are from an earlier life
	View      VV     // of the source
	Voids     VV     // the part of View that nobody has
	Stamps    Millis // greatest timestamp of what the source has purged
}

// takes says that a record belongs to a phase. The system's own records come first
// whatever their age: with the values but without the rights of old, a replica that
// serves would show what those rights forbid.
func (p Phase) takes(key string, h *Header, cutoff Millis) bool {
	recent := h.Ver.TS >= cutoff || IsReserved(key)
	switch p {
	case PhaseRecent:
		return recent
	case PhaseRest:
		return !recent
	}
	return true
}

// next is the phase after p, over all keys again.
func (p Phase) next() Phase {
	switch p {
	case PhaseRecent:
		return PhaseRest
	default:
		return PhaseTail
	}
}

const transferFormat = 1

func (s *State) setTransfer(tx Tx, t Transfer) {
	sources := !t.Base.Equal(s.transfer.Base) || !t.Floor.Equal(s.transfer.Floor)
	s.transfer = t
	s.changed = true
	if !t.Active() {
		tx.Delete(keyTransfer)
		tx.Delete(keySource)
		s.forgetLife(tx)
		s.claimHeld(tx)
		return
	}
	if sources {
		// Written rarely: a chunk moves the cursor alone.
		base, _ := t.Base.Expanded().MarshalBinary()
		floor, _ := t.Floor.Expanded().MarshalBinary()
		b := binary.AppendUvarint(nil, uint64(len(base)))
		tx.Set(keySource, append(append(b, base...), floor...))
	}
	b := []byte{transferFormat, byte(t.Phase), 0}
	if t.Reconcile {
		b[2] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.Cutoff))
	tx.Set(keyTransfer, append(b, t.After...))
}

func loadTransfer(r Reader) Transfer {
	b := r.Get(keyTransfer)
	if b == nil {
		return Transfer{}
	}
	assertStored(len(b) >= 11 && b[0] == transferFormat, "transfer")
	t := Transfer{
		Phase: Phase(b[1]), Reconcile: b[2] != 0, Cutoff: Millis(binary.BigEndian.Uint64(b[3:])),
		After: string(b[11:]),
	}
	if b := r.Get(keySource); b != nil {
		n, rest, ok := uvarint(b)
		assertStored(ok && n <= uint64(len(rest)), "sources of a transfer")
		ok = t.Base.decode(rest[:n], math.MaxInt) == nil && t.Floor.decode(rest[n:], math.MaxInt) == nil
		assertStored(ok, "sources of a transfer")
	}
	return t
}

// empty says that nothing was ever written or taken over here.
func (s *State) empty() bool {
	return s.vv.IsEmpty() && s.live == 0 && s.tombs == 0 && s.expiring == 0
}

// claimHeld claims the dots of all stored records. Chunks raise none, so records
// of a source that went away have dots which the last source's claim lacks: they
// would be here, and nobody would ask for them.
func (s *State) claimHeld(r Reader) {
	for dot := range dotsBeyond(r, s.vv.Clone(), Dot{}) {
		if !s.mutant.Is(MutantUnclaimed) {
			s.vv.Claim(dot)
		}
	}
}

// copyChunk merges one chunk of a transfer. Its entries raise no dots: the claim
// at the end of the tail covers all that its source claims.
func (s *State) copyChunk(tx Tx, b *Batch, out *Applied) {
	c := b.Chunk
	s.room = BatchBytesMax / 8 // beside the records
	if s.transfer.Phase != c.Phase || s.transfer.After != c.After {
		// A chunk of another attempt. It moves nothing, so nothing is claimed on it.
		for i := range b.Entries {
			out.Outcomes = append(out.Outcomes, Outcome{Kind: Refused, Header: b.Entries[i].Header})
		}
		return
	}
	s.oweLeaves(tx)
	to, done := c.To, c.Done
	if c.Reconcile {
		to, done = s.reconcile(tx, b, out)
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		cur, damaged := s.record(tx, e.Key)
		o := s.outcome(Lost, e.Header, cur.header(), b.Now)
		if c.Reconcile && cur == nil && !damaged && (done || e.Key <= to) && s.ended(tx, c, e, out) {
			out.Outcomes = append(out.Outcomes, o)
			continue
		}
		// Of two copies of one write the source's stays: its dot will be claimed.
		again := cur != nil && cur.Ver == e.Ver && !supersedes(&cur.Header, &e.Header)
		if (done || e.Key <= to) && (cur == nil || again || s.loses(&cur.Header, &e.Header)) {
			o.Kind = Won
			s.store(tx, s.hasher.Key(e.Key), e, cur)
			if damaged {
				s.suspect(tx, e.Key)
			}
		}
		s.see(b, e.Ver.TS)
		out.Outcomes = append(out.Outcomes, o)
	}
	if !s.mutant.Is(MutantChunkStamps) {
		s.gcTs = max(s.gcTs, c.Stamps)
	}
	t := s.transfer
	t.After = to
	if done {
		t.Phase, t.After = c.Phase.next(), ""
	}
	s.setTransfer(tx, t)
}

// CopyPage is one chunk of a transfer as its source reads it.
type CopyPage struct {
	Entries []Entry // in the order of their keys
	To      string  // covered up to here
	Done    bool    // and that is the end of all keys
	VV      VV      // of the view
	Voids   VV      // the part of VV that nobody has
	Stamps  Millis
}

// ReadCopy collects the stored records of a phase behind a key, in key order: at
// most entriesMax and about bytesMax bytes, and looking at no more than
// copyScanKeys records, so that the page may be empty and still not the last.
func ReadCopy(r Reader, p Phase, cutoff Millis, after string, entriesMax, bytesMax int) CopyPage {
	page := CopyPage{VV: LoadVV(r), Voids: loadVectors(r, keyVoids), Stamps: loadStamps(r), To: after}
	bytes, seen := 0, 0
	start := DataKey("")
	if after != "" {
		start = DataKey(after + "\x00")
	}
	for k, v := range r.Ascend(start, DataEnd()) {
		if seen++; seen > copyScanKeys {
			return page
		}
		key := UserKey(k)
		if IsDamaged(v) {
			page.To = key // others have it, and the digests will tell
			continue
		}
		rec, ok := DecodeRecord(v)
		assertStored(ok, "record of "+key)
		if p.takes(key, &rec.Header, cutoff) {
			e := Entry{Key: key, Header: rec.Header}
			if !rec.Tombstone() {
				e.Value = append([]byte{}, rec.Value...)
			}
			if n := len(page.Entries); n > 0 && (n >= entriesMax || bytes+e.Size() > bytesMax) {
				return page
			}
			page.Entries = append(page.Entries, e)
			bytes += e.Size()
		}
		page.To = key
	}
	page.Done = true
	return page
}
