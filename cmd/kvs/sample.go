package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// demoKeys is how many keys the demo begins with.
const demoKeys = 1200

// loadSample puts sample data through the API of one node, as a client would. A
// write that fails shows: the keys are counted afterwards.
func loadSample(ctx context.Context, address, token string) {
	const clients = 16
	var wait sync.WaitGroup
	for c := range clients {
		wait.Go(func() {
			for i := c; i < demoKeys; i += clients {
				put(ctx, address, token, i)
			}
		})
	}
	wait.Wait()
}

func put(ctx context.Context, address, token string, i int) {
	url := fmt.Sprintf("http://%s/kv/rooms/%02d/sensors/%02d", address, i/40, i%40)
	body := fmt.Sprintf(`{"celsius":%d.%d,"unit":"C"}`, 18+i%7, i%10)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
}
