package keyspace

import (
	"encoding/binary"
)

// Record classes: the first byte of every stored key. Numbers and letters are
// never reused. Keys of users live behind a class byte, so that no user key can
// reach another class.
const (
	classData     = 'd' // d/<key>              header and value; tombstones too
	classHash     = 'h' // h/<keyhash8><key>    marks keys that have a record, in the order of the tree
	classDot      = 'o' // o/<stream><seq>      key; one per key that has a record
	classLeaf     = 'm' // m/<leaf>             sum of one leaf of the digest tree
	classExpiry   = 'x' // x/<minute><key>      records that expire, by the end of their minute
	classTomb     = 'z' // z/<timestamp><key>   tombstones, oldest first
	classTime     = 't' // t/<timestamp><key>   records of users that are no tombstones, oldest first
	classRevision = 'r' // r/<key>0<slot>       versions that stand no more; r/<key>0<version> unplaced ones
	classConflict = 'c' // c/<n mod 4096>       conflicts that were met here
	classQueue    = 'q' // q/<n>                audit entries on their way out; the executor's own
	classMark     = 'b' // b/<n mod 2^18>       n, the number of a transaction
	classSystem   = 's' // s/<name>             identity, vector, clock, counts, members
)

// present is the value of records whose key says it all: a stored value is never
// empty.
var present = []byte{1}

// Names below classSystem.
var (
	keyIdentity = []byte("si")
	keyClock    = []byte("sc")
	keyCounts   = []byte("sn")
	keyRebuild  = []byte("sb")
	keyTurn     = []byte("st")
	keyTimes    = []byte("sz") // present once the index of times is complete, or a rebuild fills it
	keyStamps   = []byte("sg") // greatest timestamp of a purged record
	keyRejoin   = []byte("sj")
	keyTransfer = []byte("sx")
	keySource   = []byte("sy") // what a transfer's sources claimed
	keyMarks    = []byte("sk")
	keyLoss     = []byte("sl")
	keySuspects = []byte("sd") // sd<key>
	keyVectors  = []byte("sv") // sv<stream>
	keyRetired  = []byte("sr") // sr<stream>
	keyFloors   = []byte("sf") // sf<stream>
	keyVoids    = []byte("so") // so<stream>
	keyFormer   = []byte("sw") // sw<stream>, the vector of an earlier life
	keyFormerFl = []byte("sq") // sq<stream>, and its floor
	keyFormerVo = []byte("su") // su<stream>, and what of it nobody had
	keyFormerSt = []byte("sp") // greatest timestamp of what it had purged
	keyMembers  = []byte("sm") // sm<replica>
)

// DataKey is the stored key of a record of a user's key; with it a reader can
// walk the records in key order.
func DataKey(key string) []byte {
	return append(append(make([]byte, 0, 1+len(key)), classData), key...)
}

// IsData says that a stored key is that of a record, as DataKey makes them.
func IsData(key []byte) bool { return len(key) > 0 && key[0] == classData }

// QueueKey is the stored key of what an executor queues beside the records, by
// the number of its first entry. Nothing here looks at it.
func QueueKey(first uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{classQueue}, first)
}

// QueueEnd is the end of the class that QueueKey spans.
func QueueEnd() []byte { return []byte{classQueue + 1} }

// IsReserved says that a key is of the system's own records: users, keys, rights.
// They replicate like any others; clients cannot name them.
func IsReserved[K string | []byte](key K) bool { return len(key) > 0 && key[0] == '_' }

// IsVector says that a stored key is that of a part of the version vector.
func IsVector(key string) bool { return len(key) > 2 && key[:2] == string(keyVectors) }

// UserKey is the inverse of DataKey.
func UserKey(dataKey []byte) string { return string(dataKey[1:]) }

// DataEnd is the end of the class that DataKey spans.
func DataEnd() []byte { return []byte{classData + 1} }

func hashKey(kh KeyHash, key string) []byte {
	b := append(make([]byte, 0, 9+len(key)), classHash)
	b = binary.BigEndian.AppendUint64(b, uint64(kh))
	return append(b, key...)
}

func hashPrefix(kh KeyHash) []byte {
	return binary.BigEndian.AppendUint64([]byte{classHash}, uint64(kh))
}

func dotKey(d Dot) []byte {
	b := append(make([]byte, 0, 33), classDot)
	b = append(b, d.Stream.Replica[:]...)
	b = append(b, d.Stream.Epoch[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(d.Seq))
}

func dotOf(dotKey []byte) Dot {
	return Dot{
		Stream: Stream{Replica: ReplicaID(dotKey[1:17]), Epoch: Epoch(dotKey[17:25])},
		Seq:    Seq(binary.BigEndian.Uint64(dotKey[25:33])),
	}
}

func leafKey(l Leaf) []byte {
	return binary.BigEndian.AppendUint32([]byte{classLeaf}, uint32(l))
}

// markKey is where transaction n leaves its marker. Three bytes hold any slot.
func markKey(n uint64) []byte {
	slot := n % marksMax
	return []byte{classMark, byte(slot >> 16), byte(slot >> 8), byte(slot)}
}

func slotOf(markKey []byte) uint32 {
	return uint32(markKey[1])<<16 | uint32(markKey[2])<<8 | uint32(markKey[3])
}

func expiryKey(expires Millis, key string) []byte {
	return byNumber(classExpiry, uint64(minuteOf(expires)), key)
}

func tombKey(ts Millis, key string) []byte { return byNumber(classTomb, uint64(ts), key) }

// timed says that a record stands in the index of times: it is a value of a user's.
func timed(key string, h *Header) bool { return !h.Tombstone() && !IsReserved(key) }

// TimeKey is the stored key of a place in the index of times: where the record of a key
// stands if that is its timestamp. Times are in the order of these keys.
func TimeKey(ts Millis, key string) []byte {
	return byNumber(classTime, uint64(ts), key)
}

// TimePlace is the inverse of TimeKey. ok is false for what is none.
func TimePlace(timeKey []byte) (ts Millis, key string, ok bool) {
	if len(timeKey) <= 9 || timeKey[0] != classTime {
		return 0, "", false
	}
	return Millis(binary.BigEndian.Uint64(timeKey[1:])), string(timeKey[9:]), true
}

// TimeEnd is the end of the class that TimeKey spans.
func TimeEnd() []byte { return []byte{classTime + 1} }

// byNumber is the key of a record in an index that is ordered by a number.
func byNumber(class byte, n uint64, key string) []byte {
	b := append(make([]byte, 0, 9+len(key)), class)
	b = binary.BigEndian.AppendUint64(b, n)
	return append(b, key...)
}

func vectorKey(s Stream) []byte { return streamKey(keyVectors, s) }

func floorKey(s Stream) []byte { return streamKey(keyFloors, s) }

func streamKey(class []byte, s Stream) []byte {
	b := append(make([]byte, 0, 26), class...)
	b = append(b, s.Replica[:]...)
	return append(b, s.Epoch[:]...)
}

// streamOf is the inverse of streamKey.
func streamOf(key []byte) Stream { return Stream{ReplicaID(key[2:18]), Epoch(key[18:26])} }
func suspectKey(key string) []byte {
	return append(append(make([]byte, 0, 2+len(key)), keySuspects...), key...)
}

func memberKey(r ReplicaID) []byte {
	return append(append(make([]byte, 0, 18), keyMembers...), r[:]...)
}

// prefixEnd is the smallest key behind all keys that begin with prefix. No
// prefix used here ends in 0xff alone.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
