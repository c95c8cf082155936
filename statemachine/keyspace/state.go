package keyspace

import "encoding/binary"

// State is what one replica's executor keeps in memory beside its records: a
// copy of the system records, and the digest tree. Only the executor's one
// writer touches it. It is built by Start and changed by Apply alone; if a
// transaction fails, the process ends and State with it.
type State struct {
	id     Identity
	stream Stream // where local writes get their dots
	vv     VV
	hlc    Millis // newest plausible timestamp seen
	// high is the newest wall time of a batch with local writes: their time never
	// goes back. Other batches do not count, because the first ones of a run come
	// before its clock could be compared with others'.
	high  Millis
	now   Millis // of the running batch: its wall time, or high if that is later
	live  uint64 // records that the digest counts
	tombs uint64
	// expiring counts the records that have an expiry, past or not.
	expiring uint64
	floor    VV     // what was purged here, or by those whose claims were adopted
	voids    VV     // claimed, though nobody of the roster has them
	gcTs     Millis // the greatest timestamp of what was purged
	lapsed   Millis // the latest expiry of what was purged
	turn     turn
	leavings [MinutesBack + 2]leaving
	transfer Transfer
	former   life
	// owed are the leaves whose stored sums wait for the end of a copy, nil outside of one.
	owed *leafSet
	// changes counts the batches that changed a record or the vector. Two reads
	// that show the same number, not 0, saw the same store.
	changes uint64
	changed bool // by the running batch
	tree    Tree
	hasher  *Hasher
	mutant  Mutant

	batch uint64 // number of the newest transaction
	base  uint64 // numbers up to here are not checked at a start
	loss  Loss

	suspects []string        // keys whose leaves Mend sums up
	stale    []Leaf          // leaves whose stored sums are damaged, for Mend
	forsaken map[string]bool // keys whose lost dots Mend drops

	touched []Leaf // leaves changed by the running batch
	ahead   uint64 // entries of the running batch that are ahead of the clock

	revisions   uint32 // kept of a key, as the running batch says; 0 none
	wall        Millis // of the running batch
	room, spent int    // bytes that the history may still take of its transaction, and that all took
	conflicts   uint64 // ever met
	met         []Conflict
	news        []Entry // what the running batch stored, in order
}

// Snapshot is a copy of what the protocol needs to know after a start.
type Snapshot struct {
	Identity Identity
	Stream   Stream
	VV       VV
	Sum      Sum
	Live     uint64
	Members  []Member

	AsOf       Minute
	Past       [MinutesBack]Sum
	Floor      VV
	Stamps     Millis
	Tombstones uint64
	Expiring   uint64
	Transfer   Transfer
	// Lost are the records that were damaged, and not forsaken yet.
	Lost []LostRecord
	// Loss is proven and not mended yet. LossTail wants a comparison with a peer,
	// LossGap a new replica id: the vector may claim what is gone. LossUnsynced is not
	// proven, and wants a comparison too, before clients write.
	Loss Loss
}

// LostRecord is a key whose record was damaged.
type LostRecord struct {
	Key    string
	Mended bool // something else can be read there
}

// Start opens the state inside tx for a new run of the process: it creates what
// a new directory lacks, raises the boot count and begins a stream (I3). The
// caller commits tx durably before the first message leaves.
func Start(tx Tx, birth Birth, mutant Mutant) *State {
	s := &State{id: loadIdentity(tx), mutant: mutant}
	if s.id.Replica == (ReplicaID{}) {
		s.id.Replica = birth.Replica
	}
	if tx.Get(keyRejoin) != nil {
		beginLife(tx, &s.id, birth)
		birth.Known.Boot = 0 // it counted the starts of the earlier life
	}
	s.id.Boot = Boot{Count: max(s.id.Boot.Count, birth.Known.Boot) + 1, Random: birth.Boot}
	tx.Set(keyIdentity, s.id.encode())
	s.stream = Stream{s.id.Replica, birth.Epoch}
	s.hasher = NewHasher(s.id.Digest)
	s.vv = LoadVV(tx)
	if mutant.Is(MutantReusedEpoch) {
		s.stream.Epoch = Epoch{}
	}
	assertf(mutant.Is(MutantReusedEpoch) || s.vv.Head(s.stream) == 0, "epoch %x used before", birth.Epoch)
	if b := tx.Get(keyClock); b != nil {
		s.hlc = Millis(binary.BigEndian.Uint64(b))
		s.high = Millis(binary.BigEndian.Uint64(b[8:]))
	}
	s.hlc, s.high = max(s.hlc, birth.Known.HLC), max(s.high, birth.Known.High)
	c := loadCounts(tx)
	s.live, s.changes, s.tombs, s.expiring, s.conflicts = c.live, c.changes, c.tombs, c.expiring, c.conflicts
	s.voids = loadVectors(tx, keyVoids)
	s.floor, s.gcTs, s.transfer = loadFloor(tx), loadStamps(tx), loadTransfer(tx)
	s.lapsed = loadLapsed(tx)
	s.turn = loadTurn(tx)
	s.former = loadLife(tx)
	for k, v := range tx.Ascend([]byte{classLeaf}, []byte{classLeaf + 1}) {
		leaf := Leaf(binary.BigEndian.Uint32(k[1:]))
		if IsDamaged(v) {
			s.stale = append(s.stale, leaf)
			continue
		}
		s.tree.Add(leaf, sumOf(v))
	}
	s.loadLeavings(tx)
	for k := range tx.Ascend(keySuspects, prefixEnd(keySuspects)) {
		s.suspects = append(s.suspects, string(k[len(keySuspects):]))
	}
	found := s.loadMarks(tx, birth)
	s.settleLoss(tx, found, accepted(tx, found, birth))
	beginTimes(tx)
	s.mark(tx)
	return s
}

// LoadVV reads the vector of a view.
func LoadVV(r Reader) VV {
	vv := loadVectors(r, keyVectors)
	vv.old = loadRetired(r)
	return vv
}

func loadVectors(r Reader, class []byte) VV {
	var vv VV
	for k, b := range r.Ascend(class, prefixEnd(class)) {
		set := StreamSet{Stream: streamOf(k)}
		rest, ok := set.decodeBody(b)
		assertStored(ok && len(rest) == 0, "version vector")
		vv.sets = append(vv.sets, set)
	}
	return vv
}

// counts are what a view says of itself in numbers.
type counts struct{ live, changes, tombs, expiring, conflicts uint64 }

func loadCounts(r Reader) (c counts) {
	b := r.Get(keyCounts)
	for _, n := range []*uint64{&c.live, &c.changes, &c.tombs, &c.expiring, &c.conflicts} {
		if len(b) < 8 {
			break // of a store that does not count it yet
		}
		*n, b = binary.BigEndian.Uint64(b), b[8:]
	}
	return c
}

// Snapshot copies the state, and reads the remembered members from r.
func (s *State) Snapshot(r Reader) Snapshot {
	snap := Snapshot{
		Identity: s.id, Stream: s.stream, VV: s.vv.Clone(), Live: s.live,
		Floor: s.floor.Clone(), Stamps: s.gcTs, Tombstones: s.tombs, Expiring: s.expiring,
		Transfer: s.transfer.Clone(), Loss: s.loss,
	}
	for k := range r.Ascend(keySuspects, prefixEnd(keySuspects)) {
		key := string(k[len(keySuspects):])
		h, _ := s.header(r, key)
		snap.Lost = append(snap.Lost, LostRecord{key, h != nil})
	}
	var now Applied
	s.sums(&now)
	snap.Sum, snap.AsOf, snap.Past = now.Sum, now.AsOf, now.Past
	for _, b := range r.Ascend(keyMembers, prefixEnd(keyMembers)) {
		snap.Members = append(snap.Members, decodeMember(b))
	}
	return snap
}

// Tree is the digest tree, to be read between batches.
func (s *State) Tree() *Tree { return &s.tree }

// Live is the number of records that the digest counts: neither deleted nor
// expired by the minute that AsOf names.
func (s *State) Live() uint64 { return s.live }

// Clock is the newest plausible timestamp seen, and the newest wall time of a
// batch with local writes. Neither ever goes back, across restarts too.
func (s *State) Clock() (seen, wall Millis) { return s.hlc, s.high }

// DigestKey keys the hashes of the tree.
func (s *State) DigestKey() DigestKey { return s.id.Digest }
