package server

import (
	"runtime"
	"sync"
)

// A node that takes over a copy of its cluster's data works as fast as it is let, and
// whoever shares the machine with it feels that: first of all the node it copies from.
// So the process keeps to half of its processors meanwhile. That costs little: most of
// the work of a copy is one after the other.

// copies counts the nodes of this process that make a copy.
var copies struct {
	sync.Mutex
	count   int
	regular int // processors outside of copies
}

// beginYield leaves half of the processors to others, until endYield.
func beginYield() {
	copies.Lock()
	defer copies.Unlock()
	if copies.count++; copies.count == 1 {
		copies.regular = runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(max(1, copies.regular/2))
	}
}

func endYield() {
	copies.Lock()
	defer copies.Unlock()
	if copies.count--; copies.count == 0 {
		runtime.GOMAXPROCS(copies.regular)
	}
}
