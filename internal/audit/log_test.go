package audit

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestHonestLogVerifies: whatever a node does with its log, in any order, it
// verifies, Read returns what was appended, and nothing is written twice.
func TestHonestLogVerifies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		r := newRig(rt, dir, func(o *Options) {
			o.RotateBytes = rapid.SampledFrom([]int64{1, 2_000, 100_000}).Draw(rt, "rotate")
			o.RetainSegments = rapid.IntRange(0, 4).Draw(rt, "retain")
			o.First = rapid.SampledFrom([]uint64{0, 1, 77}).Draw(rt, "first")
		})
		first := r.Next()
		defer func() { noError(rt, r.Close()) }()
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "again", "tick", "wait", "sign",
				"reopen"}).Draw(rt, "step") {
			case "append":
				counts := []int{1, 2, 7, 30}
				if r.o.RotateBytes == 100_000 {
					counts = append(counts, 1100)
				}
				r.more(rt, rapid.SampledFrom(counts).Draw(rt, "count"))
			case "again": // the queue is drained again, and has more
				from := max(first, r.Next()-min(r.Next(), 5))
				noError(rt, r.Append(entries(from, 7)))
			case "tick":
				noError(rt, r.Tick())
			case "wait":
				r.now += Millis(rapid.IntRange(-10_000, 100_000).Draw(rt, "ms"))
				noError(rt, r.Tick())
			case "sign":
				noError(rt, r.Checkpoint())
			case "reopen":
				r.o.Acknowledged = rapid.SampledFrom([]uint64{0, r.Next() - 1}).Draw(rt, "known")
				r.reopen(rt)
				if r.Recovered() != (Recovery{}) {
					rt.Fatalf("repaired %+v", r.Recovered())
				}
			}
		}
		report, err := r.Verify(VerifyOptions{Keys: testKeys(), Checkpoints: r.peer})
		noError(rt, err)
		wantVerified(rt, dir, r.peer, max(first, report.First), r.Next()-1)
		if r.o.RetainSegments == 0 && report.First != first {
			rt.Fatalf("begins at %d, want %d", report.First, first)
		}
	})
}

// TestReadPages: pages from anywhere, of any length, are the entries from there
// on, also in segments that are large enough for seeking.
func TestReadPages(t *testing.T) {
	r := newRig(t, t.TempDir(), func(o *Options) { o.RotateBytes = 500_000 })
	r.more(t, 3000)
	rapid.Check(t, func(rt *rapid.T) {
		since := rapid.Uint64Max(3005).Draw(rt, "since")
		limit := rapid.IntRange(0, 20).Draw(rt, "limit")
		next := since + 1
		noError(rt, r.Read(since, limit, func(e Record) bool {
			if e.Number != next {
				rt.Fatalf("entry %d, want %d", e.Number, next)
			}
			if l, err := parseLine(e.Line); err != nil || l.entry != e.Entry || l.hash != e.Hash {
				rt.Fatalf("line %q is not entry %+v: %v", e.Line, e, err)
			}
			next++
			return true
		}))
		if want := min(since+uint64(limit), max(since, 3000)); next-1 != want {
			rt.Fatalf("ended with %d, want %d", next-1, want)
		}
	})
	noError(t, r.Close())
}

// TestCheckpointsByCountAndTime: one after every thousand entries, wherever
// batches end, and one for an entry that has waited a minute, though the clock
// is set back.
func TestCheckpointsByCountAndTime(t *testing.T) {
	r := newRig(t, t.TempDir(), nil)
	r.more(t, 999)
	noError(t, r.Tick())
	r.more(t, 1002)
	if len(r.peer) != 2 || r.peer[0].Number != 1000 || r.peer[1].Number != 2000 {
		t.Fatalf("checkpoints %+v", r.peer)
	}
	r.now += CheckpointEvery - 1
	noError(t, r.Tick())
	r.now -= 1_000_000
	noError(t, r.Tick())
	if len(r.peer) != 2 {
		t.Fatalf("too early: %+v", r.peer[2:])
	}
	r.now += CheckpointEvery
	noError(t, r.Tick())
	signed := len(r.peer)
	noError(t, r.Tick())
	noError(t, r.Checkpoint())
	if signed != 3 || len(r.peer) != 3 || r.peer[2] != r.Latest() || r.Latest().Number != 2001 {
		t.Fatalf("checkpoints %+v", r.peer[2:])
	}
	noError(t, r.Close())
}

// TestRetention: by count and by age whole segments go, and what is left still
// verifies and says where it begins; a segment that cannot be deleted is tried
// again, and one that somebody else deletes is missed.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, func(o *Options) { o.RotateBytes, o.RetainSegments = 2_000, 3 })
	r.more(t, 100)
	before := len(r.segments)
	r.disk.failAt = 2 // the checkpoint is written and synced, then
	if err := r.Tick(); !errors.Is(err, errDisk) {
		t.Fatalf("tick: %v", err)
	}
	wantVerified(t, dir, r.peer, 1, 100)
	r.reopen(t)
	noError(t, r.Tick())
	if len(r.segments) != 3 || before < 5 {
		t.Fatalf("%d of %d segments left", len(r.segments), before)
	}
	r.more(t, 1)
	noError(t, r.Tick())
	wantVerified(t, dir, r.peer, r.segments[0].first, 101)

	r.o.RetainSegments, r.o.RetainAge = 0, 1000
	r.reopen(t)
	r.now += 999
	noError(t, r.Tick())
	if len(r.segments) != 3 {
		t.Fatalf("%d segments left", len(r.segments))
	}
	r.now++
	noError(t, r.Tick())
	wantVerified(t, dir, r.peer, r.segments[0].first, 101)
	if len(r.segments) != 1 {
		t.Fatalf("%d segments left", len(r.segments))
	}

	// A stolen segment is not made good by anything that the log does later.
	r.o.RetainAge = 0
	r.more(t, 50)
	start := r.segments[0].first
	noError(t, os.Remove(r.segments[0].path))
	r.reopen(t)
	r.more(t, 50)
	noError(t, r.Checkpoint())
	noError(t, r.Tick())
	wantFinding(t, dir, nil, start, start)
	noError(t, r.Close())
}

// TestGapsAndBadEntriesChangeNothing: Append refuses the whole batch, and goes
// on with the next.
func TestGapsAndBadEntriesChangeNothing(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 3)
	if err := r.Append(entries(5, 1)); !errors.Is(err, ErrGap) {
		t.Fatalf("gap: %v", err)
	}
	for name, spoil := range map[string]func(*Entry){
		"number": func(e *Entry) { e.Number = 1 << 63 },
		"time":   func(e *Entry) { e.Time = -1 },
		"actor":  func(e *Entry) { e.Actor = "" },
		"action": func(e *Entry) { e.Action = strings.Repeat("a", ActionBytesMax+1) },
		"key":    func(e *Entry) { e.Key = "\xff" },
		"result": func(e *Entry) { e.Result = "" },
	} {
		batch := entries(4, 2)
		spoil(&batch[1])
		if err := r.Append(batch); !errors.Is(err, ErrEntry) && !errors.Is(err, ErrGap) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	longest := entries(4, 1)
	longest[0].Key = strings.Repeat("\x00", KeyBytesMax)
	noError(t, r.Append(longest))
	noError(t, r.Close())
	if err := r.Append(entries(5, 1)); !errors.Is(err, ErrClosed) {
		t.Fatalf("closed: %v", err)
	}
	report, err := Verify(dir, VerifyOptions{Keys: testKeys()})
	if err != nil || report.Last != 4 {
		t.Fatalf("%+v, %v", report, err)
	}
}

// TestReadersBesideTheWriter: while entries are written and segments deleted,
// Verify and Read of the live log find no fault, and Read no gap.
func TestReadersBesideTheWriter(t *testing.T) {
	r := newRig(t, t.TempDir(), func(o *Options) { o.RotateBytes, o.RetainSegments = 5_000, 2 })
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				if _, err := r.Verify(VerifyOptions{Keys: testKeys()}); err != nil {
					t.Errorf("verify: %v", err)
				}
				last := uint64(0)
				err := r.Read(0, 1<<30, func(e Record) bool {
					if last++; last > 1 && e.Number < last {
						t.Errorf("entry %d after %d", e.Number, last-1)
					}
					last = e.Number
					return true
				})
				if err != nil {
					t.Errorf("read: %v", err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 300 {
		r.more(t, 1+i%9)
		noError(t, r.Tick())
	}
	close(done)
	readers.Wait()
	noError(t, r.Close())
}

// TestLiveLogShowsWhatIsDurable: half a line that is being written is no
// tampering for the log itself, and is one for a verifier from outside.
func TestLiveLogShowsWhatIsDurable(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 3)
	f, err := os.OpenFile(segmentIn(dir, 1).path, os.O_APPEND|os.O_WRONLY, 0)
	noError(t, err)
	_, err = f.WriteString(`{"n":4,"t"`)
	noError(t, errors.Join(err, f.Close()))
	count := 0
	visit := func(Record) bool { count++; return true }
	noError(t, r.Read(0, 9, visit))
	noError(t, Read(dir, 0, 9, visit))
	if _, err := r.Verify(VerifyOptions{Keys: testKeys()}); err != nil || count != 6 {
		t.Fatalf("%d visited, %v", count, err)
	}
	if f := wantFinding(t, dir, nil, 4, 4); f.Line != 5 {
		t.Fatal(f)
	}
	noError(t, os.Truncate(segmentIn(dir, 1).path, 500))
	if _, err := r.Verify(VerifyOptions{Keys: testKeys()}); !errors.Is(err, ErrTampered) {
		t.Fatalf("cut behind the log's back: %v", err)
	}
	noError(t, r.Close())
}

// TestSeekNeverGoesTooFar: for every entry, reading from where seek says comes
// to it.
func TestSeekNeverGoesTooFar(t *testing.T) {
	r := newRig(t, t.TempDir(), nil)
	for range 400 {
		r.more(t, 1)
		noError(t, r.Checkpoint())
	}
	f, err := os.Open(r.segments[0].path)
	noError(t, err)
	for since := range uint64(400) {
		offset, err := seek(f, r.size, since)
		noError(t, err)
		raw, err := newLineReader(io.NewSectionReader(f, offset, r.size)).next()
		noError(t, err)
		if n, ok := lineNumber(raw); ok && n > since || !ok && offset > 0 {
			t.Fatalf("after %d: %s", since, raw)
		}
	}
	noError(t, errors.Join(f.Close(), r.Close()))
}

// TestRetentionBetweenListAndView: segments are deleted just after a reader has
// asked how far the log is durable. It asks whether that was announced, begins
// again, and finds no fault.
func TestRetentionBetweenListAndView(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, func(o *Options) { o.RotateBytes, o.RetainSegments = 2_000, 2 })
	r.more(t, 20)
	asked := 0
	durable := func() position {
		p := *r.durable.Load()
		if asked++; asked == 1 {
			r.more(t, 20)
			noError(t, r.Tick())
		}
		return p
	}
	report, err := verify(dir, durable, VerifyOptions{Keys: testKeys()})
	if err != nil || report.Last != 40 || report.First == 1 || asked != 3 {
		t.Fatalf("asked %d times: %+v, %v", asked, report, err)
	}
	noError(t, r.Close())
}

// TestSegmentRemovedBesideTheWriter: a segment goes after a reader has listed it.
// If no checkpoint has announced that, it is a finding, for a live log too.
func TestSegmentRemovedBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, func(o *Options) { o.RotateBytes = 2_000 })
	r.more(t, 20)
	middle := r.segments[1]
	durable := func() position {
		_ = os.Remove(middle.path) // gone already, the second time
		return *r.durable.Load()
	}
	var f *Finding
	if _, err := verify(dir, durable, VerifyOptions{Keys: testKeys()}); !errors.As(err, &f) ||
		f.First != middle.first || f.File != middle.path {
		t.Fatalf("a removed segment passes for a deleted one: %v", err)
	}
	noError(t, r.Close())
}
