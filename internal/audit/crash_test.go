package audit

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCrashAtAnyByte: the newest file is cut anywhere, and perhaps zeros follow
// as after a power cut. Opening keeps all that was acknowledged before, says what
// it cut off, and the log goes on and verifies.
func TestCrashAtAnyByte(t *testing.T) {
	base := t.TempDir()
	r := newRig(t, base, func(o *Options) { o.RotateBytes = 6_000 })
	r.more(t, 1)
	for range 20 {
		r.more(t, 3)
		noError(t, r.Checkpoint())
	}
	noError(t, r.Close())
	list, err := segments(base)
	noError(t, err)
	last := list[len(list)-1]
	whole, err := os.ReadFile(last.path)
	noError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		dir := copyLog(t, base)
		path := filepath.Join(dir, filepath.Base(last.path))
		cut := rapid.IntRange(0, len(whole)).Draw(rt, "cut")
		text := append([]byte(nil), whole[:cut]...)
		var known uint64
		if rapid.Bool().Draw(rt, "power") {
			hole := rapid.IntRange(0, 5000).Draw(rt, "hole")
			text = append(append(text, make([]byte, hole)...), whole[min(len(whole), cut+hole):]...)
			known = last.first - 1
		}
		noError(rt, os.WriteFile(path, text, 0o600))
		var r *rig
		r = newRig(rt, dir, func(o *Options) { o.RotateBytes, o.Acknowledged = 6_000, known })
		next := r.Next()
		if next < last.first || next > 62 {
			rt.Fatalf("next is %d", next)
		}
		after := files(rt, dir)[path]
		lost := int64(len(text) - len(after))
		if repaired := r.Recovered(); repaired.Bytes != lost || (repaired.File == "") !=
			(lost == 0 && after != nil) {
			rt.Fatalf("repaired %+v, lost %d", repaired, lost)
		}
		wantVerified(rt, dir, nil, 1, next-1)
		noError(rt, r.Append(entries(next-1, 40)))
		noError(rt, r.Checkpoint())
		noError(rt, r.Close())
		wantVerified(rt, dir, r.peer, 1, next+38)
	})
}

// TestThousandthEntryWithoutItsCheckpoint: the crash cuts off just the checkpoint.
func TestThousandthEntryWithoutItsCheckpoint(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 1000)
	noError(t, r.Close())
	v := newVictim(t, dir, nil)
	v.files[0] = v.files[0][:1001]
	v.write(t, dir)
	r.open(t)
	r.more(t, 1)
	noError(t, r.Close())
	wantVerified(t, dir, nil, 1, 1001)
}

// TestOpenRefusesWhatNoCrashDoes, and leaves it as it is.
func TestOpenRefusesWhatNoCrashDoes(t *testing.T) {
	base := t.TempDir()
	r := newRig(t, base, func(o *Options) { o.RotateBytes = 6_000 })
	r.more(t, 60)
	if _, err := open(r.o, r.disk); !errors.Is(err, ErrInUse) {
		t.Fatalf("twice: %v", err)
	}
	noError(t, r.Close())
	for name, c := range map[string]struct {
		change func(v *victim, o *Options)
		want   error
	}{
		"edited":       {func(v *victim, _ *Options) { v.last()[2] = v.last()[1] }, ErrTampered},
		"header":       {func(v *victim, _ *Options) { v.last()[0][20]++ }, ErrTampered},
		"cut off":      {func(v *victim, o *Options) { v.cut(); o.Acknowledged = 60 }, ErrTampered},
		"gone":         {func(v *victim, o *Options) { v.files = nil; o.Acknowledged = 60 }, ErrTampered},
		"other node":   {func(_ *victim, o *Options) { o.Replica = ReplicaID{9} }, ErrForeign},
		"before other": {func(v *victim, _ *Options) { v.other() }, ErrTampered},
		"before gone":  {func(v *victim, _ *Options) { v.bare() }, ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := r.o
			o.Dir = dir
			v := newVictim(t, base, nil)
			c.change(v, &o)
			v.write(t, dir)
			before := files(t, dir)
			if _, err := open(o, r.disk); !errors.Is(err, c.want) {
				t.Fatalf("opened: %v", err)
			}
			for path, b := range files(t, dir) {
				if string(b) != string(before[path]) {
					t.Fatalf("%s was changed", path)
				}
			}
		})
	}
}

func (v *victim) last() [][]byte { return v.files[len(v.files)-1] }

func (v *victim) cut() { v.files[len(v.files)-1] = v.last()[:len(v.last())-1] }

// bare leaves the header of the last segment alone.
func (v *victim) bare() {
	v.files, v.names = [][][]byte{v.last()[:1]}, v.names[len(v.names)-1:]
}

// TestDiskFails: whichever operation fails, and it fails once, nothing is
// written afterwards, and a new process finds everything that was acknowledged.
func TestDiskFails(t *testing.T) {
	for n := range 60 {
		dir := t.TempDir()
		r := newRig(t, dir, func(o *Options) { o.RotateBytes, o.RetainSegments = 2_000, 2 })
		r.disk.failAt = n
		var failed error
		acknowledged := uint64(0)
		for range 12 {
			err := r.Append(entries(acknowledged+1, 5))
			if err == nil {
				acknowledged += 5
			}
			if failed != nil && !errors.Is(err, errDisk) {
				t.Fatalf("operation %d: went on after %v: %v", n, failed, err)
			}
			failed = err
			if err := r.Tick(); err != nil && !errors.Is(err, errDisk) {
				t.Fatalf("operation %d: tick: %v", n, err)
			}
		}
		if final := []string{"create", "write", "sync"}; failed == nil &&
			slices.Contains(final, r.disk.failed) {
			t.Fatalf("operation %d: the failure of %s was ignored", n, r.disk.failed)
		}
		_ = r.Close() // says what failed once more
		r.disk.failAt = -1
		r.o.Acknowledged = acknowledged
		r.open(t)
		if r.Next() <= acknowledged {
			t.Fatalf("operation %d: %d were acknowledged, next is %d", n, acknowledged, r.Next())
		}
		noError(t, r.Append(entries(acknowledged+1, 20)))
		noError(t, r.Close())
		if _, err := Verify(dir, VerifyOptions{Keys: testKeys(), Checkpoints: r.peer}); err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
	}
}

// other leaves the header of the last segment, and forges the line before it.
func (v *victim) other() {
	v.files[len(v.files)-1] = v.last()[:1]
	before := len(v.files) - 2
	v.rechain(before, len(v.files[before])-1, func(l *line) { l.checkpoint.Head[0]++ })
	v.rechain(before+1, 0, func(l *line) { l.prev[0]++ })
}

// TestHeaderAlone: after a crash behind a new header, the checkpoint that allows
// the deletion of all segments before knows the last entry's hash from them.
func TestHeaderAlone(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, func(o *Options) { o.RotateBytes, o.RetainSegments = 3_000, 1 })
	r.more(t, 30)
	noError(t, r.Close())
	v := newVictim(t, dir, nil)
	last := v.number(len(v.files)-1, 0) - 1
	v.files[len(v.files)-1] = v.last()[:1]
	v.write(t, dir)
	r.open(t)
	head := r.chain.head
	noError(t, r.Tick())
	if k := r.Latest(); k.First != last+1 || k.Number != last || k.Head != head || head == (Hash{}) {
		t.Fatalf("checkpoint %+v", k)
	}
	r.more(t, 2)
	noError(t, r.Close())
	wantVerified(t, dir, r.peer, last+1, last+2)
}
