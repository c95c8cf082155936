package transport

import (
	"sync/atomic"

	"kvs/statemachine"
)

// queue holds the messages of one class that wait for their writer. It is
// bounded by number and by estimated bytes; what does not fit is dropped.
type queue struct {
	messages chan queued
	bytes    atomic.Int64
	bytesMax int64
}

type queued struct {
	msg  statemachine.Message
	size int64
}

func newQueue(class statemachine.Class) *queue {
	bytesMax := [statemachine.ClassCount]int64{
		statemachine.ClassControl: controlBytesMax,
		statemachine.ClassPush:    pushBytesMax,
		statemachine.ClassBulk:    bulkBytesMax,
	}[class]
	return &queue{messages: make(chan queued, queueFramesMax), bytesMax: bytesMax}
}

// put adds a message, and reports whether there was room. A message that finds
// the queue empty always has room.
func (q *queue) put(m statemachine.Message) bool {
	n := estimate(m)
	if total := q.bytes.Add(n); total > q.bytesMax && total != n {
		q.bytes.Add(-n)
		return false
	}
	select {
	case q.messages <- queued{m, n}:
		return true
	default:
		q.bytes.Add(-n)
		return false
	}
}

// took accounts for a message that has left the queue.
func (q *queue) took(m queued) { q.bytes.Add(-m.size) }

// estimate is about what a message occupies, in memory or on the wire.
func estimate(m statemachine.Message) int64 {
	const fixed = 128
	n := fixed
	switch m := m.(type) {
	case statemachine.Table:
		for i := range m.Members {
			n += fixed + len(m.Members[i].Name) + len(m.Members[i].Addr)
		}
	case statemachine.Push:
		n += entriesSize(m.Entries)
	case statemachine.Delta:
		n += entriesSize(m.Entries) + vectorSize(m.VV)
	case statemachine.Items:
		n += entriesSize(m.Entries) + 9*len(m.Want)
	case statemachine.Digest:
		n += vectorSize(m.VV)
	case statemachine.Ack:
		n += vectorSize(m.Have)
	case statemachine.Need:
		n += vectorSize(m.Not)
	case statemachine.Compare:
		n += 17 * len(m.Nodes)
	case statemachine.LeafList:
		n += 5*len(m.Leaves) + 21*len(m.Items)
	}
	return int64(n)
}

func entriesSize(es []statemachine.Entry) int {
	n := 0
	for i := range es {
		n += es[i].Size()
	}
	return n
}

func vectorSize(v statemachine.VV) int {
	n := 0
	for _, s := range v.Sets() {
		n += 56 + 16*len(s.Ranges)
	}
	return n
}
