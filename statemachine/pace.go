package statemachine

// pace stretches the pauses of a scrub while the node has more urgent things to
// do: they double while it is busy, and shrink back a little at a time.
type pace struct {
	// extra is by how many sixteenths the pauses are longer than configured.
	extra Millis
}

// of is a configured pause as long as it is now. Bound: paceMax times as long.
func (p *pace) of(pause Millis) Millis { return pause + pause*p.extra/16 }

func (p *pace) adapt(busy bool) {
	if busy {
		p.extra = min(2*(16+p.extra), 16*paceMax) - 16
		return
	}
	p.extra -= (p.extra + 7) / 8
}

// congested says that the store or a peer does not keep up with the writes.
func (n *Node) congested() bool {
	if len(n.jobs.flying) == batchesMax && len(n.jobs.waiting) > 0 {
		return true
	}
	for _, p := range n.peers {
		if c := &p.cursor; p.linked && c.live && c.sent < n.ring.last() {
			return true // the window is closed
		}
	}
	return false
}
