package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"kvs/client"
	"kvs/internal/lab"
	"kvs/internal/server"
)

// NodesMax is the most nodes that a demo has.
const NodesMax = 9

// startsWithin bounds how long the nodes may take to be one cluster with the same data.
const startsWithin = 30 * time.Second

// Options are what a demo is started with.
type Options struct {
	Nodes   int           // from 1 to NodesMax
	Port    int           // of the first; the others follow
	Keep    string        // directory that stays, with what is in it; empty: one that goes on exit
	Latency time.Duration // of each packet between nodes
	Loss    int           // packets of a million that never arrive

	// Tell takes what happens, a sentence each. It must not wait for the demo.
	Tell func(string)
}

// Cluster is a running demo. All of it may be called at any time, by anybody.
type Cluster struct {
	opt     Options
	dir     string
	token   string
	network lab.Network
	failed  chan error
	ctx     context.Context // ends when Close begins
	cancel  context.CancelFunc
	work    sync.WaitGroup
	acts    sync.Mutex // one thing is done at a time
	nodes   []*node    // all, running or not
	// happened is what was told.
	happened events

	mu      sync.Mutex
	writers context.CancelFunc // stops them; nil: there are none
	first   []Row              // the nodes as they first were equal
	since   *since             // what the nodes are to become equal after
}

// since is something that was done, after which the nodes become equal.
type since struct {
	what string
	when time.Time
}

// Start returns once all nodes hold the sample data, or ctx has ended. Its errors name
// what to change.
func Start(ctx context.Context, opt Options) (_ *Cluster, err error) {
	c := &Cluster{opt: opt, failed: make(chan error, NodesMax)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.dir = opt.Keep; c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "kvs-demo-"); err != nil {
			return nil, fmt.Errorf("make a directory for the demo (TMPDIR names another place): %w", err)
		}
	}
	c.network.Delay(opt.Latency)
	c.network.Lose(opt.Loss)
	for i := range opt.Nodes { // before any of them serves
		c.nodes = append(c.nodes, newNode(c.dir, i, opt.Port))
	}
	for _, n := range c.nodes {
		if err := c.launch(n); err != nil {
			return nil, err
		}
	}
	if err := c.fill(ctx); err != nil {
		return nil, err
	}
	if err := c.listen(); err != nil {
		return nil, err
	}
	c.work.Go(c.watch)
	return c, nil
}

// fill loads the sample data, unless it is there, and waits until all have it.
func (c *Cluster) fill(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startsWithin)
	defer cancel()
	if c.token, err = c.awaitToken(ctx); err != nil {
		return err
	}
	api, err := c.api(c.nodes[0])
	if err != nil {
		return err
	}
	if rows := c.Rows(); rows[0].Keys < sampleKeys {
		loadSample(ctx, api)
	}
	for tick := time.NewTicker(watchEvery); ; {
		if c.first = c.Rows(); alike(c.first, sampleKeys) && c.met() {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the nodes did not become equal within %v", startsWithin)
		}
	}
}

// awaitToken reads the token that the first node writes once it has a cluster. It is
// good on all nodes.
func (c *Cluster) awaitToken(ctx context.Context) (string, error) {
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		text, err := os.ReadFile(c.TokenFile())
		if err == nil {
			return strings.TrimSpace(string(text)), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("the first node wrote no token within %v: %w", startsWithin, err)
		}
	}
}

// api speaks to one node.
func (c *Cluster) api(n *node) (*client.Client, error) {
	return client.New([]string{n.address()}, client.WithToken(c.token))
}

// launch starts a node and sees to what becomes of it.
func (c *Cluster) launch(n *node) error {
	s, err := server.Start(n.config, slog.New(slog.DiscardHandler), server.Over(c.network.Join), server.Within(bench{c}))
	if err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	s.Skew(n.skew)
	ended := make(chan struct{})
	c.mu.Lock()
	n.server, n.ended = s, ended
	c.mu.Unlock()
	c.work.Go(func() {
		select {
		case err := <-s.Failed():
			if errors.Is(err, server.ErrRestart) {
				err = c.relaunch(n, s)
			}
			if err != nil {
				c.failed <- fmt.Errorf("node %s: %w", n.name, err)
			}
		case <-ended:
		}
	})
	return nil
}

// relaunch starts a node again that asks for it, unless somebody has ended it.
func (c *Cluster) relaunch(n *node, s *server.Server) error {
	c.acts.Lock()
	defer c.acts.Unlock()
	c.mu.Lock()
	current := n.server == s
	c.mu.Unlock()
	if !current {
		return nil
	}
	err := errors.Join(c.end(n), c.launch(n))
	if err == nil {
		c.tell("%s begins another life as a new replica", n.name)
	}
	return err
}

// end stops a node that runs.
func (c *Cluster) end(n *node) error {
	c.mu.Lock()
	s, ended := n.server, n.ended
	n.server = nil
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	close(ended)
	return s.Close()
}

// Failed yields what the demo cannot go on after.
func (c *Cluster) Failed() <-chan error { return c.failed }

// TokenFile is where the token lies that is good on all nodes.
func (c *Cluster) TokenFile() string {
	return filepath.Join(c.dir, names[0], server.AdminTokenFile)
}

// Console is the web console of the first node. The link holds the token: it is good
// for nodes that are gone with this process.
func (c *Cluster) Console() string {
	return "http://" + c.nodes[0].address() + "/console/#token=" + c.token
}

// Dir is where the demo's data is.
func (c *Cluster) Dir() string { return c.dir }

// Close ends all nodes, and removes what they wrote unless it was to be kept.
func (c *Cluster) Close() error {
	c.cancel()
	c.Write(false)
	c.acts.Lock()
	var errs []error
	for _, n := range slices.Backward(c.nodes) { // the founder last
		errs = append(errs, c.end(n))
	}
	c.acts.Unlock()
	c.work.Wait()
	if c.opt.Keep == "" && c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

func (c *Cluster) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.happened.add(text)
	if c.opt.Tell != nil {
		c.opt.Tell(text)
	}
}
