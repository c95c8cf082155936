package statemachine

import "kvs/statemachine/keyspace"

// claim is what a peer said of itself last, kept for people to see how far the
// two are apart.
type claim struct {
	vv   VV
	sum  Sum
	asOf keyspace.Minute // of sum
	at   Millis          // wall time here when it arrived; 0 never
	// behind is the wall time since which this node has lacked dots that the
	// peer claims, 0 if it lacked none at the last digest.
	behind Millis
}

// note keeps a peer's digest.
func (n *Node) note(p *peer, d Digest) {
	c := &p.claim
	caughtUp := n.vv.Covers(c.vv)
	c.vv, c.sum, c.asOf, c.at = d.VV, d.Sum, d.AsOf, max(n.now.Wall, 1)
	switch {
	case n.vv.Covers(d.VV):
		c.behind = 0
	case c.behind == 0 || caughtUp:
		c.behind = c.at
	}
}

// compareWith fills in how far this node and a peer are apart.
func (n *Node) compareWith(p *peer, v *MemberView) {
	c := &p.claim
	v.Compared, v.Digested = p.compared.Wall, c.at
	if p.cursor.known {
		v.UnackedBytes = n.ring.bytesBetween(p.cursor.acked, n.ring.last())
	}
	if c.at == 0 {
		return
	}
	v.EqualRoot = n.hadThen(c.sum, c.asOf)
	v.Lacks = n.vv.CountBeyond(c.vv)
	if v.Missing = c.vv.CountBeyond(n.vv); v.Missing > 0 {
		v.BehindSince = c.behind
	}
}

// hadThen says that a sum of a minute is what this node's records, as of then,
// add up to. Records without an expiry add up to the same at any minute.
func (n *Node) hadThen(sum Sum, asOf keyspace.Minute) bool {
	switch back := n.asOf - asOf; {
	case back == 0, n.expiring == 0:
		return sum == n.sum
	case asOf < n.asOf && back <= keyspace.MinutesBack:
		return sum == n.past[back-1]
	}
	return false
}
