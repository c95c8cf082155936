package keyspace

import "encoding/binary"

// Identity is who a replica is, for as long as its data directory lives.
type Identity struct {
	Replica ReplicaID
	Cluster ClusterID // zero until minted or adopted, then never replaced
	Digest  DigestKey // zero until then
	Joined  Millis    // joined_timestamp; 0 until first needed, then immutable
	Boot    Boot      // this start
}

// Birth holds what a start needs from the shell: random bytes, drawn anew, and
// what it knows of the run before.
type Birth struct {
	Replica ReplicaID // used only by a data directory that has none
	Epoch   Epoch
	Boot    [8]byte
	// Known is the watermark of the run before, as the shell kept it outside of
	// the store; zero if there is none.
	Known Watermark
	// Unsynced says that the run before may have lost all that was newer than Known: its
	// machine has crashed, and it did not sync every transaction.
	Unsynced bool
	// AcceptLoss forgets a proven loss: what is missing stays missing.
	AcceptLoss bool
}

const (
	identityFormat = 1
	identityBytes  = 1 + 16 + 16 + 32 + 8 + 8
)

func (id Identity) encode() []byte {
	b := append(make([]byte, 0, identityBytes), identityFormat)
	b = append(b, id.Replica[:]...)
	b = append(b, id.Cluster[:]...)
	b = append(b, id.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(id.Joined))
	return binary.BigEndian.AppendUint64(b, id.Boot.Count)
}

// loadIdentity reads the stored identity, zero if the directory is new.
func loadIdentity(r Reader) Identity {
	b := r.Get(keyIdentity)
	if b == nil {
		return Identity{}
	}
	assertStored(len(b) == identityBytes && b[0] == identityFormat, "identity")
	var id Identity
	b = b[1:]
	b = b[copy(id.Replica[:], b):]
	b = b[copy(id.Cluster[:], b):]
	b = b[copy(id.Digest[:], b):]
	id.Joined = Millis(binary.BigEndian.Uint64(b))
	id.Boot.Count = binary.BigEndian.Uint64(b[8:])
	return id
}

// Standing is the place of a replica in the roster, the list of those that the
// collection of tombstones waits for. It only ever rises, and nobody who has
// left or was evicted comes back under the same identity.
type Standing uint8

// The standings.
const (
	Active  Standing = iota
	Left             // by its own announcement, with all its writes in other hands
	Evicted          // by an operator, or after too long an absence
)

// String names the standing.
func (s Standing) String() string {
	if s > Evicted {
		return "unknown"
	}
	return [...]string{"active", "left", "evicted"}[s]
}

// Member is what a replica remembers of another across restarts, so that it
// finds its cluster again without a seed, and goes on waiting for whom it must.
type Member struct {
	Replica  ReplicaID
	Name     string // the operator's node_id
	Addr     string // host:port
	Joined   Millis
	Boot     Boot // the newest known
	Standing Standing
	Seen     Millis // wall time at which it was last heard of, give or take
}

const (
	memberFormat     = 2
	memberFixedBytes = 1 + 16 + 8 + 8 + 8 + 1 + 8
	memberFormatOld  = 1 // without boot, standing and time
)

func (m Member) encode() []byte {
	b := append([]byte{memberFormat}, m.Replica[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Joined))
	b = binary.BigEndian.AppendUint64(b, m.Boot.Count)
	b = append(append(b, m.Boot.Random[:]...), byte(m.Standing))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Seen))
	b = binary.AppendUvarint(b, uint64(len(m.Name)))
	b = append(b, m.Name...)
	return append(b, m.Addr...)
}

func decodeMember(b []byte) Member {
	assertStored(len(b) > 25 && b[0] > 0 && b[0] <= memberFormat, "member")
	m := Member{Replica: ReplicaID(b[1:17]), Joined: Millis(binary.BigEndian.Uint64(b[17:25]))}
	if rest := b[25:]; b[0] == memberFormatOld {
		b = rest
	} else {
		assertStored(len(b) >= memberFixedBytes && b[41] <= byte(Evicted), "member")
		m.Boot = Boot{binary.BigEndian.Uint64(rest), [8]byte(rest[8:16])}
		m.Standing, m.Seen = Standing(rest[16]), Millis(binary.BigEndian.Uint64(rest[17:25]))
		b = rest[25:]
	}
	n, b, ok := uvarint(b)
	assertStored(ok && n <= uint64(len(b)), "member")
	m.Name, m.Addr = string(b[:n]), string(b[n:])
	return m
}

// assertStored panics on a stored record that this code cannot have written:
// the executor stops rather than build on it.
func assertStored(ok bool, what string) {
	if !ok {
		panic("keyspace: the stored " + what + " is malformed")
	}
}
