package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// pollEvery is how often a condition is looked at that is to hold within a time: who
// asks a busy node 500 times a second for a minute measures the questions.
func pollEvery(within time.Duration) time.Duration {
	return max(2*time.Millisecond, within/1000)
}

// eventually polls cond until it holds and returns how long that took. It is
// the one place that waits. The test ends if it takes longer than within.
func eventually(t testing.TB, within time.Duration, what string, cond func() bool) time.Duration {
	t.Helper()
	took, ok := poll(within, cond)
	if !ok {
		t.Fatalf("not within %v: %s", within, what)
	}
	return took
}

// poll is eventually for those that cannot end the test: it is safe in a
// goroutine.
func poll(within time.Duration, cond func() bool) (took time.Duration, ok bool) {
	began := time.Now()
	tick := time.NewTicker(pollEvery(within))
	defer tick.Stop()
	for {
		if cond() {
			return time.Since(began), true
		}
		if time.Since(began) > within {
			return time.Since(began), false
		}
		<-tick.C
	}
}

// always polls cond for the whole time and ends the test if it is ever false.
func always(t testing.TB, during time.Duration, what string, cond func() bool) {
	t.Helper()
	if took, broken := poll(during, func() bool { return !cond() }); broken {
		t.Fatalf("after %v no longer: %s", took, what)
	}
}

// each calls do for 0 to count-1 from several goroutines and ends the test at
// the first error.
func each(t testing.TB, count int, do func(i int) error) {
	t.Helper()
	const clients = 64
	var wait sync.WaitGroup
	failed := make(chan error, clients)
	for c := range clients {
		wait.Go(func() {
			for i := c; i < count; i += clients {
				if err := do(i); err != nil {
					failed <- fmt.Errorf("number %d: %w", i, err)
					return
				}
			}
		})
	}
	wait.Wait()
	client.CloseIdleConnections() // the pool may hold many that were never used
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

// freePorts finds count consecutive ports that are free for TCP and UDP. They
// lie below the range from which systems take ports for outgoing connections,
// so that none of our own clients takes one before a node does; another run of
// these tests is unlikely to draw the same.
func freePorts(t testing.TB, count int) int {
	t.Helper()
	const from, to, attempts = 10_000, 32_000, 100
	for range attempts {
		first := from + rand.IntN(to-from)
		if allFree(first, count) {
			return first
		}
	}
	t.Fatalf("found no %d free ports in %d attempts", count, attempts)
	return 0
}

func allFree(first, count int) bool {
	for port := first; port < first+count; port++ {
		if !isFree(port) {
			return false
		}
	}
	return true
}

// isFree says that nobody listens on a port of the loopback address.
func isFree(port int) bool {
	address := loopback(port)
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
