package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	loadClients   = 256
	loadBytes     = 200
	lightInterval = 20 * time.Millisecond // 50 writes a second
)

func loadKey(i int) string { return fmt.Sprintf("load/%07d", i) }

// loadValue is a JSON text of loadBytes that does not compress to nothing.
func loadValue(r *rand.Rand) []byte {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := append(make([]byte, 0, loadBytes), '"')
	for len(b) < loadBytes-1 {
		b = append(b, letters[r.IntN(len(letters))])
	}
	return append(b, '"')
}

// load puts records through many connections, and says how long it took.
func (n *node) load(count int) time.Duration {
	n.t.Helper()
	began := time.Now()
	client := &fasthttp.HostClient{Addr: n.address(), MaxConns: loadClients}
	defer client.CloseIdleConnections()
	var wait sync.WaitGroup
	failed := make(chan error, loadClients)
	for c := range loadClients {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(c)))
			req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			req.Header.SetMethod(fasthttp.MethodPut)
			req.Header.SetContentType("application/json")
			for i := c; i < count; i += loadClients {
				req.SetRequestURI(n.url("/kv/" + loadKey(i)))
				req.SetBodyRaw(loadValue(r))
				if err := client.Do(req, resp); err != nil || resp.StatusCode() >= 300 {
					failed <- fmt.Errorf("PUT %s: %d %w", loadKey(i), resp.StatusCode(), err)
					return
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		n.t.Fatal(err)
	default:
	}
	return time.Since(began)
}

// lightLoad writes at a steady rate, whether or not earlier writes are answered,
// until it is ended.
type lightLoad struct {
	node *node
	stop chan struct{}
	wait sync.WaitGroup

	mu   sync.Mutex
	took []time.Duration
	err  error
}

func startLightLoad(n *node) *lightLoad {
	l := &lightLoad{node: n, stop: make(chan struct{})}
	l.wait.Go(func() {
		tick := time.NewTicker(lightInterval)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				l.wait.Go(func() { l.write(i) })
			case <-l.stop:
				return
			}
		}
	})
	return l
}

func (l *lightLoad) write(i int) {
	began := time.Now()
	err := l.node.write(fmt.Sprintf("light/%d", i%1000), `"x"`)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, time.Since(began))
	if err != nil {
		l.err = err
	}
}

// end returns the times of all writes, the shortest first.
func (l *lightLoad) end(t testing.TB) []time.Duration {
	t.Helper()
	close(l.stop)
	l.wait.Wait()
	if l.err != nil || len(l.took) == 0 {
		t.Fatalf("%d writes under light load: %v", len(l.took), l.err)
	}
	slices.Sort(l.took)
	return l.took
}

func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[(len(sorted)-1)*p/100].Round(10 * time.Microsecond)
}
