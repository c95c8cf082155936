package statemachine

// readKind says what a read of the store was for.
type readKind uint8

const (
	readChunk    readKind = iota // a peer's Need
	readCompare                  // the nodes that a peer compared
	readChildren                 // the children of nodes that differ
	readListing                  // leaves that differ, to list them
	readItems                    // records that a peer wants
	readCopy                     // a chunk of a copy for a peer
	readKey                      // a key that a peer's client wants

	// The steps of this node's own scrub.
	readRoot    // to ask about it
	readTop     // beside the answer
	readInner   // to ask about them
	readLeaves  // beside the answer
	readConfirm // leaves that differed, to ask for their listings
	readBeside  // listings beside the answer
	readGive    // records for the partner
)

// pendingRead is what must be remembered until a read is answered. The answer
// is dropped if the peer has gone or restarted meanwhile.
type pendingRead struct {
	kind    readKind
	peer    ReplicaID
	boot    Boot
	need    Need
	compare Compare
	list    LeafList
	round   uint64
}

// read asks the store, unless readsMax reads are under way already: then the
// question is dropped, and its asker will come again.
func (n *Node) read(r pendingRead, effect func(OpID) Effect) {
	if len(n.reads) >= readsMax {
		n.stats.DroppedOverload++
		return
	}
	n.lastRead++
	n.reads[n.lastRead] = r
	n.emit(effect(n.lastRead))
}

// finish takes a read off the list. The peer is nil if nobody waits any more.
func (n *Node) finish(op OpID) (pendingRead, *peer) {
	r, ok := n.reads[op]
	assertf(ok, "answer to a read %d that was not asked for", op)
	delete(n.reads, op)
	p := n.peer(r.peer)
	if p == nil || !p.linked || p.Boot != r.boot {
		return r, nil
	}
	return r, p
}
