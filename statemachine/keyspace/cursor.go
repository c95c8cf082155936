package keyspace

import (
	"encoding/binary"
	"math"
)

// cursorFormat is the first byte of a cursor.
const cursorFormat = 1

// spelledMax is how many streams that are over a cursor spells out. With more, the
// hash of their list stands for them, as on the wire, and only a replica with the
// same list understands it.
const spelledMax = 64

// Append writes the cursor as followers carry it, for the cluster that it belongs to.
func (c *Cursor) Append(b []byte, cluster ClusterID) []byte {
	b = append(append(b, cursorFormat), cluster[:8]...)
	b = appendVector(binary.AppendUvarint(b, uint64(c.Expired)), c.Have)
	w := c.Walk
	if w == nil {
		return b
	}
	b = append(b, w.Replica[:]...)
	b = appendVector(appendVector(b, w.Seen), w.Target)
	if w.Keys {
		return append(append(b, 1), w.Key...)
	}
	b = append(append(b, 0), w.After.Stream.Replica[:]...)
	b = append(b, w.After.Stream.Epoch[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(w.After.Seq))
}

// appendVector writes a vector with its length in front.
func appendVector(b []byte, v VV) []byte {
	if len(v.old.List()) <= spelledMax {
		v = v.Expanded()
	} else {
		v = v.Wire(v.old)
	}
	bytes, err := v.MarshalBinary()
	assertf(err == nil, "a vector that cannot travel")
	return append(binary.AppendUvarint(b, uint64(len(bytes))), bytes...)
}

// ParseCursor reads what Append wrote at any replica of the cluster. known is false
// if the cursor speaks of streams that are over which this replica, whose list is
// retired, cannot tell: its follower has to begin again. ok is false for anything
// else than a cursor of this cluster.
func ParseCursor(b []byte, cluster ClusterID, retired *Retired) (c Cursor, known, ok bool) {
	if len(b) < 9 || b[0] != cursorFormat || [8]byte(b[1:9]) != [8]byte(cluster[:8]) {
		return Cursor{}, false, false
	}
	expired, b, ok := uvarint(b[9:])
	if !ok || expired >= uint64(TimestampMax) {
		return Cursor{}, false, false
	}
	c.Expired, known = Millis(expired), true
	vector := func(v *VV) {
		var n uint64
		if n, b, ok = uvarint(b); !ok || n > uint64(len(b)) {
			ok = false
			return
		}
		ok = v.decode(b[:n], StreamsMax) == nil
		b = b[n:]
		known = ok && v.Resolve(retired) && known
	}
	if vector(&c.Have); !ok || len(b) == 0 {
		return c, known, ok
	}
	w := &Walk{}
	if len(b) < len(w.Replica) {
		return Cursor{}, false, false
	}
	b = b[copy(w.Replica[:], b):]
	if vector(&w.Seen); !ok {
		return Cursor{}, false, false
	}
	if vector(&w.Target); !ok {
		return Cursor{}, false, false
	}
	c.Walk = w
	return c, known, w.parsePlace(b)
}

// parsePlace reads where a walk stands.
func (w *Walk) parsePlace(b []byte) bool {
	if len(b) == 0 || len(b) > 1+KeyBytesMax {
		return false
	}
	if w.Keys = b[0] == 1; w.Keys {
		w.Key = string(b[1:])
		return true
	}
	if b[0] != 0 || len(b) != 1+16+8+8 {
		return false
	}
	w.After = dotOf(b) // as it lies behind the class of an index
	return w.After.Seq < math.MaxInt64
}
