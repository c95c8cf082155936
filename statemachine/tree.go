package statemachine

import "kvs/statemachine/keyspace"

// Up to Config.DirectFanout peers the origin of a write pushes it to each of
// them itself. Beyond that it pushes to a few, who pass on what was news to
// them. This is Plumtree, with the version vector as the set of what was seen:
//
//   - Each node begins with a few eager links, drawn at random; the other end of
//     each is told by Graft, so that news takes it in both directions.
//   - A link that keeps bringing what the receiver has is cut back by Prune,
//     at both ends. What remains is close to a tree.
//   - Digests, which go to random peers all the time, are the lazy links. Who
//     learns from one that news is overdue fetches it by delta, as ever, and
//     grafts the link to whoever had it.
//
// An entry that comes this way counts for its own dot and no other, so nothing
// that a relay does, or fails to do, can make a false claim.

// branch is what a peer is in the tree.
type branch struct {
	eager bool // news is passed on to it, and comes from it
	stale int  // entries it brought that were no news, less those that were
}

// reshape follows the number of links: with many of them a node pushes along
// eager ones only, and sees to it that there are some.
func (n *Node) reshape() {
	links := n.linked()
	if many := len(links) > n.cfg.DirectFanout; many != n.many {
		n.many = many
		for _, p := range links {
			n.steer(p)
		}
		if many {
			n.growTree(treeFanout)
		}
	}
	if n.many {
		n.growTree(1)
	}
}

// growTree draws eager links until there are so many.
func (n *Node) growTree(want int) {
	eager := n.choose(func(p *peer) bool { return p.linked && p.eager })
	if len(eager) >= want {
		return
	}
	lazy := n.choose(func(p *peer) bool {
		return p.linked && !p.eager && p.reach == Reachable && !p.Stage.syncing()
	})
	for _, p := range n.draw(lazy, want-len(eager)) {
		n.graft(p)
	}
}

// graft makes a link eager at both ends.
func (n *Node) graft(p *peer) {
	if !p.eager {
		n.stats.Grafts++
		n.send(p, ClassControl, Graft{})
		n.onGraft(p)
	}
}

func (n *Node) onGraft(p *peer) {
	p.branch = branch{eager: true}
	n.steer(p)
}

// prune makes a link lazy at both ends.
func (n *Node) prune(p *peer) {
	n.stats.Prunes++
	n.send(p, ClassControl, Prune{})
	n.onPrune(p)
}

func (n *Node) onPrune(p *peer) {
	p.branch = branch{}
	n.steer(p)
}

// steer begins or ends the direct push of this node's own stream to a peer.
func (n *Node) steer(p *peer) {
	switch wanted := p.linked && !p.Stage.syncing() && (p.eager || !n.many); {
	case !wanted && p.cursor.live:
		p.cursor.live = false
		p.cursor.parked = n.now.Mono
	case wanted && !p.cursor.live:
		// After a short while it goes on where it was, after a longer one at the
		// ring's end: what was written meanwhile has come by other ways.
		if n.many && n.now.Mono-p.cursor.parked > parkedMax {
			p.cursor.known = false
		}
		n.probe(p)
	}
}

// onRelayed takes news that a peer passes on.
func (n *Node) onRelayed(p *peer, entries []Entry) {
	if !n.level(p) {
		n.stats.DroppedBelow++
		return
	}
	var news []Entry
	for i := range entries {
		if !n.vv.Contains(entries[i].Dot) {
			news = append(news, entries[i])
		}
	}
	n.rate(p, len(news), len(entries)-len(news))
	if len(news) == 0 {
		return
	}
	if !n.jobs.room() || n.stage().syncing() {
		n.stats.DroppedOverload++
		return
	}
	n.enqueue(job{kind: jobPush, peer: p.Replica, entries: news, relayed: true})
}

// rate keeps account of whether a link brings news, and prunes it if it does not.
func (n *Node) rate(p *peer, news, stale int) {
	p.stale = max(p.stale+stale-news, 0)
	if p.stale >= pruneAfter {
		n.prune(p)
	}
}

// relay passes on what was news here, once it is durable. An entry that lost to
// what is stored goes further only while it is fresh: what it lost to may be a
// deletion, and when others have collected that, a newcomer among them would take
// the entry for alive. The dot of an old one reaches them with the next delta.
func (n *Node) relay(j *job, outcomes []keyspace.Outcome) {
	var news []Entry
	stale := 0
	for i := range j.entries {
		e := &j.entries[i]
		switch outcomes[i].Kind {
		case keyspace.Dup:
			stale++
		case keyspace.Lost:
			if n.wall()-e.Ver.TS < relayFresh {
				news = append(news, *e)
			}
		case keyspace.Won:
			news = append(news, *e)
			if o := n.peer(e.Dot.Stream.Replica); o != nil {
				o.expect(e.Dot)
			}
		}
	}
	from := n.peer(j.peer)
	if from != nil && j.relayed {
		n.rate(from, 0, stale)
	}
	if len(news) == 0 || n.cfg.Mutant.Is(keyspace.MutantNoRelay) {
		return
	}
	for _, p := range n.peers {
		if !p.linked || !p.eager || p == from || p.Stage.syncing() {
			continue
		}
		n.send(p, ClassPush, Push{Entries: news, Relayed: true})
		n.stats.RelayedEntries += uint64(len(news))
	}
}
