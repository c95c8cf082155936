package client

import (
	"math/rand/v2"
	"sync"
	"time"
)

// node is one endpoint and how it did lately. Its fields beside url are guarded by the
// lock of the nodes it is of.
type node struct {
	url      string
	failures int       // In a row.
	resume   time.Time // When it may be asked again; zero is now.
}

// nodes knows which node to ask: the one that answered last, while that goes well.
type nodes struct {
	mu  sync.Mutex
	all []*node // Invariant: at least one; the slice never changes.
	at  int     // Invariant: 0 <= at < len(all).
}

func newNodes(urls []string) *nodes {
	ns := &nodes{}
	for _, u := range urls {
		ns.all = append(ns.all, &node{url: u})
	}
	return ns
}

func (ns *nodes) urls() (out []string) {
	for _, n := range ns.all {
		out = append(out, n.url)
	}
	return out
}

// next is the node to ask and how long to wait before. It is nil if all are excluded.
func (ns *nodes) next(excluded map[*node]bool) (*node, time.Duration) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	now := time.Now()
	var best *node
	for i := range ns.all {
		n := ns.all[(ns.at+i)%len(ns.all)]
		switch {
		case excluded[n]:
		case !n.resume.After(now):
			return n, 0
		case best == nil || n.resume.Before(best.resume):
			best = n
		}
	}
	if best == nil {
		return nil, 0
	}
	return best, best.resume.Sub(now)
}

// answered notes that a node is well, and stays with it.
func (ns *nodes) answered(n *node) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	n.failures, n.resume = 0, time.Time{}
	for i := range ns.all {
		if ns.all[i] == n {
			ns.at = i
		}
	}
}

// failed leaves a node alone for a while, and turns to the next. pause is how long the
// node has asked for, 0 if it has not: the random part is for those who were told the
// same, so that they do not come back at once.
func (ns *nodes) failed(n *node, pause time.Duration) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	n.resume = time.Now().Add(pause + backoff(n.failures))
	n.failures++
	if ns.all[ns.at] == n {
		ns.at = (ns.at + 1) % len(ns.all)
	}
}

// backoff draws the pause after a number of earlier failures: exponential with full
// jitter, anything from 0 to a bound that doubles.
func backoff(failures int) time.Duration {
	bound := backoffMax
	if failures < 16 {
		bound = min(backoffFirst<<failures, backoffMax)
	}
	return rand.N(bound + 1)
}
