package statemachine

import "kvs/statemachine/keyspace"

// Retirement of streams, and the lists that stand for them. A replica retires by
// its own count of reports. Vectors travel with the hash of the sender's list in
// the place of its streams; who does not know the list asks for it, a piece at a
// time, and drops what it cannot read until then.

// AskRetired asks for the sender's list of retired streams from a place on.
type AskRetired struct {
	Hash uint64 `cbor:"1,keyasint"`
	From int    `cbor:"2,keyasint,omitempty"`
}

// RetiredList is one piece of a list.
type RetiredList struct {
	Hash    uint64                   `cbor:"1,keyasint"`
	From    int                      `cbor:"2,keyasint,omitempty"`
	Streams []keyspace.RetiredStream `cbor:"3,keyasint"`
	Done    bool                     `cbor:"4,keyasint,omitempty"`
}

// foreignList is what is known of a peer's list.
type foreignList struct {
	list    *keyspace.Retired
	coming  uint64 // the hash of the one that is being fetched
	pieces  []keyspace.RetiredStream
	askedAt Millis
}

// retireStreams moves streams to the list that every replica of the roster has to
// the same end, and that nobody takes anything of any more.
func (n *Node) retireStreams() {
	if n.transfer.Active() || !n.jobs.room() || n.cfg.Mutant.Is(keyspace.MutantHoard) {
		return
	}
	var over []keyspace.RetiredStream
	for _, set := range n.vv.Sets() {
		if len(over) == retireMax {
			break
		}
		if len(set.Ranges) == 0 && set.Stream != n.stream && n.over(set) {
			over = append(over, keyspace.RetiredStream{Stream: set.Stream, Head: set.Head})
		}
	}
	if len(over) > 0 {
		n.enqueue(job{kind: jobIdentity, retire: over})
	}
}

// over says that a stream has ended: its origin has departed, or runs with
// another epoch and all know that start of it; and all have the same of it.
func (n *Node) over(set keyspace.StreamSet) bool {
	origin := set.Stream.Replica
	boot := n.id.Boot
	if z := n.peer(origin); origin != n.id.Replica {
		switch {
		case z == nil:
			return false
		case z.Standing != keyspace.Active:
			if !n.knownGone(z) {
				return false
			}
			boot = Boot{}
		case z.reports.counted == nil || z.reports.counted.Epoch == set.Stream.Epoch:
			return false
		default:
			boot = z.reports.counted.Boot
		}
	}
	for _, p := range n.peers {
		if !p.active() {
			continue
		}
		r := p.reports.counted
		if r == nil {
			return false
		}
		have := r.VV.Of(set.Stream)
		if have.Head != set.Head || len(have.Ranges) > 0 {
			return false
		}
		if p.Replica == origin || boot == (Boot{}) {
			continue
		}
		if l, ok := r.line(origin); !ok || l.Boot.Compare(boot) < 0 {
			return false
		}
	}
	return true
}

// readable puts lists in the place of their hashes in what a peer sent, and
// reports whether it could. If not, the list is asked for.
func (n *Node) readable(p *peer, m Message) (Message, bool) {
	c := resolver{own: n.vv.Retired(), foreign: p.lists.list}
	switch m := m.(type) {
	case Digest:
		c.resolve(&m.VV, &m.Base, &m.Durable)
		return n.resolved(p, &c, m)
	case Ack:
		c.resolve(&m.Have)
		return n.resolved(p, &c, m)
	case Need:
		c.resolve(&m.Not)
		return n.resolved(p, &c, m)
	case Delta:
		c.resolve(&m.VV, &m.Floor, &m.Voids)
		return n.resolved(p, &c, m)
	case Items:
		c.resolve(&m.VV)
		return n.resolved(p, &c, m)
	case Opened:
		c.resolve(&m.VV, &m.Floor)
		return n.resolved(p, &c, m)
	case Chunk:
		c.resolve(&m.VV, &m.Voids)
		return n.resolved(p, &c, m)
	case Reports:
		m.Reports = append([]Report(nil), m.Reports...)
		for i := range m.Reports {
			c.resolve(&m.Reports[i].VV)
		}
		return n.resolved(p, &c, m)
	}
	return m, true
}

// resolver resolves the vectors of one message.
type resolver struct {
	own, foreign *keyspace.Retired
	missing      uint64
}

func (c *resolver) resolve(vs ...*VV) {
	for _, v := range vs {
		if !v.Resolve(c.own) && !v.Resolve(c.foreign) {
			c.missing = v.Unresolved()
		}
	}
}

func (n *Node) resolved(p *peer, c *resolver, m Message) (Message, bool) {
	if c.missing == 0 {
		return m, true
	}
	n.stats.DroppedUnreadable++
	l := &p.lists
	if l.coming != c.missing {
		*l = foreignList{list: l.list, coming: c.missing, askedAt: n.now.Mono - listRetry}
	}
	if n.now.Mono-l.askedAt >= listRetry {
		n.askRetired(p)
	}
	return m, false
}

func (n *Node) askRetired(p *peer) {
	p.lists.askedAt = n.now.Mono
	n.send(p, ClassControl, AskRetired{p.lists.coming, len(p.lists.pieces)})
}

// onAskRetired gives a piece of this node's list, or of a newer one.
func (n *Node) onAskRetired(p *peer, m AskRetired) {
	list := n.vv.Retired().List()
	hash := n.vv.Retired().Hash()
	if hash != m.Hash || m.From < 0 || m.From > len(list) {
		n.send(p, ClassControl, n.digest(p)) // it names the list that counts now
		return
	}
	end := min(m.From+retireMax, len(list))
	n.send(p, ClassBulk, RetiredList{hash, m.From, list[m.From:end], end == len(list)})
}

// onRetiredList takes a piece, and asks for the next.
func (n *Node) onRetiredList(p *peer, m RetiredList) {
	l := &p.lists
	if m.Hash != l.coming || m.From != len(l.pieces) || len(m.Streams) > retireMax ||
		len(l.pieces)+len(m.Streams) > retiredMax || len(m.Streams) == 0 && !m.Done {
		n.stats.DroppedStale++
		return
	}
	l.pieces = append(l.pieces, m.Streams...)
	if !m.Done {
		n.askRetired(p)
		return
	}
	if list := keyspace.RetiredOf(l.pieces); list.Hash() == l.coming {
		l.list = list
	}
	l.coming, l.pieces = 0, nil
}

// onWire gives the vectors of a message the form in which they travel.
// Lists other than this node's own are spelled out.
func (n *Node) onWire(m Message) Message {
	own := n.vv.Retired()
	switch m := m.(type) {
	case Digest:
		m.VV, m.Base, m.Durable = m.VV.Wire(own), m.Base.Wire(own), m.Durable.Wire(own)
		return m
	case Ack:
		m.Have = m.Have.Wire(own)
		return m
	case Need:
		m.Not = m.Not.Wire(own)
		return m
	case Delta:
		m.VV, m.Floor, m.Voids = m.VV.Wire(own), m.Floor.Wire(own), m.Voids.Wire(own)
		return m
	case Items:
		m.VV = m.VV.Wire(own)
		return m
	case Opened:
		m.VV, m.Floor = m.VV.Wire(own), m.Floor.Wire(own)
		return m
	case Chunk:
		m.VV, m.Voids = m.VV.Wire(own), m.Voids.Wire(own)
		return m
	case Reports:
		m.Reports = append([]Report(nil), m.Reports...)
		for i := range m.Reports {
			m.Reports[i].VV = m.Reports[i].VV.Wire(own)
		}
		return m
	}
	return m
}
