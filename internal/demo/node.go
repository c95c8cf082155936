package demo

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kvs/internal/config"
	"kvs/internal/server"
)

// names are what the nodes are called, in the order of their ports.
var names = [NodesMax]string{
	"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota",
}

// node is one of the cluster, running or not.
type node struct {
	name   string
	config config.Config
	skew   time.Duration

	server *server.Server // nil: killed
	ended  chan struct{}  // closed when somebody ends it
}

func newNode(dir string, i, port int) *node {
	cfg := config.Default()
	cfg.NodeID = names[i]
	cfg.Port = port + i
	cfg.DataDir = filepath.Join(dir, cfg.NodeID)
	cfg.BackupPath = filepath.Join(dir, "backups-"+cfg.NodeID)
	cfg.ShutdownTimeout = time.Second
	cfg.RateLimitingEnabled = false // it is there to be tried, with loops too
	if i > 0 {
		cfg.SeedNodes = []string{net.JoinHostPort(cfg.BindAddress, strconv.Itoa(port))}
	}
	return &node{name: cfg.NodeID, config: cfg}
}

func (n *node) address() string {
	return net.JoinHostPort(n.config.BindAddress, strconv.Itoa(n.config.Port))
}

// find is the node of a name.
func (c *Cluster) find(name string) (*node, error) {
	var have []string
	for _, n := range c.nodes {
		if n.name == name {
			return n, nil
		}
		have = append(have, n.name)
	}
	return nil, fmt.Errorf("no node is called %q. Try: %s", name, strings.Join(have, " or "))
}
