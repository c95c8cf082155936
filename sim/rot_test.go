package sim

import "testing"

// Goal: damage on one disk at a time costs nothing. Method: records rot all the
// time while clients write, the network loses and cuts, and hosts crash; a record
// rots only where another host has it. In the end all hosts are equal, nothing
// acknowledged is lost, nothing is damaged, and all claims can be made again.
func TestRotIsMended(t *testing.T) {
	rotten, times := 0, 0
	seeds := []uint64{265} // a damaged record that had expired was taken for purged, and kept its hole
	for seed := range uint64(30) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		w := newWorld(Worn(seed))
		if r := w.run(); r.Failure != nil {
			t.Errorf("seed %d: %v", seed, r.Failure)
		}
		rotten, times = rotten+w.count.rotten, times+w.historians.times
	}
	if rotten < 300 || times < 300 {
		t.Errorf("only %d records rotted, %d versions were found", rotten, times)
	}
}
