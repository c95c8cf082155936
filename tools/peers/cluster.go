package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"kvs/internal/bench"
)

const (
	// clusterNodes is the size of the clusters.
	clusterNodes = 3
	// idleRate is what a cluster gets that is next to idle, in writes a second.
	idleRate = 50
	// equalWithin bounds the wait for peers to have what was written.
	equalWithin = 2 * time.Minute
)

// cluster compares a node with three that replicate, and with etcd's three.
func (l *lab) cluster() error {
	alone, err := l.startNode("kvs alone", false)
	if err != nil {
		return err
	}
	nodes, err := l.startNodes()
	if err != nil {
		return err
	}
	if err := l.idle(nodes); err != nil {
		return err
	}
	leader, err := l.startEtcds()
	if err != nil {
		return err
	}
	keys := keysOf(l.keys)
	one := newHTTPSession(alone.addr, "", keys, l.size, false)
	three := newHTTPSession(nodes[0].addr, "", keys, l.size, false)
	etcd, err := dialEtcd(leader.addr, keys, l.size)
	if err != nil {
		return err
	}
	defer func() { one.close(); three.close(); etcd.close() }()
	got, err := l.replicate(nodes, []*rival{
		{"kvs alone", alone.process, func() (session, error) { return one, nil }},
		{"kvs, three nodes", nodes[0].process, func() (session, error) { return three, nil }},
		{"etcd, three nodes", leader, func() (session, error) { return etcd, nil }},
	})
	if err != nil {
		return err
	}
	put := load{"put", many}
	half := got[cell{"kvs, three nodes", put}]
	l.out.ratio("PUT, three nodes / alone", half, got[cell{"kvs alone", put}], rates(), 0.45, false)
	l.out.ratio("PUT, three nodes / etcd, three nodes", half, got[cell{"etcd, three nodes", put}], rates(), 4, false)
	if err := l.lag(nodes, three, idleRate, "idle", 0.010, 1.6); err != nil {
		return err
	}
	return l.lag(nodes, three, rates().median(half)/2, "at half load", 0.050, 1.25)
}

// startNodes starts a cluster of kvs, and waits until its nodes are one.
func (l *lab) startNodes() (nodes []*node, err error) {
	var seeds []string
	for i := range clusterNodes {
		n, err := l.startNode(fmt.Sprintf("kvs node %d", i+1), false, seeds...)
		if err != nil {
			return nil, err
		}
		nodes, seeds = append(nodes, n), append(seeds, n.addr)
	}
	return nodes, awaitEqual(nodes)
}

// awaitEqual waits until every node says of every other that both have the same data.
func awaitEqual(nodes []*node) error {
	return await("nodes to be equal", equalWithin, func() error {
		for _, n := range nodes {
			text, err := n.ask("/sync/status")
			if err != nil {
				return err
			}
			var status struct {
				Converged bool `json:"converged"`
				Peers     []struct {
					Connected bool `json:"connected"`
				} `json:"peers"`
			}
			if err := json.Unmarshal(text, &status); err != nil {
				return err
			}
			if !status.Converged || len(status.Peers) != len(nodes)-1 {
				return fmt.Errorf("%s: %s", n.name, text)
			}
		}
		return nil
	})
}

// startEtcds starts a cluster of etcd, and returns the member that leads.
func (l *lab) startEtcds() (leader *process, err error) {
	var addrs, peers, all []string
	for i := range clusterNodes {
		addr, err1 := freePort()
		peer, err2 := freePort()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		addrs, peers = append(addrs, addr), append(peers, peer)
		all = append(all, fmt.Sprintf("e%d=http://%s", i+1, peer))
	}
	var members []*process
	for i := range clusterNodes {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("e%d", i+1)
		p := &process{name: "etcd " + name, addr: addrs[i], dir: filepath.Join(l.dir, "etcd-"+name)}
		p.args = []string{self, "serve", "etcd", "-addr", addrs[i], "-dir", p.dir, "-member", name, "-peer", peers[i], "-cluster", strings.Join(all, ",")}
		if err := p.start(); err != nil {
			return nil, err
		}
		l.running, members = append(l.running, p), append(members, p)
	}
	err = await("etcd to elect a leader", startsWithin, func() error {
		for _, p := range members {
			if leads(p.addr) {
				leader = p
				return nil
			}
		}
		return errors.New("nobody leads")
	})
	return leader, err
}

// leads says that a member of etcd is the leader.
func leads(addr string) bool {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}, DialTimeout: time.Second, Logger: zap.NewNop()})
	if err != nil {
		return false
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := c.Status(ctx, addr)
	return err == nil && s.Leader == s.Header.MemberId
}

// replicate has all of them written to in turn, and measures how long peers are behind.
func (l *lab) replicate(nodes []*node, rivals []*rival) (samples, error) {
	got := samples{}
	var behind []float64
	w := load{"put", many}
	for round := range l.rounds {
		for i := range rivals {
			r := rivals[(i+round)%len(rivals)]
			s, err := r.dial()
			if err != nil {
				return nil, err
			}
			x, err := l.drive(s, w, r.process)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			got[cell{r.name, w}] = append(got[cell{r.name, w}], x)
			began := time.Now()
			if err := awaitEqual(nodes); err != nil {
				return nil, err
			}
			if r.process == nodes[0].process {
				behind = append(behind, time.Since(began).Seconds())
			}
		}
	}
	slices.Sort(behind)
	l.out.note("After %v of PUTs as fast as one of three nodes takes them, all three were equal within %s s (median of the rounds; "+
		"at most %s s).", l.length+l.warmup, digits(behind[len(behind)/2]), digits(behind[len(behind)-1]))
	return got, nil
}

// lag writes at a rate, and measures how old writes are on the other nodes, and what
// they take on the wire.
func (l *lab) lag(nodes []*node, s *httpSession, rate float64, when string, target, targetBytes float64) error {
	before, err := snapshot(nodes)
	if err != nil {
		return err
	}
	open := func(client int) bench.Request { return s.open("put", client) }
	length := 2 * l.length
	result, err := good(bench.Load{Clients: many, Rate: rate, Duration: length}.Run(context.Background(), open, nil))
	if err != nil {
		return err
	}
	if err := awaitEqual(nodes); err != nil {
		return err
	}
	after, err := snapshot(nodes)
	if err != nil {
		return err
	}
	counts := map[float64]float64{}
	for i := range nodes[1:] {
		for bound, n := range after[i+1].buckets("kvs_replication_lag_seconds") {
			counts[bound] += n - before[i+1].buckets("kvs_replication_lag_seconds")[bound]
		}
	}
	ms := 1000 * quantile(counts, 0.99)
	load := fmt.Sprintf("%.0f/s", rate)
	l.out.add(row{"replication lag p99, " + when, load, "", ms, 0, 0, 1000 * target, true, " ms"})
	sent := sentBy(after) - sentBy(before)
	record := float64(l.size + len(s.work.Keys.Key(0)))
	ratio := sent / float64(result.Done()) / float64(len(nodes)-1) / record
	l.out.add(row{"bytes between nodes for a record and peer / its key and value, " + when, load, fmt.Sprintf("%.0f B", record), ratio, 0, 0, targetBytes, true, ""})
	if result.Unsent > 0 {
		l.out.note("Of the writes for the lag %s, %d of %d were not sent in time.", when, result.Unsent, result.Done()+result.Unsent)
	}
	return nil
}

func snapshot(nodes []*node) (out []metrics, err error) {
	for _, n := range nodes {
		m, err := n.metrics()
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// sentBy is the bytes that nodes have sent each other: all of them, not records alone.
func sentBy(nodes []metrics) (bytes float64) {
	for _, m := range nodes {
		bytes += m.sum("kvs_peer_bytes_total", "sent")
	}
	return bytes
}

// quantile is where a share of what a histogram counted lies, at most: the upper bound of
// its bucket, drawn in by the share of the bucket that is needed.
func quantile(cumulative map[float64]float64, share float64) float64 {
	bounds := slices.Sorted(maps.Keys(cumulative))
	if len(bounds) == 0 || cumulative[bounds[len(bounds)-1]] == 0 {
		return math.NaN()
	}
	want := share * cumulative[bounds[len(bounds)-1]]
	lower, below := 0.0, 0.0
	for _, bound := range bounds {
		if n := cumulative[bound]; n >= want {
			return lower + (bound-lower)*(want-below)/(n-below)
		}
		lower, below = bound, cumulative[bound]
	}
	return lower
}

// idle watches a cluster that nobody asks for anything.
func (l *lab) idle(nodes []*node) error {
	before, err := snapshot(nodes)
	if err != nil {
		return err
	}
	usedBefore, err := cpuOf(nodes)
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(l.quiet)
	took := time.Since(began).Seconds()
	used, err := cpuOf(nodes)
	if err != nil {
		return err
	}
	after, err := snapshot(nodes)
	if err != nil {
		return err
	}
	bytes := sentBy(after) - sentBy(before)
	of := float64(len(nodes))
	l.out.add(row{"idle cluster of three: sent by a node", "", "", bytes / took / of, 0, 0, 1000, true, " B/s"})
	l.out.add(row{"idle cluster of three: a node's share of a core", "", "", 100 * (used - usedBefore).Seconds() / took / of, 0, 0, 0.5, true, " %"})
	return nil
}

// cpuOf is the processor time that nodes have taken together.
func cpuOf(nodes []*node) (sum time.Duration, err error) {
	for _, n := range nodes {
		t, err := n.cpu()
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}
