package statemachine_test

import (
	"slices"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// rot damages a record of a host, and lets its store notice.
func (w *wire) rot(name byte, key string) {
	h := w.host(name)
	h.disk.Damage(keyspace.DataKey(key))
	h.state.Suspect(key)
	h.state.FinishMend(h.disk.Update)
	w.take(h, h.step(statemachine.Damaged{Key: key}))
	w.run()
}

// holes says whether a claim can be made out of a host's store.
func (h *host) holes() bool {
	return keyspace.ReadDots(h.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 1000, 1<<20).Holes
}

// trio connects a to b and c, and b to c.
func trio(t failer) *wire {
	w := newWire(t, member(t, 'a', nil), member(t, 'b', nil), member(t, 'c', nil))
	w.connect('a', 'b')
	w.connect('a', 'c')
	w.connect('b', 'c')
	w.pass(3_000)
	return w
}

// TestDamagedRecordComesFromAPeer: a damaged record is asked for, replaced by
// the very record that was lost, and claims are made again.
func TestDamagedRecordComesFromAPeer(t *testing.T) {
	w := trio(t)
	w.take(w.host('b'), w.host('b').write(1, "x", "y"))
	w.pass(3_000)
	w.rot('a', "x")
	w.pass(10_000)
	w.wantEqual()
	a := w.host('a')
	if a.has("x") != "of x" || a.holes() || a.node.Status().Damaged != 0 {
		t.Fatalf("a holds %q, holes %v, %d damaged", a.has("x"), a.holes(), a.node.Status().Damaged)
	}
	for _, e := range []statemachine.Event{
		statemachine.RecordDamaged{Key: "x"}, statemachine.RecordMended{Key: "x"},
	} {
		if !slices.Contains(w.events, e) {
			t.Errorf("nobody was told: %s", statemachine.Print(e))
		}
	}
}

// TestAllPeersAreAskedForADamagedRecord: one that has an older version does not
// end the search, and the newest wins whoever is asked first.
func TestAllPeersAreAskedForADamagedRecord(t *testing.T) {
	for _, newest := range []byte{'b', 'c'} {
		w := trio(t)
		w.take(w.host('a'), w.host('a').write(1, "x"))
		w.pass(3_000)
		older := byte('b' + 'c' - newest)
		w.disconnect('a', older)
		w.disconnect(newest, older)
		put := w.host(newest)
		w.take(put, put.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{
			Request: 2, Write: keyspace.Write{Key: "x", Value: []byte("newest")},
		}}}))
		w.pass(1_000)
		w.disconnect('a', newest)
		w.rot('a', "x")
		w.connect('a', older)
		w.connect('a', newest)
		w.pass(10_000)
		w.wantEqual()
		if a := w.host('a'); a.has("x") != "newest" || a.holes() {
			t.Fatalf("%c has the newest: a holds %q, holes %v", newest, a.has("x"), a.holes())
		}
	}
}

// TestNobodyClaimsOverADamagedRecord: a peer that fetches from a store with a
// damaged record takes what there is and does not claim the rest; it asks again
// and again, not in a tight loop. Once a client has written the record anew, all
// is well.
func TestNobodyClaimsOverADamagedRecord(t *testing.T) {
	w := newWire(t, member(t, 'a', nil), member(t, 'b', nil))
	a, b := w.host('a'), w.host('b')
	w.take(a, a.write(1, "x", "y"))
	w.pass(1_000)
	lost := a.vv()
	w.rot('a', "x")
	needs := 0
	w.drop = func(p packet) bool {
		if _, ok := p.msg.(statemachine.Need); ok {
			needs++
		}
		_, pushed := p.msg.(statemachine.Push) // the ring still has the record
		return pushed
	}
	w.connect('a', 'b')
	w.pass(20_000)
	if b.has("y") != "of y" || b.vv().Covers(lost) {
		t.Fatalf("b holds y=%q and claims %v of %v", b.has("y"), b.vv(), lost)
	}
	if needs == 0 || needs > 100 {
		t.Errorf("%d questions in 20 seconds", needs)
	}
	if a.node.Status().Damaged != 1 {
		t.Errorf("a knows of %d damaged records", a.node.Status().Damaged)
	}
	w.drop = nil
	w.take(a, a.write(3, "x"))
	w.pass(10_000)
	w.wantEqual()
	if a.node.Status().Damaged != 0 || b.has("x") != "of x" {
		t.Errorf("a knows of %d damaged records, b holds %q", a.node.Status().Damaged, b.has("x"))
	}
}

// TestDamageIsBounded: more damage than the bound is counted and waits.
func TestDamageIsBounded(t *testing.T) {
	h := member(t, 'a', nil)
	for i := range 1100 {
		h.step(statemachine.Damaged{Key: string(rune('a' + i))})
		h.step(statemachine.Damaged{Key: string(rune('a' + i))})
	}
	s := h.node.Status()
	if s.Damaged != 1024 || s.Stats.Damaged < 1100 || s.Stats.DroppedOverload == 0 {
		t.Fatalf("%d listed, %d counted, %d dropped", s.Damaged, s.Stats.Damaged, s.Stats.DroppedOverload)
	}
}

// TestMutantClaimsOverADamagedRecord: with the rule broken the fetching peer
// claims a record that it never got, which the test above would notice.
func TestMutantClaimsOverADamagedRecord(t *testing.T) {
	if !keyspace.MutantsCompiledIn {
		t.Skip("needs the tag mutants")
	}
	broken := func(c *statemachine.Config) { c.Mutant = keyspace.MutantHoles }
	w := newWire(t, member(t, 'a', nil), member(t, 'b', broken))
	a, b := w.host('a'), w.host('b')
	w.take(a, a.write(1, "x", "y"))
	w.pass(1_000)
	lost := a.vv()
	w.rot('a', "x")
	w.drop = func(p packet) bool { _, pushed := p.msg.(statemachine.Push); return pushed }
	w.connect('a', 'b')
	w.pass(5_000)
	if b.has("x") != "" || !b.vv().Covers(lost) {
		t.Fatalf("b holds %q and claims %v: the rule was not broken", b.has("x"), b.vv())
	}
}
