package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"kvs/internal/bench"
)

// fillBatch is how many records go in one request while a node is filled.
const fillBatch = 500

// node is a process of the kvs binary.
type node struct {
	*process
	auth bool
}

// newNode writes the configuration of a node: its defaults, but for rate limits and,
// unless auth, tokens.
func (l *lab) newNode(name string, auth bool, seeds ...string) (*node, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.dir, strings.ReplaceAll(name, " ", "-"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	quoted, _ := json.Marshal(append([]string{}, seeds...)) // strings never fail
	text := fmt.Sprintf("node_id: %q\nport: %s\ndata_dir: %q\nbackup_path: %q\nlog_level: error\nauth_enabled: %v\n"+
		"rate_limiting_enabled: false\nseed_nodes: %s\n", filepath.Base(dir), port, filepath.Join(dir, "data"),
		filepath.Join(dir, "backups"), auth, quoted)
	config := filepath.Join(dir, "node.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p := &process{name: name, addr: addr, dir: filepath.Join(dir, "data"), args: []string{l.kvs, config}}
	return &node{p, auth}, nil
}

// startNode starts a new node, and waits until it is ready.
func (l *lab) startNode(name string, auth bool, seeds ...string) (*node, error) {
	n, err := l.newNode(name, auth, seeds...)
	if err != nil {
		return nil, err
	}
	if err := l.launch(n.process); err != nil {
		return nil, err
	}
	return n, n.ready()
}

// ready waits until a node says that it is.
func (n *node) ready() error {
	return await(n.name+" to be ready", startsWithin, func() error {
		_, err := n.ask("/readyz")
		return err
	})
}

// token is what a node wants to be shown, "" without authentication.
func (n *node) token() (string, error) {
	if !n.auth {
		return "", nil
	}
	text, err := os.ReadFile(filepath.Join(n.dir, "admin.token"))
	return strings.TrimSpace(string(text)), err
}

// ask gets a document, outside of any measurement.
func (n *node) ask(path string) ([]byte, error) {
	resp, err := http.Get("http://" + n.addr + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s to %s: %s", n.name, resp.Status, path, body)
	}
	return body, err
}

// httpSession asks what speaks the data API.
type httpSession struct {
	node *bench.Node
	work bench.Workload
	own  bool // whether it fills itself at its start
}

func newHTTPSession(addr, token string, keys bench.Keys, size int, own bool) *httpSession {
	return &httpSession{bench.Dial("http://"+addr, token, nil), bench.Workload{Keys: keys, Size: size, Reads: 0.9}, own}
}

func (s *httpSession) close() { s.node.Close() }

func (s *httpSession) open(kind string, client int) bench.Request {
	work := s.work
	work.Name = kind
	return work.Open(s.node, client)
}

// fill writes all keys, many in a request, on a few connections.
func (s *httpSession) fill() error {
	if s.own {
		return nil
	}
	const writers = 4
	errs := make(chan error, writers)
	for w := range writers {
		go func() { errs <- s.fillPart(w, writers) }()
	}
	var err error
	for range writers {
		err = errors.Join(err, <-errs)
	}
	return err
}

func (s *httpSession) fillPart(first, step int) error {
	r := rand.New(rand.NewPCG(1, uint64(first)))
	for i := first * fillBatch; i < s.work.Keys.Count; i += step * fillBatch {
		var b bytes.Buffer
		for j := i; j < min(i+fillBatch, s.work.Keys.Count); j++ {
			fmt.Fprintf(&b, `,{"op":"put","key":%q,"data":%s}`, s.work.Keys.Key(j), bench.Value(s.work.Size, r))
		}
		body := append(b.Bytes(), ']')
		body[0] = '['
		err := s.node.Post("/kv/_batch", body)
		for tries := 0; err != nil && tries < 100; tries++ { // it makes room for others meanwhile
			time.Sleep(50 * time.Millisecond)
			err = s.node.Post("/kv/_batch", body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// metrics are what a node counts, by name.
type metrics map[string]*dto.MetricFamily

func (n *node) metrics() (metrics, error) {
	text, err := n.ask("/metrics")
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(text))
}

// sum adds up a metric over its labels, those with the value want alone unless it is "".
// Of a histogram it is the number of observations.
func (m metrics) sum(name, want string) (total float64) {
	for _, x := range m[name].GetMetric() {
		if want == "" || slices.ContainsFunc(x.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == want }) {
			total += x.GetCounter().GetValue() + x.GetGauge().GetValue() + float64(x.GetHistogram().GetSampleCount())
		}
	}
	return total
}

// buckets adds up the cumulative buckets of a histogram over its labels.
func (m metrics) buckets(name string) map[float64]float64 {
	out := map[float64]float64{}
	for _, x := range m[name].GetMetric() {
		for _, b := range x.GetHistogram().GetBucket() {
			out[b.GetUpperBound()] += float64(b.GetCumulativeCount())
		}
	}
	return out
}
