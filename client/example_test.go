package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"kvs/client"
	"kvs/internal/config"
)

// exampleNode runs a node in this process, and returns where it is and how to stop it.
func exampleNode() (endpoint string, stop func()) {
	dir, err := os.MkdirTemp("", "kvs-example-")
	if err != nil {
		log.Fatal(err)
	}
	s, err := startNode(dir, func(cfg *config.Config) { cfg.AuthEnabled = false })
	if err != nil {
		log.Fatal(err)
	}
	return "http://" + s.Address(), func() { _ = errors.Join(s.Close(), os.RemoveAll(dir)) }
}

type user struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

// Store a value, read it as a Go type, and change it unless somebody else was faster.
func Example() {
	node, stop := exampleNode()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	c, err := client.New([]string{node})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = c.PutJSON(ctx, "users/john", user{"John", 30}, client.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	john, record, err := client.GetAs[user](ctx, c, "users/john")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(john.Name, john.Age)

	john.Age++
	if _, err = c.PutJSON(ctx, "users/john", john, client.IfMatch(record.Version)); err != nil {
		log.Fatal(err)
	}
	_, err = c.PutJSON(ctx, "users/john", john, client.IfMatch(record.Version))
	fmt.Println("a version that was replaced:", errors.Is(err, client.ErrPrecondition))

	err = c.Delete(ctx, "users/john")
	_, missing := c.Get(ctx, "users/john")
	fmt.Println("deleted:", err == nil && errors.Is(missing, client.ErrNotFound))
	// Output:
	// John 30
	// a version that was replaced: true
	// deleted: true
}

// Walk over many keys, and over the directories of one level.
func ExampleClient_Range() {
	node, stop := exampleNode()
	defer stop()
	ctx := context.Background()
	c, err := client.New([]string{node})
	if err != nil {
		log.Fatal(err)
	}
	for i, key := range []string{"rooms/1/lamp", "rooms/1/door", "rooms/2/lamp"} {
		if _, err := c.Put(ctx, key, fmt.Appendf(nil, "%d", i)); err != nil {
			log.Fatal(err)
		}
	}
	for r, err := range c.Range(ctx, client.RangeOptions{Prefix: "rooms/1/"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Key, string(r.Data))
	}
	for r, err := range c.List(ctx, "rooms", client.ListOptions{Depth: 1}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Key)
	}
	// Output:
	// rooms/1/door 1
	// rooms/1/lamp 0
	// rooms/1/
	// rooms/2/
}
