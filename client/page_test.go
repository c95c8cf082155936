package client_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"kvs/client"
)

// pageConnects and pageAsks are what docs/client.md shows, word for word.
func pageConnects() (*client.Client, error) {
	c, err := client.New([]string{"http://10.0.0.1:8080", "http://10.0.0.2:8080"}, client.WithTokenFile("app.token"))
	return c, err
}

func pageAsks(ctx context.Context, c *client.Client) error {
	if _, err := c.PutJSON(ctx, "users/john", user{Name: "John", Age: 30}, client.TTL(time.Hour)); err != nil {
		return err
	}
	john, record, err := client.GetAs[user](ctx, c, "users/john")
	if err != nil {
		return err
	}
	john.Age++
	_, err = c.PutJSON(ctx, "users/john", john, client.IfMatch(record.Version)) // unless somebody else was faster
	if err != nil {
		return err
	}
	for r, err := range c.Range(ctx, client.RangeOptions{Prefix: "users/"}) {
		fmt.Println(r.Key, string(r.Data), err)
	}
	for change, err := range c.Watch(ctx, client.WatchOptions{Prefix: "rooms/", Values: true}) {
		if err != nil {
			return err // also once ctx is done
		}
		fmt.Println(change.Op, change.Key, string(change.Data))
	}
	return nil
}

// TestPage: each block of Go on docs/client.md stands in this file, so it compiles.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../docs/client.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatalf("the page shows %d blocks of Go", len(blocks))
	}
	for _, b := range blocks {
		code := "\n\t" + strings.ReplaceAll(strings.TrimSpace(b[1]), "\n", "\n\t") + "\n"
		if !strings.Contains(string(here), code) {
			t.Errorf("page_test.go does not compile this, which docs/client.md shows:\n%s", b[1])
		}
	}
}

// TestPageIsTrue has a node carry out what docs/client.md shows.
func TestPageIsTrue(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("app.token", []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pageConnects(); err != nil {
		t.Error(err)
	}
	node, stop := exampleNode()
	defer stop()
	c, err := client.New([]string{node})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var ended error
	go func() {
		defer cancel()
		ended = pageAsks(ctx, c)
	}()
	for change, err := range c.Watch(ctx, client.WatchOptions{Prefix: "users/", Values: true, Since: client.SinceStart}) {
		if err != nil {
			<-ctx.Done()
			t.Fatal(err, ended)
		}
		if strings.Contains(string(change.Data), `"age":31`) {
			break
		}
	}
}
