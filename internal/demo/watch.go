package demo

import (
	"time"

	"kvs/internal/server"
)

// watchEvery is how often the nodes are compared.
const watchEvery = 10 * time.Millisecond

// State is how a node is.
type State string

// The states of a node.
const (
	Up     State = "up"
	CutOff State = "cut off"
	Killed State = "killed"
)

// Row is what a node is seen to be at one time.
type Row struct {
	Name, URL string
	State     State
	Keys      uint64
	Root      [32]byte
	Skew      time.Duration
}

// Rows is how the nodes are now, in the order of their ports.
func (c *Cluster) Rows() []Row {
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := make([]Row, 0, len(c.nodes))
	for _, n := range c.nodes {
		r := Row{Name: n.name, URL: "http://" + n.address(), State: Up, Skew: n.skew}
		if c.network.IsCut(n.config.Port) {
			r.State = CutOff
		}
		root, live, err := digest(n.server)
		if err != nil || n.server == nil {
			r.State = Killed // or about to be
		}
		r.Root, r.Keys = root, live
		rows = append(rows, r)
	}
	return rows
}

func digest(s *server.Server) (root [32]byte, live uint64, err error) {
	if s == nil {
		return root, 0, nil
	}
	return s.Digest()
}

// equal says whether all nodes run and hold the same data, so many keys at least.
func (c *Cluster) equal(keys uint64) bool { return alike(c.Rows(), keys) }

// AtStart is how the nodes were when they first held the same data.
func (c *Cluster) AtStart() []Row { return c.first }

func alike(rows []Row, keys uint64) bool {
	for _, r := range rows {
		if r.State == Killed || r.Root != rows[0].Root || r.Keys < keys {
			return false
		}
	}
	return true
}

// met says whether every node knows of all.
func (c *Cluster) met() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		if n.server == nil || len(n.server.Status().Members) != len(c.nodes) {
			return false
		}
	}
	return true
}

// watch tells when all are equal after something was done.
func (c *Cluster) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return
		}
		c.mu.Lock()
		s := c.since
		c.mu.Unlock()
		if s == nil || !c.equal(0) {
			continue
		}
		c.mu.Lock()
		if c.since == s {
			c.since = nil
		}
		c.mu.Unlock()
		c.tell("all nodes hold the same data, %.2f s after %s", time.Since(s.when).Seconds(), s.what)
	}
}
