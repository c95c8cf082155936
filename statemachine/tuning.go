package statemachine

// onSetConfig takes another Tuning over, whole. A timer of an interval that has changed
// is set anew, so that a long one does not have to pass first.
func (n *Node) onSetConfig(in SetConfig) {
	was, now := n.cfg.Tuning, in.Tuning
	n.cfg.Tuning = now
	if now.ReadOnly != was.ReadOnly {
		n.readOnly = now.ReadOnly
	}
	if n.timers[timerStart] == never { // else the start sets them all
		n.retime(was)
	}
	n.emit(Done{in.Request, CommandResult{}})
}

// retime sets the timers of the intervals that differ from those before.
func (n *Node) retime(was Tuning) {
	t := &n.cfg.Tuning
	if t.GossipMin != was.GossipMin || t.GossipMax != was.GossipMax {
		n.arm(timerTable, n.between(t.GossipMin, t.GossipMax))
	}
	if t.Sync != was.Sync {
		n.arm(timerSync, n.jittered(t.Sync))
	}
	if t.Catchup != was.Catchup {
		n.arm(timerCatchup, t.Catchup)
	}
	n.armView()
}
