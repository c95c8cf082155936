package client_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvs/client"
	"kvs/internal/config"
	"kvs/internal/server"
)

// startNode runs a node in this process, with data in dir, on a free port.
func startNode(dir string, change func(*config.Config)) (*server.Server, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.DataDir, cfg.Port, cfg.NodeID = dir, port, "node"+strconv.Itoa(port)
	cfg.ShutdownTimeout = time.Second
	cfg.RateLimitingEnabled = false
	if change != nil {
		change(&cfg)
	}
	return server.Start(cfg, slog.New(slog.DiscardHandler))
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// cluster is nodes without authentication, equal and ready to write.
func cluster(t *testing.T, size int) (nodes []*server.Server, endpoints []string) {
	t.Helper()
	for range size {
		s, err := startNode(t.TempDir(), func(cfg *config.Config) {
			cfg.AuthEnabled = false
			if len(nodes) > 0 {
				cfg.SeedNodes = []string{nodes[0].Address()}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() }) // again for those that a test has closed
		nodes, endpoints = append(nodes, s), append(endpoints, "http://"+s.Address())
	}
	for _, e := range endpoints {
		c := newClient(t, []string{e})
		eventually(t, e+" takes writes", func() bool { return c.Delete(t.Context(), "ready") == nil })
	}
	return nodes, endpoints
}

func newClient(t *testing.T, endpoints []string, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(endpoints, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Goal: every call of the client against a real node.
func TestCallsOnARealNode(t *testing.T) {
	_, endpoints := cluster(t, 1)
	c, ctx := newClient(t, endpoints), t.Context()
	first, err := c.Put(ctx, "a b/ü", []byte(`{"data":1,"ttl":"1h"}`), client.IfAbsent())
	if err != nil || !first.Created || time.Since(first.Timestamp).Abs() > time.Minute {
		t.Fatalf("%+v %v", first, err)
	}
	if _, err := c.Put(ctx, "a b/ü", []byte("2"), client.IfAbsent()); !errors.Is(err, client.ErrPrecondition) {
		t.Errorf("the key is there: %v", err)
	}
	var refusal *client.Error
	if _, err := c.Put(ctx, "a b/ü", []byte("2"), client.IfMatch("ffffffff-ffff-8fff-bfff-ffffffffffff")); !errors.As(err, &refusal) ||
		refusal.Current != first.Version || refusal.RequestID == "" || refusal.Try == "" {
		t.Errorf("another version: %+v", err)
	}
	got, err := c.Get(ctx, "/a b/ü")
	if err != nil || string(got.Data) != `{"data":1,"ttl":"1h"}` || got.Version != first.Version || !got.ExpiresAt.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := c.Get(ctx, "a b/ü", client.IfChanged(first.Version)); !errors.Is(err, client.ErrUnchanged) {
		t.Errorf("unchanged: %v", err)
	}
	second, err := c.Patch(ctx, "a b/ü", []byte(`{"data":null,"x":[1.0]}`), client.IfMatch(first.Version), client.TTL(time.Hour))
	if err != nil || second.Created {
		t.Errorf("patch: %+v %v", second, err)
	}
	value, r, err := client.GetAs[map[string]any](ctx, c, "a b/ü")
	if err != nil || value["ttl"] != "1h" || time.Until(r.ExpiresAt) > time.Hour || time.Until(r.ExpiresAt) < 59*time.Minute {
		t.Errorf("%v %+v %v", value, r, err)
	}
	if err := c.Delete(ctx, "a b/ü", client.IfMatch(second.Version)); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := c.Get(ctx, "a b/ü"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	for _, key := range []string{"", "a//b", "a/../b", "_x", "a/"} {
		if _, err := c.Put(ctx, key, []byte("1")); !errors.Is(err, client.ErrInvalid) {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

// Goal: what is newer than single reads and writes: batches, touches, names of writes,
// and what a node knows of a key that is gone.
func TestBatchesOnARealNode(t *testing.T) {
	_, endpoints := cluster(t, 1)
	c, ctx := newClient(t, endpoints), t.Context()
	got, err := c.Batch(ctx, []client.Op{
		client.OpPut("b/1", []byte(`{"x":1.0}`), client.TTL(time.Hour)), client.OpPut("b/2", []byte("2"), client.IfMatch()),
		client.OpDelete("b/3"), client.OpGet("b/1"), client.OpGet("b/4"),
	})
	if err != nil || len(got) != 5 {
		t.Fatalf("%+v %v", got, err)
	}
	if !got[0].Written.Created || !errors.Is(got[1].Err, client.ErrPrecondition) || got[2].Err != nil ||
		string(got[3].Record.Data) != `{"x":1.0}` || got[3].Record.Version != got[0].Written.Version ||
		!errors.Is(got[4].Err, client.ErrNotFound) {
		t.Errorf("%+v", got)
	}
	name := client.IdempotencyKey("once")
	first, err1 := c.Put(ctx, "b/2", []byte("2"), name)
	again, err2 := c.Put(ctx, "b/2", []byte("2"), name)
	if err := errors.Join(err1, err2); err != nil || again != first {
		t.Errorf("%+v, again %+v: %v", first, again, err)
	}
	if _, err := c.Put(ctx, "b/2", []byte("3"), name); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("the name of another write: %v", err)
	}
	touched, err := c.Touch(ctx, "b/2", time.Hour)
	r, err2 := c.Get(ctx, "b/2")
	if err := errors.Join(err, err2); err != nil || r.Version != touched.Version || string(r.Data) != "2" || r.ExpiresAt.IsZero() {
		t.Errorf("%+v: %v", r, err)
	}
	if _, err := c.Touch(ctx, "b/5", 0); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("touch of what is not there: %v", err)
	}
	var refusal *client.Error
	if err := c.Delete(ctx, "b/2"); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(ctx, "b/2"); !errors.As(err, &refusal) || time.Since(refusal.DeletedAt).Abs() > time.Minute {
		t.Errorf("deleted: %+v", err)
	}
}

// Goal: listings across pages, with directories, and counts.
func TestListingsOnARealNode(t *testing.T) {
	_, endpoints := cluster(t, 1)
	c, ctx := newClient(t, endpoints), t.Context()
	var want []string
	for i := range 2100 {
		want = append(want, fmt.Sprintf("r/%d/%04d", i/700, i))
		if _, err := c.Put(ctx, want[i], []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	keys := func(walk func(func(client.Record, error) bool)) (out []string) {
		for r, err := range walk {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r.Key)
		}
		return out
	}
	if got := keys(c.Range(ctx, client.RangeOptions{})); !slices.Equal(got, want) {
		t.Errorf("all: %d keys", len(got))
	}
	if got := keys(c.Range(ctx, client.RangeOptions{Start: "r/1/", End: "r/2/"})); !slices.Equal(got, want[700:1400]) {
		t.Errorf("between: %d keys", len(got))
	}
	back := slices.Clone(want)
	slices.Reverse(back)
	if got := keys(c.Range(ctx, client.RangeOptions{Reverse: true})); !slices.Equal(got, back) {
		t.Errorf("backwards: %d keys", len(got))
	}
	if got := keys(c.Range(ctx, client.RangeOptions{Prefix: "r/2/1", KeysOnly: true})); !slices.Equal(got, want[1400:2000]) {
		t.Errorf("with a prefix: %d keys", len(got))
	}
	if got := keys(c.List(ctx, "r", client.ListOptions{Depth: 1})); !slices.Equal(got, []string{"r/0/", "r/1/", "r/2/"}) {
		t.Errorf("directories: %q", got)
	}
	if got, err := c.Count(ctx, "r/1"); err != nil || got != (client.Usage{Keys: 700, Bytes: 700}) {
		t.Errorf("count: %+v %v", got, err)
	}
}

// Goal: reads and writes go on when the node in use stops, and nothing acknowledged
// before is lost.
func TestGoesOnWithAnotherNode(t *testing.T) {
	nodes, endpoints := cluster(t, 3)
	c, ctx := newClient(t, endpoints), t.Context()
	if _, err := c.Put(ctx, "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	other := newClient(t, endpoints[1:2])
	eventually(t, "the second node has it", func() bool { _, err := other.Get(ctx, "k"); return err == nil })
	if err := nodes[0].Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(ctx, "k"); err != nil || string(r.Data) != "1" {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := c.Put(ctx, "k", []byte("2")); err != nil {
		t.Error(err)
	}
	a, err := c.Do(ctx, client.Request{Method: "GET", Path: "/health"})
	if err != nil || a.Node == endpoints[0] {
		t.Errorf("%+v %v", a, err)
	}
}

// Goal: a token decides, from a text and from a file.
func TestTokensOnARealNode(t *testing.T) {
	dir := t.TempDir()
	s, err := startNode(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	file := filepath.Join(dir, server.AdminTokenFile)
	var text []byte
	eventually(t, "there is a token", func() bool { text, err = os.ReadFile(file); return err == nil })
	for name, c := range map[string]struct {
		option client.Option
		want   error
	}{
		"none": {client.WithToken(""), client.ErrUnauthenticated}, "wrong": {client.WithToken("a.b.c"), client.ErrUnauthenticated},
		"file": {client.WithTokenFile(file), client.ErrNotFound}, "text": {client.WithToken(strings.TrimSpace(string(text))), client.ErrNotFound},
	} {
		_, err := newClient(t, []string{s.Address()}, c.option).Get(t.Context(), "k")
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
