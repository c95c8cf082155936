package flight

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kvs/sim/disk"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// rig is one node without peers, and what carries out its batches.
type rig struct {
	t     testing.TB
	r     *Recorder
	node  *statemachine.Node
	disk  *disk.Disk
	state *keyspace.State
	now   statemachine.Time
	last  statemachine.RequestID
}

func options(t *testing.T) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "flight"), Bytes: 1 << 20, Node: "n", Version: "v",
		Logger: slog.New(slog.DiscardHandler)}
}

func newRig(t testing.TB, r *Recorder) *rig {
	g := &rig{t: t, r: r, disk: disk.New(), now: statemachine.Time{Wall: 1_700_000_000_000}}
	var snap keyspace.Snapshot
	g.state, snap = keyspace.Open(g.disk.Update, keyspace.Birth{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{2}},
		keyspace.MutantNone)
	cfg := statemachine.DefaultConfig()
	cfg.Name, cfg.Mint.Cluster = "n", keyspace.ClusterID{3}
	g.node = statemachine.New(cfg, snap)
	g.step(statemachine.Tick{})
	return g
}

// step makes one step, and all that follow from it.
func (g *rig) step(in statemachine.Input) {
	for _, e := range slices.Clone(g.r.Step(g.node, g.now, in)) {
		if a, ok := e.(statemachine.Apply); ok {
			g.step(statemachine.Applied{Result: g.state.Execute(g.disk.Update, a.Batch)})
		}
	}
}

// write puts so many values, each in a step of its own, a while apart.
func (g *rig) write(values ...string) {
	for _, v := range values {
		g.last++
		g.now.Mono++
		g.now.Wall++
		key := fmt.Sprint("key", g.last%100)
		g.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{
			{Request: g.last, Write: keyspace.Write{Key: key, Value: []byte(v)}},
		}})
	}
}

// flushed waits until what was recorded is written.
func (g *rig) flushed() {
	done := make(chan struct{})
	g.r.Flush(done)
	<-done
}

// recording closes the recorder and returns what there is.
func (g *rig) recording() []byte {
	g.t.Helper()
	if err := g.r.Close(); err != nil {
		g.t.Fatal(err)
	}
	in, err := g.r.Recording()
	if err != nil {
		g.t.Fatal(err)
	}
	all, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err != nil {
		g.t.Fatal(err)
	}
	return all
}

func replayed(t *testing.T, recording []byte) Result {
	t.Helper()
	got, err := Replay(bytes.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Goal: what clients have stored does not leave, nor the plain hash of it; keys do.
func TestValuesStayHere(t *testing.T) {
	g := newRig(t, Open(options(t)))
	secret := "a value that nobody else may see"
	g.write(secret, "short")
	all := g.recording()
	if got := replayed(t, all); got.Steps < 5 {
		t.Errorf("only %+v", got)
	}
	for _, value := range []string{secret, "short"} {
		hash := keyspace.HashValue([]byte(value))
		if bytes.Contains(all, []byte(value)) || bytes.Contains(all, hash[:8]) {
			t.Errorf("%q is in the recording", value)
		}
	}
	if !bytes.Contains(all, []byte("key1")) {
		t.Error("the key is not, so neither may be what was looked for")
	}
}

// Goal: the ring never takes more than it may, and what is left of it replays,
// over restarts too.
func TestRingIsBounded(t *testing.T) {
	o := options(t)
	for run := range 2 {
		g := newRig(t, Open(o))
		for i := range 3000 {
			g.write(fmt.Sprint("value", i))
			if got := g.r.disk.bytes(); got > o.Bytes {
				t.Fatalf("%d bytes, allowed are %d", got, o.Bytes)
			}
		}
		got := replayed(t, g.recording())
		if got.Segments < 2 || got.Missed != 0 || got.Steps < 500 {
			t.Errorf("run %d left %+v", run, got)
		}
		if stats := g.r.Stats(); stats.Bytes != g.r.disk.bytes() || stats.Recorded < 6000 || stats.Missed != 0 {
			t.Errorf("%+v, and %d bytes", stats, g.r.disk.bytes())
		}
	}
}

// Goal: a disk that does not keep up costs steps of the recording and holds up
// nothing; the recording says that they are missing, and goes on later.
func TestSlowDiskLosesSteps(t *testing.T) {
	r := newRecorder(options(t)) // nobody writes
	g := newRig(t, r)
	big := strings.Repeat("k", keyspace.KeyBytesMax-10)
	for i := 0; r.Stats().Missed == 0; i++ {
		g.step(statemachine.Lookup{Request: 1, Key: fmt.Sprint(big, i)})
		if i > 2*pendingMax/keyspace.KeyBytesMax {
			t.Fatal("it holds all in memory")
		}
	}
	before := r.Stats()
	go r.writeAll()
	for r.Stats().Recorded == before.Recorded {
		g.now.Mono += pause
		g.step(statemachine.Tick{})
	}
	g.write("again")
	got := replayed(t, g.recording())
	if got.Missed == 0 || got.Runs != 1 || got.Segments < 2 {
		t.Errorf("the recording has no gap: %+v", got)
	}
}

// Goal: neither does one that fails, and once it is mended the recording goes on.
func TestFailingDiskLosesSteps(t *testing.T) {
	o := options(t)
	if err := os.WriteFile(o.Dir, nil, 0o600); err != nil { // not a directory
		t.Fatal(err)
	}
	r := Open(o)
	g := newRig(t, r)
	for r.Stats().Missed == 0 {
		g.write("lost")
		g.flushed()
	}
	if err := os.Remove(o.Dir); err != nil {
		t.Fatal(err)
	}
	g.now.Mono += pause
	g.write("kept")
	got := replayed(t, g.recording())
	if got.Segments != 1 || got.Steps < 2 || got.Steps > 5 {
		t.Errorf("%+v", got)
	}
}

// Goal: a disk that is nearly full is left to the data.
func TestFullDiskIsLeftAlone(t *testing.T) {
	o, room := options(t), false
	o.Room = func() bool { return room }
	g := newRig(t, Open(o))
	g.write("lost")
	if got := g.r.Stats(); got.Recorded != 0 || got.Missed == 0 {
		t.Errorf("without room: %+v", got)
	}
	room = true
	g.now.Mono += pause
	g.write("kept")
	g.flushed()
	room = false
	g.now.Mono += blockAge
	g.write("not written any more", "lost")
	got := replayed(t, g.recording())
	if got.Segments != 1 || got.Steps != 2 {
		t.Errorf("%+v", got)
	}
}

// Goal: the input in which the core panics is the last of the recording, and the
// replay says how it ended.
func TestCrashIsRecorded(t *testing.T) {
	g := newRig(t, Open(options(t)))
	g.write("before")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		g.step(statemachine.Applied{Result: &keyspace.Applied{Batch: 99}})
	}()
	got := replayed(t, g.recording())
	if !strings.Contains(got.Crashed, "batch 99 applied out of turn") {
		t.Errorf("%+v", got)
	}
}

// Goal: of a recording that was cut off, what is left replays; one that was changed is
// refused.
func TestDamagedRecordings(t *testing.T) {
	g := newRig(t, Open(options(t)))
	g.write("one")
	g.flushed()
	g.write("two")
	all := g.recording()
	bounds := boundaries(all)
	if len(bounds) < 4 {
		t.Fatalf("blocks begin at %v only", bounds)
	}
	for n := range len(all) {
		got, err := Replay(bytes.NewReader(all[:n]))
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut off at %d: %v", n, err)
		}
		if err == nil && got.Torn == slices.Contains(bounds, n) {
			t.Fatalf("cut off at %d: %+v", n, got)
		}
		changed := bytes.Clone(all)
		changed[n] ^= 0x40
		if got, err := Replay(bytes.NewReader(changed)); err == nil && !got.Torn {
			t.Fatalf("changed at %d: %+v", n, got)
		}
	}
}

// boundaries are where blocks begin.
func boundaries(all []byte) (at []int) {
	for n := 0; n < len(all); n += blockHeadBytes + int(binary.BigEndian.Uint32(all[n:])) {
		at = append(at, n)
	}
	return at
}

// Goal: a recording of another core is refused, and says of which.
func TestOtherCoreIsRefused(t *testing.T) {
	head := `{"core":"00","version":"0.0.9"}`
	_, err := Replay(bytes.NewReader(appendBlock(nil, kindHeader, []byte(head))))
	if !errors.Is(err, ErrOtherCore) || !strings.Contains(err.Error(), "0.0.9") {
		t.Error(err)
	}
}
