package transport

import (
	"sync"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Two replicas that dial each other at once make two connections, and if each
// end kept the one it likes, they could keep different ones and lose both. So
// one of the pair chooses: the replica with the smaller id. The other says
// Hello first on every connection, the chooser answers with its own Hello only
// on the connection that it takes and closes the rest, and the other follows:
// a connection is up for it when that Hello arrives.
//
// The chooser takes a connection if it has none to this peer, or one that is
// dead, or one to an earlier start of the peer. It never gives up a living
// connection for another to the same process, so however often the two dial
// each other, under whatever names, nothing flaps. A connection that only the
// other end knows to be dead is found out by quic-go: at once by a stateless
// reset, at the latest by the idle timeout.
//
// Neither end lets an earlier start, or a second one of the same number, push
// out a living connection: that is a ghost or a copied directory, and would
// make the sound replica come and go. The one that is turned away tells its own
// core so (fenced), which begins another life.

// peers holds the connection that was chosen for each peer.
type peers struct {
	mu    sync.RWMutex
	byID  map[keyspace.ReplicaID]*conn
	upNow int
}

func newPeers() peers { return peers{byID: make(map[keyspace.ReplicaID]*conn)} }

// adopt makes c the connection of its peer. prev is the one that it replaces,
// already told to close; c is up only once prev is done.
func (p *peers) adopt(c *conn) (prev *conn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	prev = p.byID[c.peer]
	if prev == nil && len(p.byID) >= statemachine.MembersMax {
		return nil, closing(codeFull, "this node has %d peers", len(p.byID))
	}
	if prev != nil && prev.alive() {
		if err := c.yields(prev); err != nil {
			return nil, err
		}
		prev.close(closing(codeReplaced, "a newer connection took its place"))
	}
	p.byID[c.peer] = c
	return prev, nil
}

// yields says why c must leave the place to a living connection, if it must.
func (c *conn) yields(prev *conn) error {
	ours, theirs := c.hello.Boot, prev.hello.Boot
	switch {
	case ours == theirs && c.chooses:
		return closing(codeDuplicate, "the replicas are connected already")
	case ours.Compare(theirs) < 0:
		return closing(codeBoot, "replica %s is connected as its start %d, this is start %d",
			c.peer, theirs.Count, ours.Count)
	}
	return nil
}

// raise makes c the connection that Send finds.
func (p *peers) raise(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.up = true
	p.upNow++
}

// drop forgets a connection that is over.
func (p *peers) drop(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.up {
		c.up = false
		p.upNow--
	}
	if p.byID[c.peer] == c {
		delete(p.byID, c.peer)
	}
}

// up returns the connection of a peer for which PeerUp was or is being
// delivered, or nil.
func (p *peers) up(id keyspace.ReplicaID) *conn {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c := p.byID[id]; c != nil && c.up {
		return c
	}
	return nil
}

func (p *peers) upCount() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.upNow
}
