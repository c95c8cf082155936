package statemachine

import (
	"kvs/statemachine/keyspace"
)

// Reports tell the roster what each replica durably claims, and whom it knows.
// They are what the collection of tombstones counts (collect.go). A report
// changes only when its content does, and is relayed, so that replicas which
// never meet learn of each other's.

// Report is what one replica said of itself at one moment.
type Report struct {
	Replica ReplicaID      `cbor:"1,keyasint"`
	Boot    Boot           `cbor:"2,keyasint"`
	N       uint64         `cbor:"3,keyasint"` // grows within a boot
	VV      VV             `cbor:"4,keyasint"` // durable
	Roster  []RosterLine   `cbor:"5,keyasint"` // in the order of the replicas
	Epoch   keyspace.Epoch `cbor:"6,keyasint"` // of its running stream
}

// RosterLine is how a replica knows another.
type RosterLine struct {
	Replica  ReplicaID         `cbor:"1,keyasint"`
	Boot     Boot              `cbor:"2,keyasint"`
	Joined   Millis            `cbor:"3,keyasint,omitempty"`
	Standing keyspace.Standing `cbor:"4,keyasint,omitempty"`
}

// ReportID names a report.
type ReportID struct {
	Replica ReplicaID `cbor:"1,keyasint"`
	Boot    Boot      `cbor:"2,keyasint"`
	N       uint64    `cbor:"3,keyasint"`
}

// Reports lists the reports that its sender knows, and carries those that it
// believes the receiver lacks. An answer to it lists nothing, unless the
// answerer lacks something itself.
type Reports struct {
	Have    []ReportID `cbor:"1,keyasint,omitempty"`
	Reports []Report   `cbor:"2,keyasint,omitempty"`
}

// reports holds what is known of one replica's reports.
//
// Invariant: counted is older than pending, and pending not newer than newest.
type reports struct {
	// counted is the newest report whose vector this node has included. Only it
	// says anything about what cannot arrive here any more.
	counted *Report
	// pending waits to be included. It is kept until then, so that a steady lag
	// behind a busy replica cannot starve the count.
	pending *Report
	newest  *Report
}

// newerReport says that a is news after b.
func newerReport(a ReportID, b *Report) bool {
	switch {
	case b == nil:
		return true
	case a.Boot != b.Boot:
		return a.Boot.Compare(b.Boot) > 0
	}
	return a.N > b.N
}

func (r *Report) id() ReportID { return ReportID{r.Replica, r.Boot, r.N} }

// settle counts what can be counted.
func (r *reports) settle(vv VV, blind bool) {
	switch {
	case r.newest == r.counted: // or there is none
	case blind || vv.Covers(r.newest.VV):
		r.counted, r.pending = r.newest, nil
	case r.pending == nil:
		r.pending = r.newest
	case vv.Covers(r.pending.VV):
		r.counted, r.pending = r.pending, r.newest
	}
}

// refreshReport renews this node's own report if it would say something else.
// A replica that is still taking over a copy claims nothing yet and says nothing.
func (n *Node) refreshReport() {
	if n.transfer.Active() || n.lost() || n.self.Standing != keyspace.Active || n.id.Joined == 0 {
		n.report, n.draft = nil, nil
		return
	}
	if n.draft != nil {
		return
	}
	lines := n.rosterLines()
	if r := n.report; r != nil && r.VV.Equal(n.vv) && equalLines(r.Roster, lines) {
		return
	}
	n.reported++
	n.offer(&Report{n.id.Replica, n.id.Boot, n.reported, n.vv.Clone(), lines, n.stream.Epoch})
}

// rosterLines is the roster as this node knows it, those who have left or were
// evicted included: they may have joined where nobody here has heard of it.
func (n *Node) rosterLines() []RosterLine {
	lines := make([]RosterLine, 0, len(n.peers))
	for _, p := range n.peers {
		if p.Joined == 0 && p.Standing == keyspace.Active {
			continue
		}
		standing := p.Standing
		if n.jobs.done < p.fenced {
			standing = keyspace.Active // what it sent before it was fenced is still on its way in
		}
		lines = append(lines, RosterLine{p.Replica, p.Boot, p.Joined, standing})
	}
	return lines
}

func equalLines(a, b []RosterLine) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// line returns what a report says of a replica.
func (r *Report) line(id ReplicaID) (RosterLine, bool) {
	for i := range r.Roster {
		if r.Roster[i].Replica == id {
			return r.Roster[i], true
		}
	}
	return RosterLine{}, false
}

// sendReports begins an exchange with a few peers.
func (n *Node) sendReports() {
	have := n.haveReports()
	for _, p := range n.pick(n.gossipFanout()) {
		n.send(p, ClassControl, Reports{Have: have})
	}
}

func (n *Node) haveReports() []ReportID {
	var have []ReportID
	if n.report != nil {
		have = append(have, n.report.id())
	}
	for _, p := range n.peers {
		if p.reports.newest != nil {
			have = append(have, p.reports.newest.id())
		}
	}
	return have
}

// onReports takes what is new, and answers with what the sender lacks.
func (n *Node) onReports(p *peer, m Reports) {
	if len(m.Have) > RosterMax || len(m.Reports) > reportsMax {
		n.stats.DroppedMalformed++
		return
	}
	for i := range m.Reports {
		n.takeReport(&m.Reports[i])
	}
	if len(m.Reports) > 0 {
		n.countReports()
	}
	if len(m.Have) == 0 {
		return
	}
	var answer Reports
	for _, have := range m.Have {
		q := n.peer(have.Replica)
		if have.Replica != n.id.Replica && q != nil && newerReport(have, q.reports.newest) &&
			!n.outdated(q, have.Boot) {
			answer.Have = n.haveReports()
			if len(answer.Have) == 0 { // ask all the same
				answer.Have = []ReportID{{Replica: n.id.Replica}}
			}
			break
		}
	}
	answer.Reports = n.reportsBeyond(m.Have)
	if len(answer.Have) > 0 || len(answer.Reports) > 0 {
		n.send(p, ClassControl, answer)
	}
}

// reportsBeyond are the reports that somebody with these lacks.
func (n *Node) reportsBeyond(have []ReportID) (out []Report) {
	known := make(map[ReplicaID]ReportID, len(have))
	for _, h := range have {
		known[h.Replica] = h
	}
	bytes := 0
	give := func(r *Report) {
		if r == nil || len(out) == reportsMax {
			return
		}
		if h, ok := known[r.Replica]; ok && !newerReport(r.id(), &Report{Boot: h.Boot, N: h.N}) {
			return
		}
		bytes += 64*len(r.Roster) + 64*len(r.VV.Sets())
		if len(out) == 0 || bytes <= chunkBytesMax/4 {
			out = append(out, *r)
		}
	}
	give(n.report)
	for _, p := range n.peers {
		give(p.reports.newest)
	}
	return out
}

// outdated says that something of that boot was said by an older start, or by a
// clone.
func (n *Node) outdated(p *peer, b Boot) bool {
	return b.Compare(p.Boot) < 0 && !n.cfg.Mutant.Is(keyspace.MutantBootFence)
}

// takeReport keeps a report if it is news. What an older start said is void: it
// may have forgotten since (I9).
func (n *Node) takeReport(r *Report) {
	if r.Replica == n.id.Replica || len(r.Roster) > RosterMax {
		return
	}
	p := n.peer(r.Replica)
	if p == nil || !newerReport(r.id(), p.reports.newest) || n.outdated(p, r.Boot) {
		return
	}
	p.reports.newest = r
}

// countReports counts reports whose vectors are included by now. Whoever a
// counted report knows is known here too from then on: a replica that copied
// from the reporter may hold what the reporter held, and no more.
func (n *Node) countReports() {
	for _, p := range n.peers {
		before := p.reports.counted
		p.reports.settle(n.vv, n.cfg.Mutant.Is(keyspace.MutantInclusion))
		if p.reports.counted != before {
			n.unpin(p)
			for _, l := range p.reports.counted.Roster {
				n.learn(Member{Replica: l.Replica, Joined: l.Joined, Boot: l.Boot, Standing: l.Standing})
			}
		}
	}
}
