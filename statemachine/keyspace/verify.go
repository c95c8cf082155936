package keyspace

// The digest is kept up to date by adding and subtracting, and so it goes on
// counting a record that the disk has lost or changed. Only reading everything
// again tells: the local verifier compares records, indexes and sums of one view.

// Verified is what the verifier found wrong in one leaf.
type Verified struct {
	Keys []string // of records that cannot be read, or that an index does not know
	Sum  bool     // the stored sum is not that of the records
}

// Wrong says that there is work for Mend.
func (v Verified) Wrong() bool { return len(v.Keys) > 0 || v.Sum }

// VerifyLeaf reads the records of one leaf, all from one view: each must be there,
// match the hash of its value and stand in the index of dots, and together they
// must make the stored sum. A sum that is too great for them may also mean a
// record that the index of hashes has lost; the caller looks for it with
// VerifyHashes.
func VerifyLeaf(r Reader, h *Hasher, leaf Leaf) (v Verified) {
	var sum Sum
	turned := loadTurn(r)
	for _, key := range leafKeys(r, leaf) {
		rec, ok := sound(r.Get(DataKey(key)))
		if !ok || string(r.Get(dotKey(rec.Dot))) != key {
			v.Keys = append(v.Keys, key)
		}
		if ok && (rec.Expires == 0 || !turned.passed(rec.Expires, key)) {
			sum = sum.Plus(h.Record(key, &rec.Header))
		}
	}
	var stored Sum
	if b := r.Get(leafKey(leaf)); len(b) == 16 {
		stored = sumOf(b)
	}
	v.Sum = sum != stored && !owesLeaves(r)
	return v
}

// VerifyHashes returns the keys of one leaf that have a record and are not in the
// index of hashes. It walks all records.
func VerifyHashes(r Reader, h *Hasher, leaf Leaf) (lost []string) {
	for k := range r.Ascend(DataKey(""), DataEnd()) {
		key := UserKey(k)
		if kh := h.Key(key); kh.Leaf() == leaf && r.Get(hashKey(kh, key)) == nil {
			lost = append(lost, key)
		}
	}
	return lost
}

// sound decodes a stored record whose value has the hash that its header says.
func sound(stored []byte) (Record, bool) {
	rec, ok := DecodeRecord(stored)
	return rec, ok && (rec.Tombstone() || rec.ValHash == HashValue(rec.Value))
}

// SuspectLeaf asks Mend to sum up a leaf.
func (s *State) SuspectLeaf(leaf Leaf) { s.stale = append(s.stale, leaf) }

// examine looks at the record of a suspect key, and reports whether it is
// damaged: it does not decode, its value is another, or the indexes know of a
// record that is not there. Then it is stored as damaged, so that everybody sees
// it so from here on. A sound one gets what the indexes lack of it.
func (s *State) examine(tx Tx, key string) (damaged bool) {
	stored := tx.Get(DataKey(key))
	kh := s.hasher.Key(key)
	if rec, ok := sound(stored); ok {
		tx.Set(hashKey(kh, key), present)
		tx.Set(dotKey(rec.Dot), []byte(key))
		if rec.Tombstone() {
			tx.Set(tombKey(rec.Ver.TS, key), present)
		}
		if timed(key, &rec.Header) {
			tx.Set(TimeKey(rec.Ver.TS, key), present)
		}
		if rec.Expires != 0 {
			tx.Set(expiryKey(rec.Expires, key), present)
		}
		return false
	}
	if stored == nil && tx.Get(hashKey(kh, key)) == nil {
		return false // there never was one
	}
	tx.Set(DataKey(key), Damaged())
	tx.Set(hashKey(kh, key), present)
	return true
}
