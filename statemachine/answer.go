package statemachine

import "kvs/statemachine/keyspace"

// Answer reads what an effect asks for from one consistent view. Production and
// the simulator both call it. Only a ReadDigest touches the state's tree, so
// only that one must run between batches, on the executor's writer; the others
// need nothing but the view.
func Answer(r keyspace.Reader, s *keyspace.State, h *keyspace.Hasher, read StoreRead) Input {
	switch e := read.(type) {
	case ReadDigest:
		if e.AsOf == 0 {
			return DigestRead{e.Op, s.Sums(e.Level, e.Index)}
		}
		sums, _ := s.SumsAt(e.Level, e.Index, e.AsOf)
		return DigestRead{e.Op, sums}
	case ReadLeaf:
		leaves := make([][]keyspace.LeafItem, len(e.Leaves))
		for i, leaf := range e.Leaves {
			leaves[i] = keyspace.ReadLeaf(r, h, leaf, e.AsOf)
		}
		return LeafRead{e.Op, leaves}
	case ReadDots:
		return DotsRead{e.Op, keyspace.ReadDots(r, e.Not, e.After, e.Entries, chunkBytesMax)}
	case ReadRecords:
		es := keyspace.ReadRecords(r, e.Keys, chunkEntriesMax, chunkBytesMax)
		return RecordsRead{e.Op, es, keyspace.LoadVV(r)}
	case ReadKey:
		es, damaged := keyspace.ReadKey(r, e.Key)
		return KeyRead{e.Op, es, damaged}
	case ReadCopy:
		return CopyRead{e.Op, keyspace.ReadCopy(r, e.Phase, e.Cutoff, e.After, e.Entries, chunkBytesMax)}
	}
	panic("statemachine: no answer to " + Print(read))
}
