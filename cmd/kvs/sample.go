package main

import (
	"context"
	"fmt"
	"sync"

	"kvs/client"
)

// demoKeys is how many keys the demo begins with.
const demoKeys = 1200

// loadSample puts sample data through the API of one node, as a program would. A write
// that fails shows: the keys are counted afterwards.
func loadSample(ctx context.Context, address, token string) error {
	c, err := client.New([]string{address}, client.WithToken(token))
	if err != nil {
		return err
	}
	const writers = 16
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := w; i < demoKeys; i += writers {
				key := fmt.Sprintf("rooms/%02d/sensors/%02d", i/40, i%40)
				value := fmt.Sprintf(`{"celsius":%d.%d,"unit":"C"}`, 18+i%7, i%10)
				_, _ = c.Put(ctx, key, []byte(value))
			}
		})
	}
	wait.Wait()
	return nil
}
