package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"kvs/client"
)

const (
	// sampleKeys is how many keys the demo begins with.
	sampleKeys = 1200
	// writeEvery is how often the writers write, all together.
	writeEvery = 50 * time.Millisecond
)

func sampleKey(i int) string { return fmt.Sprintf("rooms/%02d/sensors/%02d", i/40, i%40) }

// loadSample puts sample data through the API of one node, as a program would. A write
// that fails shows: the keys are counted afterwards.
func loadSample(ctx context.Context, api *client.Client) {
	const writers = 16
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := w; i < sampleKeys; i += writers {
				_, _ = api.Put(ctx, sampleKey(i), fmt.Appendf(nil, `{"celsius":%d.%d,"unit":"C"}`, 18+i%7, i%10))
			}
		})
	}
	wait.Wait()
}

// Write lets sensors write on every node that runs, or stops that. It says whether it
// changed anything.
func (c *Cluster) Write(on bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on == (c.writers != nil) {
		return false
	}
	if !on {
		c.writers()
		c.writers = nil
		c.tell("the sensors are silent")
		return true
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.writers = cancel
	c.work.Go(func() { c.sense(ctx) })
	c.tell("sensors write on every node, %d values a second", time.Second/writeEvery)
	return true
}

// Writing says whether the sensors write.
func (c *Cluster) Writing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writers != nil
}

// sense writes on one node after the other. One that is killed misses its turn.
func (c *Cluster) sense(ctx context.Context) {
	var apis []*client.Client
	for _, n := range c.nodes {
		api, err := c.api(n)
		if err != nil {
			c.failed <- err
			return
		}
		apis = append(apis, api)
	}
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if at := i % len(apis); c.Rows()[at].State != Killed {
			text := fmt.Appendf(nil, `{"celsius":%d.%d,"unit":"C"}`, 15+rand.IntN(10), rand.IntN(10))
			_, _ = apis[at].Put(ctx, sampleKey(rand.IntN(sampleKeys)), text) // lost readings are no news
		}
	}
}
