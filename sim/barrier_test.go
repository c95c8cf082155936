package sim

import "testing"

// TestUnsyncedWorlds: hosts that sync once a second lose what they answered, and all
// oracles hold. In seed 1217 a host waited for ever for what its peer had lost as well.
func TestUnsyncedWorlds(t *testing.T) {
	taken := 0
	for _, seed := range []uint64{1217, 1, 2, 3, 4, 5} {
		r := Play(Unsynced(seed))
		if r.Failure != nil {
			t.Errorf("seed %d: %v", seed, r.Failure)
		}
		taken += r.Marks[MarkAnsweredLost]
	}
	if taken == 0 {
		t.Error("no crash took anything")
	}
}
