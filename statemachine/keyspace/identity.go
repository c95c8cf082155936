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

// Member is what a replica remembers of another across restarts, so that it
// finds its cluster again without a seed.
type Member struct {
	Replica ReplicaID
	Name    string // the operator's node_id
	Addr    string // host:port
	Joined  Millis
}

const memberFormat = 1

func (m Member) encode() []byte {
	b := append([]byte{memberFormat}, m.Replica[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Joined))
	b = binary.AppendUvarint(b, uint64(len(m.Name)))
	b = append(b, m.Name...)
	return append(b, m.Addr...)
}

func decodeMember(b []byte) Member {
	assertStored(len(b) > 25 && b[0] == memberFormat, "member")
	m := Member{Replica: ReplicaID(b[1:17]), Joined: Millis(binary.BigEndian.Uint64(b[17:25]))}
	n, b, ok := uvarint(b[25:])
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
