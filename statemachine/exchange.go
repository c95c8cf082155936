package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// The end of a scrub's descent: listings are compared and records exchanged.

// onLeafList takes the listing of leaves that were asked about.
func (n *Node) onLeafList(p *peer, m LeafList) {
	bad := len(m.Leaves) == 0 || len(m.Leaves) > leavesMax || len(m.Items) > leafItemsMax
	for _, l := range m.Leaves {
		bad = bad || l >= keyspace.LeafCount
	}
	if bad {
		n.stats.DroppedMalformed++
		return
	}
	q, ok := n.answered(p, m.Round).(Compare)
	if !ok || q.Level != keyspace.LevelLeaf {
		return
	}
	s := &n.scrub
	if m.More {
		s.suspects = append(notListed(q, m), s.suspects...)
	}
	s.reading = true
	n.arm(timerScrub, scrubTimeout)
	r := pendingRead{kind: readBeside, peer: p.Replica, boot: p.Boot, round: s.round, list: m}
	asOf := n.minuteToList(q.AsOf)
	n.read(r, func(op OpID) Effect { return ReadLeaf{op, m.Leaves, asOf} })
}

// notListed are the leaves of a question beyond those that its answer had room
// for. They have waited already.
func notListed(q Compare, m LeafList) (out []suspect) {
	for _, node := range q.Nodes {
		if node.Index > uint32(m.Leaves[len(m.Leaves)-1]) {
			out = append(out, suspect{leaf: node.Index, mine: node.Sum, theirs: node.Theirs})
		}
	}
	return out
}

func (n *Node) onLeafRead(in LeafRead) {
	r, p := n.finish(in.Op)
	switch {
	case p == nil:
	case r.kind == readListing:
		n.answerListing(p, r, in.Leaves)
	case n.loaded(&r):
		if n.scrub.dry {
			n.keep(differences(r.list.Items, in.Leaves))
		} else {
			n.scrub.give, n.scrub.want = compareLeaves(r.list, in.Leaves)
		}
		n.goOn()
	}
}

// compareLeaves decides what to give for a peer's listing and what to want: of
// records that differ both, because only versions decide; a tombstone for a
// record that is deleted here.
func compareLeaves(theirs LeafList, mine [][]keyspace.LeafItem) (give, want []keyspace.KeyHash) {
	for _, d := range differences(theirs.Items, mine) {
		if d.Here || d.deleted {
			give = append(give, d.Hash)
		}
		if d.There && !d.deleted {
			want = append(want, d.Hash)
		}
	}
	return give, want
}

// unlike is a record that two listings do not have alike.
type unlike struct {
	Difference
	deleted bool // here it is a tombstone
}

// differences walks two listings of the same leaves side by side, in the order
// of the key hashes.
func differences(theirs []LeafItem, mine [][]keyspace.LeafItem) (out []unlike) {
	listed, own := slices.Clone(theirs), slices.Concat(mine...)
	slices.SortFunc(listed, func(a, b LeafItem) int { return compareHash(a.Key, b.Key) })
	slices.SortFunc(own, func(a, b keyspace.LeafItem) int { return compareHash(a.Key, b.Key) })
	i, k := 0, 0
	for i < len(own) || k < len(listed) {
		switch {
		case k == len(listed) || i < len(own) && own[i].Key < listed[k].Key:
			if !own[i].Hidden {
				out = append(out, unlike{Difference: Difference{Hash: own[i].Key, Here: true}})
			}
			i++
		case i == len(own) || listed[k].Key < own[i].Key:
			out = append(out, unlike{Difference: Difference{Hash: listed[k].Key, There: true}})
			k++
		default:
			if d := own[i]; d.Hidden || d.Digest != listed[k].Digest {
				both := Difference{Hash: d.Key, Here: !d.Hidden, There: true}
				out = append(out, unlike{both, d.Hidden})
			}
			i, k = i+1, k+1
		}
	}
	return out
}

func compareHash(a, b keyspace.KeyHash) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// exchange reads the next records to give, or asks for wanted ones alone.
func (n *Node) exchange() {
	s := &n.scrub
	if len(s.give) == 0 {
		n.swap(nil, VV{})
		return
	}
	keys := s.give[:min(len(s.give), exchangeMax)]
	n.load(readGive, func(op OpID) Effect { return ReadRecords{op, keys} })
}

// swap sends records of a view with this vector, and asks for as many.
func (n *Node) swap(entries []Entry, view VV) {
	s := &n.scrub
	want := s.want[:min(len(s.want), exchangeMax)]
	n.stats.ScrubEntries += uint64(len(entries))
	n.question(ClassBulk, func(round uint64) Message {
		return Items{Round: round, Entries: entries, Want: want, VV: view}
	})
}

func (n *Node) onRecordsRead(in RecordsRead) {
	r, p := n.finish(in.Op)
	switch {
	case p == nil:
	case r.kind == readItems:
		n.stats.ScrubEntries += uint64(len(in.Entries))
		n.send(p, ClassBulk, Items{Round: r.round, Entries: in.Entries, VV: in.VV, Answer: true})
	case n.loaded(&r):
		asked := min(len(n.scrub.give), exchangeMax)
		n.scrub.give = n.behind(n.scrub.give, asked, in.Entries)
		n.swap(in.Entries, in.VV)
	}
}

// behind crosses off a list the part that was asked for and that came, entries
// being in the order of the list but maybe cut off at a bound. If nothing came,
// nothing of that part is there.
func (n *Node) behind(list []keyspace.KeyHash, asked int, came []Entry) []keyspace.KeyHash {
	if len(came) == 0 {
		return list[asked:]
	}
	last := keyspace.NewHasher(n.id.Digest).Key(came[len(came)-1].Key)
	for i, hash := range list[:asked] {
		if hash == last {
			return list[i+1:]
		}
	}
	return list[asked:]
}

// onItems merges what a scrub brought. A question gets an answer, the wanted
// records; one that cannot be merged for lack of room gets none, and is asked
// again.
func (n *Node) onItems(p *peer, m Items) {
	if malformed(m.Entries) || len(m.Want) > leafItemsMax {
		n.stats.DroppedMalformed++
		return
	}
	if len(m.Entries) > 0 && n.level(p) {
		if !n.jobs.room() {
			n.stats.DroppedOverload++
			return
		}
		n.enqueue(job{kind: jobItems, peer: p.Replica, session: m.Round, entries: m.Entries, view: m.VV})
	}
	switch {
	case m.Answer:
		n.onExchanged(p, m)
	case len(m.Want) == 0:
		n.send(p, ClassControl, Items{Round: m.Round, Answer: true})
	default:
		n.admit(p)
		r := pendingRead{kind: readItems, peer: p.Replica, boot: p.Boot, round: m.Round}
		n.read(r, func(op OpID) Effect { return ReadRecords{op, m.Want} })
	}
}

// onExchanged goes on once the partner has taken what it was given. Round 0 is
// what it gave of its own accord.
func (n *Node) onExchanged(p *peer, m Items) {
	if m.Round == 0 {
		return
	}
	if q, ok := n.answered(p, m.Round).(Items); ok {
		n.scrub.want = n.behind(n.scrub.want, len(q.Want), m.Entries)
		n.goOn()
	}
}

// onItemsApplied counts what was news, and gives back what is newer here: a
// tombstone is in no listing, so its holder learns only now that the peer still
// has the record.
func (n *Node) onItemsApplied(j *job, outcomes []keyspace.Outcome) {
	repaired := uint64(0)
	var newer []keyspace.KeyHash
	hasher := keyspace.NewHasher(n.id.Digest)
	for i := range outcomes {
		o := &outcomes[i]
		switch {
		case o.Kind == keyspace.Won:
			repaired++
		case o.Kind == keyspace.Lost && o.Prev != o.Header.Ver:
			newer = append(newer, hasher.Key(j.entries[i].Key))
		}
	}
	if repaired > 0 {
		n.stats.Repaired += repaired
		n.notify(Repaired{j.peer, repaired})
	}
	if p := n.peer(j.peer); p != nil && p.linked && len(newer) > 0 {
		r := pendingRead{kind: readItems, peer: p.Replica, boot: p.Boot} // round 0
		n.read(r, func(op OpID) Effect { return ReadRecords{op, newer} })
	}
}
