package transport

import (
	"sync/atomic"

	"kvs/statemachine"
)

// Stats counts what a transport has done since it began. Each field but Peers
// only grows.
type Stats struct {
	Peers int // connected now

	Dials        uint64 // attempts begun
	DialsFailed  uint64 // attempts that reached nobody, or no authenticated peer
	DialsDropped uint64 // not begun: one to the address, or too many, were under way

	Strangers  uint64 // incoming handshakes that failed or were turned away
	Refused    uint64 // authenticated connections closed before they were up
	Duplicates uint64 // of these, those whose pair was connected already
	Connected  uint64 // connections that were up

	SentFrames     [statemachine.ClassCount]uint64
	SentBytes      [statemachine.ClassCount]uint64
	ReceivedFrames [statemachine.ClassCount]uint64
	ReceivedBytes  [statemachine.ClassCount]uint64

	DroppedFull   [statemachine.ClassCount]uint64 // the queue was full
	DroppedDown   uint64                          // no connection
	DroppedEncode uint64                          // beyond the bounds of the protocol
	UnknownKinds  uint64                          // skipped frames of a newer peer
	Malformed     uint64                          // frames that cost their connection
	Paused        uint64                          // messages behind which a peer beyond its budget waited
}

// counters is the live form of Stats.
type counters struct {
	dials, dialsFailed, dialsDropped          atomic.Uint64
	strangers, refused, duplicates, connected atomic.Uint64
	droppedDown, droppedEncode                atomic.Uint64
	unknownKinds, malformed, paused           atomic.Uint64
	class                                     [statemachine.ClassCount]classCounters
}

type classCounters struct {
	sentFrames, sentBytes, receivedFrames, receivedBytes, droppedFull atomic.Uint64
}

// Stats returns the counters. They are read one by one, not at one moment.
func (t *Transport) Stats() Stats {
	n := &t.count
	s := Stats{
		Peers:         t.peers.upCount(),
		Dials:         n.dials.Load(),
		DialsFailed:   n.dialsFailed.Load(),
		DialsDropped:  n.dialsDropped.Load(),
		Strangers:     n.strangers.Load(),
		Refused:       n.refused.Load(),
		Duplicates:    n.duplicates.Load(),
		Connected:     n.connected.Load(),
		DroppedDown:   n.droppedDown.Load(),
		DroppedEncode: n.droppedEncode.Load(),
		UnknownKinds:  n.unknownKinds.Load(),
		Malformed:     n.malformed.Load(),
		Paused:        n.paused.Load(),
	}
	for i := range n.class {
		c := &n.class[i]
		s.SentFrames[i] = c.sentFrames.Load()
		s.SentBytes[i] = c.sentBytes.Load()
		s.ReceivedFrames[i] = c.receivedFrames.Load()
		s.ReceivedBytes[i] = c.receivedBytes.Load()
		s.DroppedFull[i] = c.droppedFull.Load()
	}
	return s
}
