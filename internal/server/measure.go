package server

import (
	"sync"
	"sync/atomic"
	"time"

	"kvs/internal/metrics"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// formerPeer stands for the writers that are no members any more.
const formerPeer = "former"

// measure counts what the core and the store report. The core counts nothing for it:
// all is taken from what passes between the two.
type measure struct {
	*metrics.Node
	status *atomic.Pointer[statemachine.Status]
	kinds  [effectKinds]interface{ Inc() }

	live    uint64 // after the batch before; of the store's committer alone
	started bool

	mu    sync.Mutex
	equal map[keyspace.ReplicaID]keyspace.Millis // when a member last was equal
}

// effectKinds are the kinds of effects, in the order of effectNames.
const effectKinds = 8

var effectNames = [effectKinds]string{
	"send", "apply", "read", "respond", "command", "connect", "notify", "restart",
}

func newMeasure(n *metrics.Node, status *atomic.Pointer[statemachine.Status]) *measure {
	m := &measure{Node: n, status: status, equal: make(map[keyspace.ReplicaID]keyspace.Millis)}
	for i, name := range effectNames {
		m.kinds[i] = n.Effect(name)
	}
	return m
}

// effect counts one effect, and a member whose state it says has changed.
func (m *measure) effect(e statemachine.Effect) {
	if m == nil {
		return
	}
	kind := 2
	switch e := e.(type) {
	case statemachine.Send:
		kind = 0
	case statemachine.Apply:
		kind = 1
	case statemachine.Respond, statemachine.Stored:
		kind = 3
	case statemachine.Done:
		kind = 4
	case statemachine.Dial, statemachine.Disconnect:
		kind = 5
	case statemachine.Notify:
		kind = 6
		if c, ok := e.Event.(statemachine.MemberChanged); ok {
			m.Changed(c.State.String())
		}
	case statemachine.Restart:
		kind = 7
	}
	m.kinds[kind].Inc()
}

// stepped notes how long a step took.
func (m *measure) stepped(began time.Time) {
	if m != nil {
		m.Step.Observe(time.Since(began).Seconds())
	}
}

// committed notes a commit of the store.
func (m *measure) committed(records int, took time.Duration) {
	m.Commit.Observe(took.Seconds())
	if records > 0 {
		m.Batch.Observe(float64(records))
	}
}

// origin is where a read found its answer.
type origin bool

const (
	local  origin = false
	remote origin = true
)

// read counts a read of one key.
func (m *measure) read(from origin) {
	switch {
	case m == nil:
	case from == local:
		m.ReadLocal.Inc()
	default:
		m.ReadRemote.Inc()
	}
}

// stored counts what a batch has stored, once it is durable.
func (m *measure) stored(news []keyspace.Entry) {
	if m == nil {
		return
	}
	status, now := m.status.Load(), wall()
	var mine, others int
	for i := range news {
		e := &news[i]
		if e.Dot.Stream.Replica == status.Identity.Replica {
			mine++
			continue
		}
		others++
		if !status.Transfer.Active() { // what a copy brings is as old as it likes
			m.Lag(peerName(status, e.Dot.Stream.Replica), time.Duration(now-e.Ver.TS)*time.Millisecond)
		}
	}
	m.WroteLocal.Add(float64(mine))
	m.WroteRemote.Add(float64(others))
}

// applied counts what a batch met. It is called for one batch after another, once each
// is durable.
func (m *measure) applied(a *keyspace.Applied) {
	if m == nil {
		return
	}
	for i := range a.Conflicts {
		m.Conflict(a.Conflicts[i].Rule().String())
	}
	// Without writes and entries, only expiry makes live records fewer.
	if m.started && len(a.Outcomes) == 0 && a.Live < m.live {
		m.Expired.Add(float64(m.live - a.Live))
	}
	m.live, m.started = a.Live, true
}

// published notes which members have the same data now.
func (m *measure) published(s *statemachine.Status) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range s.Members {
		if v := &s.Members[i]; !v.Self && converged(v) {
			m.equal[v.Replica] = v.Digested
		}
	}
}

// lastEqual is when a member last was equal, by its digests; 0 never.
func (m *measure) lastEqual(id keyspace.ReplicaID) keyspace.Millis {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.equal[id]
}

// converged says that a member is connected and has the same data, as far as this node
// knows.
func converged(v *statemachine.MemberView) bool {
	return v.Connected && v.EqualRoot && v.Missing == 0 && v.Lacks == 0
}

// peerName is the node_id of a member. What is not listed has one name together, so
// that there are never more series than members.
func peerName(s *statemachine.Status, id keyspace.ReplicaID) string {
	for i := range s.Members {
		if s.Members[i].Replica == id {
			return s.Members[i].Name
		}
	}
	return formerPeer
}
