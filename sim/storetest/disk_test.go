package storetest

import (
	"testing"

	"kvs/sim/disk"
)

// TestDisk runs the suite on the simulator's disk.
func TestDisk(t *testing.T) {
	Run(t, func(*testing.T) Store { return memory{disk.New()} })
}
