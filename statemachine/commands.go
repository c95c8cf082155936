package statemachine

// onSyncNow compares with one peer or all. They take turns, as one scrub runs at
// a time.
func (n *Node) onSyncNow(in SyncNow) {
	done := Done{Request: in.Request}
	peers := n.choose(func(p *peer) bool {
		return p.linked && (in.Peer == ReplicaID{} || in.Peer == p.Replica)
	})
	for _, p := range peers {
		p.asked = true
		done.Result.Peers = append(done.Result.Peers, p.Replica)
		n.send(p, ClassControl, n.digest(p))
	}
	if len(peers) == 0 {
		done.Result.Refused = n.unreachable(in.Peer)
	}
	n.emit(done)
	n.scrubAsked()
}

// unreachable says why there is no peer for a command.
func (n *Node) unreachable(id ReplicaID) Refusal {
	if id == n.id.Replica {
		return RefusedSelf
	}
	return RefusedUnknown
}

// scrubAsked begins the next scrub that an operator asked for.
func (n *Node) scrubAsked() {
	if n.scrub.running {
		return
	}
	for _, p := range n.peers {
		if p.asked && p.linked && !n.serves(p) {
			n.beginScrub(p)
			return
		}
		p.asked = false
	}
}

// onDiff looks for differences at once: a scrub that runs gives way, as it loses
// nothing by it.
func (n *Node) onDiff(in Diff) {
	refuse := RefusedNot
	p := n.peer(in.Peer)
	switch {
	case p == nil || !p.linked:
		refuse = n.unreachable(in.Peer)
	case n.scrub.running && n.scrub.dry:
		refuse = RefusedOverloaded
	}
	if refuse != RefusedNot {
		n.emit(Done{in.Request, CommandResult{Refused: refuse}})
		return
	}
	if n.scrub.running {
		if q := n.peer(n.scrub.partner); q != nil {
			q.asked = true // goes on afterwards
		}
		n.stopScrub(RefusedOverloaded)
	}
	n.scrub = scrub{
		running: true, partner: p.Replica, round: n.scrub.round, dry: true, request: in.Request,
		asOf: n.minuteWith(p),
	}
	n.openScrub()
}

// keep adds to what a dry run found. With leafItemsMax of them it ends.
func (n *Node) keep(ds []unlike) {
	s := &n.scrub
	for i := range ds {
		if len(s.found) == leafItemsMax {
			s.more, s.inner, s.suspects = true, nil, nil
			return
		}
		s.found = append(s.found, ds[i].Difference)
	}
}

func (n *Node) answerDiff(why Refusal) {
	s := &n.scrub
	done := Done{Request: s.request, Result: CommandResult{Refused: why}}
	if why == RefusedNot {
		done.Result.Differences, done.Result.More = s.found, s.more
	}
	n.emit(done)
}
