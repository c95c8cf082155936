package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"kvs/client"
)

// view is what a follower of changes knows, by the rule that Watch states.
type view map[string]client.Change

func (v view) take(c client.Change) {
	if c.Key != "" && v[c.Key].Order < c.Order {
		v[c.Key] = c
	}
}

// Goal: a watch shows what is stored and what changes, deletions too, and goes on when
// the node in use stops. Method: three nodes; writes go through one that stays.
func TestWatchOnARealCluster(t *testing.T) {
	nodes, endpoints := cluster(t, 3)
	writer := newClient(t, endpoints[2:])
	put := func(key string, n int) {
		t.Helper()
		if _, err := writer.Put(t.Context(), key, fmt.Appendf(nil, "%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		put(fmt.Sprintf("w/%d", i), i)
	}
	put("other", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	known, stopped, cursor := view{}, false, ""
	watch := newClient(t, endpoints[:2]).Watch(ctx, client.WatchOptions{Since: client.SinceStart, Prefix: "w/", Values: true})
	for c, err := range watch {
		if err != nil {
			t.Fatal(err)
		}
		known.take(c)
		if c.Cursor != "" {
			cursor = c.Cursor
		}
		switch {
		case c.Op == client.OpAllShown && !stopped:
			put("w/1", 100)
		case c.Key == "w/1" && string(c.Data) == "100" && !stopped:
			stopped = true
			if err := nodes[0].Close(); err != nil {
				t.Fatal(err)
			}
			if err := writer.Delete(t.Context(), "w/2"); err != nil {
				t.Fatal(err)
			}
			put("w/end", 1)
		}
		if known["w/end"].Op == client.OpPutted && known["w/2"].Op == client.OpDeleted {
			break
		}
	}
	if len(known) != 51 || string(known["w/1"].Data) != "100" || !stopped || known["other"].Key != "" {
		t.Errorf("known are %d keys, w/1 is %s", len(known), known["w/1"].Data)
	}
	// Another node goes on from the last cursor: it has nothing older to say.
	put("w/later", 1)
	for c, err := range newClient(t, endpoints[2:]).Watch(ctx, client.WatchOptions{Since: cursor, Prefix: "w/"}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Key == "w/7" {
			t.Error("what was seen long before came again")
		}
		if c.Key == "w/later" {
			break
		}
	}
}
