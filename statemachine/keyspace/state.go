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
	high Millis
	now  Millis // of the running batch: its wall time, or high if that is later
	live uint64
	// changes counts the batches that changed a record or the vector. Two reads
	// that show the same number, not 0, saw the same store.
	changes uint64
	changed bool // by the running batch
	tree    Tree
	hasher  *Hasher
	mutant  Mutant

	touched []Leaf // leaves changed by the running batch
	ahead   uint64 // entries of the running batch that are ahead of the clock
}

// Snapshot is a copy of what the protocol needs to know after a start.
type Snapshot struct {
	Identity Identity
	Stream   Stream
	VV       VV
	Sum      Sum
	Live     uint64
	Members  []Member
}

// Start opens the state inside tx for a new run of the process: it creates what
// a new directory lacks, raises the boot count and begins a stream (I3). The
// caller commits tx durably before the first message leaves.
func Start(tx Tx, birth Birth, mutant Mutant) *State {
	s := &State{id: loadIdentity(tx), mutant: mutant}
	if s.id.Replica == (ReplicaID{}) {
		s.id.Replica = birth.Replica
	}
	s.id.Boot = Boot{Count: s.id.Boot.Count + 1, Random: birth.Boot}
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
	if b := tx.Get(keyCounts); b != nil {
		s.live = binary.BigEndian.Uint64(b)
		s.changes = binary.BigEndian.Uint64(b[8:])
	}
	for k, v := range tx.Ascend([]byte{classLeaf}, []byte{classLeaf + 1}) {
		s.tree.Add(Leaf(binary.BigEndian.Uint32(k[1:])), sumOf(v))
	}
	return s
}

// LoadVV reads the vector of a view.
func LoadVV(r Reader) VV {
	var vv VV
	for k, b := range r.Ascend(keyVectors, prefixEnd(keyVectors)) {
		set := StreamSet{Stream: Stream{ReplicaID(k[2:18]), Epoch(k[18:26])}}
		rest, ok := set.decodeBody(b)
		assertStored(ok && len(rest) == 0, "version vector")
		vv.sets = append(vv.sets, set)
	}
	return vv
}

// loadChanges reads the number of changes of a view.
func loadChanges(r Reader) uint64 {
	if b := r.Get(keyCounts); b != nil {
		return binary.BigEndian.Uint64(b[8:])
	}
	return 0
}

// Snapshot copies the state, and reads the remembered members from r.
func (s *State) Snapshot(r Reader) Snapshot {
	snap := Snapshot{
		Identity: s.id, Stream: s.stream, VV: s.vv.Clone(), Sum: s.tree.total, Live: s.live,
	}
	for _, b := range r.Ascend(keyMembers, prefixEnd(keyMembers)) {
		snap.Members = append(snap.Members, decodeMember(b))
	}
	return snap
}

// Tree is the digest tree, to be read between batches.
func (s *State) Tree() *Tree { return &s.tree }

// Live is the number of records that are not tombstones.
func (s *State) Live() uint64 { return s.live }

// Clock is the newest plausible timestamp seen, and the newest wall time of a
// batch with local writes. Neither ever goes back, across restarts too.
func (s *State) Clock() (seen, wall Millis) { return s.hlc, s.high }

// DigestKey keys the hashes of the tree.
func (s *State) DigestKey() DigestKey { return s.id.Digest }
