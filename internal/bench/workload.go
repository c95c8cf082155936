package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

const (
	// SizeMax bounds the bytes of a value.
	SizeMax = 16 << 20
	// PageMax bounds the records of a page.
	PageMax = 1000
	// fillClients write the keys before a run.
	fillClients = 64
)

// Workloads are what Workload.Name may be.
var Workloads = []string{"put", "get", "mixed", "scan"}

// Workload says what clients ask a node for. Kinds of requests are put, get and scan.
type Workload struct {
	Name  string  // one of Workloads
	Keys  Keys    // which keys
	Size  int     // bytes of a value, from ValueMin to SizeMax
	Reads float64 // share of gets in mixed, from 0 to 1
	Page  int     // records of a page in scan, from 1 to PageMax
}

// Check says what is wrong with a workload, naming the field.
func (w Workload) Check() error {
	switch {
	case !slices.Contains(Workloads, w.Name):
		return fmt.Errorf("the workload must be put, get, mixed or scan, not %q", w.Name)
	case w.Size < ValueMin || w.Size > SizeMax:
		return fmt.Errorf("size must be from %d to %d bytes, not %d", ValueMin, SizeMax, w.Size)
	case !(w.Reads >= 0 && w.Reads <= 1):
		return fmt.Errorf("reads must be from 0%% to 100%%, not %v%%", 100*w.Reads)
	case w.Page < 1 || w.Page > PageMax:
		return fmt.Errorf("page must be from 1 to %d records, not %d", PageMax, w.Page)
	}
	return w.Keys.Check()
}

// NeedsFill says whether the workload reads, and so needs the keys to be there.
func (w Workload) NeedsFill() bool { return w.Name != "put" }

// Open is the requests of one client.
func (w Workload) Open(n *Node, client int) Request {
	r := rand.New(rand.NewPCG(rand.Uint64(), uint64(client)))
	choose, value := w.Keys.Choice(r), Value(w.Size, r)
	get := func() (string, error) { return "get", n.Get(w.Keys.Key(choose())) }
	put := func() (string, error) { return "put", n.Put(w.Keys.Key(choose()), value) }
	switch w.Name {
	case "get":
		return get
	case "put":
		return put
	case "scan":
		return func() (string, error) { return "scan", n.Page(w.Keys.Prefix, w.Keys.Key(choose()), w.Page) }
	}
	return func() (string, error) {
		if r.Float64() < w.Reads {
			return get()
		}
		return put()
	}
}

// Fill writes every key once, and ends with the first error.
func (w Workload) Fill(ctx context.Context, n *Node, watch func(Progress)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	open := func(client int) Request {
		r := rand.New(rand.NewPCG(rand.Uint64(), uint64(client)))
		return func() (string, error) {
			err := n.Put(w.Keys.Key(int(next.Add(1)-1)), Value(w.Size, r))
			if err != nil {
				stop(err)
			}
			return "put", err
		}
	}
	Load{Clients: fillClients, Count: int64(w.Keys.Count)}.Run(ctx, open, watch)
	return context.Cause(ctx)
}
