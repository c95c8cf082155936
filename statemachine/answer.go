package statemachine

import "kvs/statemachine/keyspace"

// Answer reads what an effect asks for from one consistent view. Production and
// the simulator both call it. Only a ReadDigest touches the state's tree, so
// only that one must run between batches, on the executor's writer; the others
// need nothing but the view.
func Answer(r keyspace.Reader, s *keyspace.State, h *keyspace.Hasher, read StoreRead) Input {
	switch e := read.(type) {
	case ReadDigest:
		sums := make([]Sum, len(e.Index))
		for i, index := range e.Index {
			sums[i] = s.Tree().Node(e.Level, index)
		}
		return DigestRead{e.Op, sums}
	case ReadLeaf:
		leaves := make([][]keyspace.LeafItem, len(e.Leaves))
		for i, leaf := range e.Leaves {
			leaves[i] = keyspace.ReadLeaf(r, h, leaf)
		}
		return LeafRead{e.Op, leaves}
	case ReadDots:
		return DotsRead{e.Op, keyspace.ReadDots(r, e.Not, e.After, e.Entries, chunkBytesMax)}
	case ReadRecords:
		es := keyspace.ReadRecords(r, e.Keys, chunkEntriesMax, chunkBytesMax)
		return RecordsRead{e.Op, es, keyspace.LoadVV(r)}
	case ReadCopy:
		return CopyRead{e.Op, keyspace.ReadCopy(r, e.Phase, e.Cutoff, e.After, e.Entries, chunkBytesMax)}
	}
	panic("statemachine: no answer to " + Print(read))
}
