package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// slowRounds is how often the good client is measured without slow ones and
	// beside them, in turns.
	slowRounds = 4

	// slowRound is how long it is measured at a time.
	slowRound = 5 * time.Second

	// slowFactorMax bounds its p99 beside slow ones, in those without.
	slowFactorMax = 2
)

// TestRigSlowClients (B13): with 2,000 connections that trickle headers or bodies, a good
// client's p99 is at most twice what it is without them. Method: the default timeouts; who
// is cut connects again, as an attacker would; rounds in turn, within one run.
func TestRigSlowClients(t *testing.T) {
	measuring(t)
	n := start(t, "n1")
	n.put("k", "1")
	var without, beside []time.Duration
	for round := range slowRounds {
		without = append(without, goodClient(t, n)...)
		end, open := slowly(t, n)
		eventually(t, 30*time.Second, "the slow ones are connected", func() bool { return open.Load() >= slowClients })
		beside = append(beside, goodClient(t, n)...)
		t.Logf("round %d: %d slow connections open", round, open.Load())
		end()
	}
	slices.Sort(without)
	slices.Sort(beside)
	t.Logf("without: %d requests, p50 %v, p99 %v, most %v", len(without), percentile(without, 50),
		percentile(without, 99), percentile(without, 100))
	t.Logf("beside %d: %d requests, p50 %v, p99 %v, most %v", slowClients, len(beside), percentile(beside, 50),
		percentile(beside, 99), percentile(beside, 100))
	if p := percentile(beside, 99); p > slowFactorMax*percentile(without, 99) {
		t.Errorf("p99 was %v, and %v beside slow clients: more than %d times", percentile(without, 99), p, slowFactorMax)
	}
	n.stop()
}

// goodClient reads and writes in turns for a round, one request after the other, and
// returns what each took.
func goodClient(t *testing.T, n *node) (took []time.Duration) {
	t.Helper()
	for end := time.Now().Add(slowRound); time.Now().Before(end); {
		method, body := http.MethodGet, []byte(nil)
		if len(took)%2 == 1 {
			method, body = http.MethodPut, []byte("1")
		}
		began := time.Now()
		a, err := n.ask(method, "/kv/k", body)
		took = append(took, time.Since(began))
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %v %v", method, a, err)
		}
	}
	return took
}

// slowly keeps slowClients connections that send a byte every second; open counts those
// whose request has begun. end closes all of them.
func slowly(t *testing.T, n *node) (end func(), open *atomic.Int64) {
	ctx, cancel := context.WithCancel(t.Context())
	open = &atomic.Int64{}
	var wait sync.WaitGroup
	for i := range slowClients {
		begin := fmt.Sprintf("PUT /kv/slow/%d HTTP/1.1\r\nHost: e2e\r\nX-A: ", i)
		if i%2 == 1 {
			begin = fmt.Sprintf("PUT /kv/slow/%d HTTP/1.1\r\nHost: e2e\r\nContent-Length: 1000\r\n\r\n", i)
		}
		wait.Go(func() {
			for ctx.Err() == nil {
				if err := dawdle(ctx, n.address(), begin, open); err != nil {
					t.Errorf("connect: %v", err)
					return
				}
			}
		})
	}
	return func() { cancel(); wait.Wait() }, open
}

// dawdle is one connection, until the node cuts it or ctx ends. Only what keeps it from
// being a connection at all is an error.
func dawdle(ctx context.Context, address, begin string, open *atomic.Int64) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write([]byte(begin)); err != nil {
		return nil
	}
	open.Add(1)
	defer open.Add(-1)
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		buf := make([]byte, 512)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-cut:
			return nil
		case <-tick.C:
			if _, err := conn.Write([]byte("1")); err != nil {
				return nil
			}
		}
	}
}
