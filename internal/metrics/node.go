package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Node counts what happens behind the API.
type Node struct {
	ReadLocal, ReadRemote   prometheus.Counter
	WroteLocal, WroteRemote prometheus.Counter
	Expired                 prometheus.Counter
	Step, Commit, Batch     prometheus.Observer

	conflicts, changes, effects *prometheus.CounterVec
	lag                         *prometheus.HistogramVec
	lags                        sync.Map // from a peer's name to its prometheus.Observer
}

func newNode(r *Registry) *Node {
	reads, writes := r.counter(Reads), r.counter(Writes)
	n := &Node{
		ReadLocal: reads.WithLabelValues("local"), ReadRemote: reads.WithLabelValues("remote"),
		WroteLocal: writes.WithLabelValues("local"), WroteRemote: writes.WithLabelValues("remote"),
		Expired:   r.counter(Expired).WithLabelValues(),
		Step:      r.histogram(StepSeconds, prometheus.ExponentialBuckets(4e-6, 4, 10)).WithLabelValues(),
		Commit:    r.histogram(CommitSeconds, prometheus.ExponentialBuckets(100e-6, 2, 16)).WithLabelValues(),
		Batch:     r.histogram(BatchSize, prometheus.ExponentialBuckets(1, 2, 13)).WithLabelValues(),
		conflicts: r.counter(Conflicts), changes: r.counter(StateChanges), effects: r.counter(Effects),
		lag: r.histogram(ReplicationLag, prometheus.ExponentialBuckets(1e-3, 2, 20)),
	}
	return n
}

// Conflict counts two versions that met, by the rule that decided.
func (n *Node) Conflict(rule string) { n.conflicts.WithLabelValues(rule).Inc() }

// Changed counts a member that is in another state now.
func (n *Node) Changed(state string) { n.changes.WithLabelValues(state).Inc() }

// Effect is the counter of one kind of effects.
func (n *Node) Effect(kind string) prometheus.Counter { return n.effects.WithLabelValues(kind) }

// Lag notes how old a write of a peer was when it was durable here. A clock that is
// behind makes it negative; that counts as none.
func (n *Node) Lag(peer string, age time.Duration) {
	o, ok := n.lags.Load(peer)
	if !ok {
		o, _ = n.lags.LoadOrStore(peer, n.lag.WithLabelValues(peer))
	}
	o.(prometheus.Observer).Observe(max(age, 0).Seconds())
}
