package server

import (
	"runtime"
	"testing"
)

// Goal: however many nodes of a process make copies, and in whatever order they end,
// it has half of its processors meanwhile and all of them afterwards.
func TestCopiesYield(t *testing.T) {
	regular := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(regular)
	for _, step := range []struct {
		do   func()
		want int
	}{{beginYield, 2}, {beginYield, 2}, {endYield, 2}, {beginYield, 2}, {endYield, 2}, {endYield, 4}} {
		step.do()
		if got := runtime.GOMAXPROCS(0); got != step.want {
			t.Fatalf("%d processors, want %d", got, step.want)
		}
	}
}
