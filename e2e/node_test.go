package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Bounds that are promised to users.
const (
	startsWithin = 5 * time.Second
	stopsWithin  = 2 * time.Second
)

// node is a place where a node runs: a directory, a file and a port. Its process
// may be ended and started again.
type node struct {
	*process
	t    testing.TB
	name string
	dir  string
	file string
	port int
	// token is shown with every request, "" where nobody asks for one.
	token string
}

// member is one row of /members/.
type member struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Seen    int64  `json:"last_seen"`
	Joined  int64  `json:"joined_timestamp"`
	State   string `json:"state"`
	Reach   string `json:"reach"`
	Replica string `json:"replica"`
}

// health is what /health says.
type health struct {
	Status  string   `json:"status"`
	Mode    string   `json:"mode"`
	Members int      `json:"member_count"`
	NodeID  string   `json:"node_id"`
	Joined  bool     `json:"joined"`
	Cluster string   `json:"cluster_id"`
	Reasons []string `json:"reasons"`
}

// settings is the text of a configuration: what every node needs, and more lines.
// Tests send more than the default lets one client.
func settings(name string, port int, more ...string) string {
	return fmt.Sprintf("node_id: %q\nport: %d\nauth_enabled: false\n%s\n%s\n", name, port,
		rateLimiting(more), strings.Join(more, "\n"))
}

func rateLimiting(more []string) string {
	if strings.Contains(strings.Join(more, "\n"), "rate_limiting_enabled") {
		return ""
	}
	return "rate_limiting_enabled: false"
}

// newNode prepares a node in a directory of its own, without starting it.
func newNode(t testing.TB, name string, more ...string) *node {
	t.Helper()
	return newNodeIn(t, t.TempDir(), name, more...)
}

func newNodeIn(t testing.TB, dir, name string, more ...string) *node {
	t.Helper()
	n := &node{t: t, name: name, dir: dir, file: name + ".yaml", port: freePorts(t, 1)}
	n.configure(settings(name, n.port, more...))
	return n
}

// start runs a node and returns when it serves.
func start(t testing.TB, name string, more ...string) *node {
	t.Helper()
	n := newNode(t, name, more...)
	n.start()
	return n
}

// configure replaces the node's file.
func (n *node) configure(text string) {
	n.t.Helper()
	n.must(os.WriteFile(filepath.Join(n.dir, n.file), []byte(text), 0o600))
}

// launch starts the process without waiting for it.
func (n *node) launch() {
	n.t.Helper()
	n.process = launch(n.t, n.name, n.dir, n.file)
}

// start starts the process and says how long it took until it served.
func (n *node) start() time.Duration {
	n.t.Helper()
	n.launch()
	return n.awaitServing()
}

func (n *node) awaitServing() time.Duration {
	n.t.Helper()
	return eventually(n.t, startsWithin, n.name+" serves", func() bool {
		if !n.running() {
			n.t.Fatalf("%s ended instead of serving", n.name)
		}
		a, err := request(http.MethodGet, n.url("/health"), nil)
		return err == nil && a.status == http.StatusOK
	})
}

// stop ends the node as an operator would.
func (n *node) stop() {
	n.t.Helper()
	n.end(syscall.SIGTERM, stopsWithin)
}

func (n *node) address() string        { return loopback(n.port) }
func (n *node) url(path string) string { return "http://" + n.address() + path }

// fetch gets a JSON document; false if the node cannot answer now.
func (n *node) fetch(path string, into any) bool {
	a, err := n.ask(http.MethodGet, path, nil)
	return err == nil && a.status == http.StatusOK && a.decode(into) == nil
}

func (n *node) members() []member {
	var rows []member
	if !n.fetch("/members/", &rows) {
		return nil
	}
	return rows
}

func (n *node) health() health {
	n.t.Helper()
	var h health
	if !n.fetch("/health", &h) {
		n.t.Fatalf("%s: no /health", n.name)
	}
	return h
}

// root is the digest over the node's data, "" if it cannot answer now.
func (n *node) root() string {
	var d struct {
		Root string `json:"root"`
	}
	if !n.fetch("/sync/merkle/root", &d) {
		return ""
	}
	return d.Root
}

// item is one record of a range.
type item struct {
	Key  string          `json:"key"`
	UUID string          `json:"uuid"`
	Data json.RawMessage `json:"data"`
}

// everything reads all of a node's data, page by page.
func (n *node) everything() map[string]item {
	n.t.Helper()
	all := map[string]item{}
	for path := "/kv/_range?limit=1000"; ; {
		var page struct {
			Items []item `json:"items"`
			Next  string `json:"next"`
		}
		if !n.fetch(path, &page) {
			n.t.Fatalf("%s: no answer to %s", n.name, path)
		}
		for _, i := range page.Items {
			all[i.Key] = i
		}
		if page.Next == "" {
			return all
		}
		path = "/kv/_range?limit=1000&cursor=" + url.QueryEscape(page.Next)
	}
}
