package sim

import (
	"os"
	"strconv"
	"testing"
)

func TestSwarm(t *testing.T) {
	n := 200
	if s := os.Getenv("N"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	var worst Millis
	for s := range uint64(n) {
		r := Run(Swarm(s))
		if r.Failure != nil {
			t.Errorf("seed %d nodes %d: %v", s, r.Nodes, r.Failure)
		}
		worst = max(worst, r.Healed)
	}
	t.Log("worst heal", worst)
}
