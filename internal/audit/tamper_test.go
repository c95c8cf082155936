package audit

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// wantFinding verifies a directory and wants a finding that overlaps with the
// entries from first to last.
func wantFinding(t *testing.T, dir string, peer []Checkpoint, first, last uint64) *Finding {
	t.Helper()
	_, err := Verify(dir, VerifyOptions{Keys: testKeys(), Checkpoints: peer})
	var f *Finding
	if !errors.As(err, &f) || !errors.Is(err, ErrTampered) {
		t.Fatalf("not found between entries %d and %d: %v", first, last, err)
	}
	if f.First > f.Last || f.Last < first || f.First > last {
		t.Fatalf("wanted between entries %d and %d, found %v", first, last, f)
	}
	return f
}

// victim is a log in memory, of which one copy after the other is changed.
type victim struct {
	rnd   *rand.Rand
	files [][][]byte // the lines of each segment, with their newlines
	names []string
}

func newVictim(t *testing.T, dir string, rnd *rand.Rand) *victim {
	v := &victim{rnd: rnd}
	list, err := segments(dir)
	noError(t, err)
	for _, s := range list {
		b, err := os.ReadFile(s.path)
		noError(t, err)
		v.files = append(v.files, bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")))
		last := v.files[len(v.files)-1]
		last[len(last)-1] = append(last[len(last)-1], '\n')
		v.names = append(v.names, filepath.Base(s.path))
	}
	return v
}

func (v *victim) clone() *victim {
	c := &victim{rnd: v.rnd, names: slices.Clone(v.names)}
	for _, lines := range v.files {
		c.files = append(c.files, slices.Clone(lines))
	}
	return c
}

func (v *victim) write(t *testing.T, dir string) {
	t.Helper()
	noError(t, os.RemoveAll(dir))
	noError(t, os.Mkdir(dir, 0o700))
	for i, lines := range v.files {
		noError(t, os.WriteFile(filepath.Join(dir, v.names[i]), bytes.Join(lines, nil), 0o600))
	}
}

// place draws a line, and says which number it is about: that of the entry, or
// of the one before a checkpoint or a header.
func (v *victim) place() (file, at int, number uint64) {
	file = v.rnd.IntN(len(v.files))
	at = v.rnd.IntN(len(v.files[file]))
	return file, at, v.number(file, at)
}

func (v *victim) number(file, at int) uint64 {
	l, err := parseLine(bytes.TrimSuffix(v.files[file][at], []byte("\n")))
	if err != nil {
		panic(err)
	}
	switch l.kind {
	case kindHeader:
		return l.header.first
	case kindCheckpoint:
		return l.checkpoint.Number
	}
	return l.entry.Number
}

// entry draws a line that is an entry.
func (v *victim) entry() (file, at int, number uint64) {
	for {
		file, at, number = v.place()
		if bytes.HasPrefix(v.files[file][at], []byte(entryStart)) {
			return file, at, number
		}
	}
}

// rechain makes all hashes from a line on fit, as somebody without the key can.
func (v *victim) rechain(file, at int, change func(*line)) {
	var tip Hash
	isFirst := true
	for ; file < len(v.files); file, at = file+1, 0 {
		for ; at < len(v.files[file]); at++ {
			l, err := parseLine(bytes.TrimSuffix(v.files[file][at], []byte("\n")))
			if err != nil {
				panic(err)
			}
			if isFirst {
				change(&l)
			} else {
				l.prev = tip
			}
			isFirst = false
			v.files[file][at] = appendLine(nil, &l)
			tip = l.hash
		}
	}
}

// tampering changes a log, and says among which entries.
type tampering struct {
	name   string
	change func(v *victim) (first, last uint64)
}

func tamperings() []tampering {
	return slices.Concat(edits(), moves(), wholes(), cuts())
}

// edits change what lines say.
func edits() []tampering {
	return []tampering{
		{"flip a bit", func(v *victim) (uint64, uint64) {
			file, at, n := v.place()
			raw := slices.Clone(v.files[file][at])
			raw[v.rnd.IntN(len(raw))] ^= 1 << v.rnd.IntN(8)
			v.files[file][at] = raw
			return n, n + 1
		}},
		{"edit an entry and its hash", func(v *victim) (uint64, uint64) {
			file, at, n := v.entry()
			l, _ := parseLine(bytes.TrimSuffix(v.files[file][at], []byte("\n")))
			l.entry.Actor = "somebody else"
			v.files[file][at] = appendLine(nil, &l)
			return n, n + 1
		}},
		{"edit an entry and all hashes after it", func(v *victim) (uint64, uint64) {
			file, at, n := v.entry()
			v.rechain(file, at, func(l *line) { l.entry.Result = "forbidden" })
			return n, n
		}},
		{"the same without any checkpoint", func(v *victim) (uint64, uint64) {
			file, at, n := v.entry()
			for i := file; i < len(v.files); i++ {
				v.files[i] = slices.DeleteFunc(v.files[i], func(raw []byte) bool {
					return bytes.HasPrefix(raw, []byte(checkpointStart)) && v.numberOf(raw) >= n
				})
			}
			v.rechain(file, at, func(l *line) { l.entry.Result = "forbidden" })
			return n, n
		}},
	}
}

// moves take lines out, put them in, and bring them into another order.
func moves() []tampering {
	return []tampering{
		{"take out a line", func(v *victim) (uint64, uint64) {
			file, at, n := v.place()
			v.files[file] = slices.Delete(v.files[file], at, at+1)
			return n, n + 1
		}},
		{"a line twice", func(v *victim) (uint64, uint64) {
			file, at, n := v.place()
			v.files[file] = slices.Insert(v.files[file], at, v.files[file][at])
			return n, n + 1
		}},
		{"a line in another place", func(v *victim) (uint64, uint64) {
			file, at, _ := v.place()
			raw := v.files[file][at]
			to, before, n := v.place()
			v.files[to] = slices.Insert(v.files[to], before, raw)
			return n - min(n, 1), n + 1
		}},
		{"swap two lines", func(v *victim) (uint64, uint64) {
			file := v.rnd.IntN(len(v.files))
			i := v.rnd.IntN(len(v.files[file]) - 1)
			j := i + 1 + v.rnd.IntN(len(v.files[file])-1-i)
			n := v.number(file, i)
			v.files[file][i], v.files[file][j] = v.files[file][j], v.files[file][i]
			return n, n + 1
		}},
	}
}

// wholes do that to segments.
func wholes() []tampering {
	return []tampering{
		{"exchange two segments", func(v *victim) (uint64, uint64) {
			i := v.rnd.IntN(len(v.files) - 1)
			j := i + 1 + v.rnd.IntN(len(v.files)-1-i)
			n := v.number(i, 0)
			v.files[i], v.files[j] = v.files[j], v.files[i]
			return n, n
		}},
		{"a segment twice", func(v *victim) (uint64, uint64) {
			i := v.rnd.IntN(len(v.files) - 1)
			n := v.number(i+1, 0)
			v.files[i+1] = v.files[i]
			return n, n
		}},
		{"take out a segment", func(v *victim) (uint64, uint64) {
			i := v.rnd.IntN(len(v.files))
			n := v.number(i, 0)
			v.files, v.names = slices.Delete(v.files, i, i+1), slices.Delete(v.names, i, i+1)
			return n, n
		}},
	}
}

// cuts take away the end or the beginning of something.
func cuts() []tampering {
	return []tampering{
		{"cut off the end of the log", func(v *victim) (uint64, uint64) {
			file, at, n := v.place()
			v.files, v.names = v.files[:file+1], v.names[:file+1]
			v.files[file] = v.files[file][:at]
			return n, n + 1
		}},
		{"cut off the end of a segment", func(v *victim) (uint64, uint64) {
			file, at, n := v.place()
			v.files[file] = v.files[file][:at]
			return n, n + 1
		}},
		{"cut a file in the middle of a line", func(v *victim) (uint64, uint64) {
			file, at, n := v.place()
			raw := v.files[file][at]
			v.files[file] = append(v.files[file][:at:at], raw[:1+v.rnd.IntN(len(raw)-1)])
			return n, n + 1
		}},
		{"cut off the beginning of a segment", func(v *victim) (uint64, uint64) {
			file := v.rnd.IntN(len(v.files))
			n := v.number(file, 0)
			v.files[file] = v.files[file][1+v.rnd.IntN(len(v.files[file])-1):]
			return n, n
		}},
	}
}

func (v *victim) numberOf(raw []byte) uint64 {
	n, _ := lineNumber(raw)
	return n
}

// TestS17TamperLog (S17): of a thousand random changes of a log whose newest
// checkpoint a peer has, every one is found, at the entry that was changed.
func TestS17TamperLog(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, func(o *Options) { o.RotateBytes = 12_000 })
	for range 30 {
		r.more(t, 6)
		r.now += 20_000
	}
	noError(t, r.Checkpoint())
	peer := []Checkpoint{r.Latest()}
	noError(t, r.Close())
	wantVerified(t, dir, peer, 1, 180)

	seed := rand.Uint64()
	original := newVictim(t, dir, rand.New(rand.NewPCG(seed, 0)))
	to := filepath.Join(t.TempDir(), "log")
	all := tamperings()
	for i := range 1005 {
		change := all[i%len(all)]
		v := original.clone()
		first, last := change.change(v)
		v.write(t, to)
		if !t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
			wantFinding(t, to, peer, first, last)
		}) {
			t.Fatalf("%s, seed %d", change.name, seed)
		}
	}
}

// TestForgedCheckpoints: a checkpoint of a key that is not known, of another
// replica, or with a signature that is not right, is found, also if it is given.
func TestForgedCheckpoints(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 10)
	noError(t, r.Checkpoint())
	good := r.Latest()
	noError(t, r.Close())
	wantVerified(t, dir, []Checkpoint{good, good}, 1, 10)

	for name, spoil := range map[string]func(*Checkpoint){
		"signature": func(k *Checkpoint) { k.Signature[5]++ },
		"kid":       func(k *Checkpoint) { k.Kid = "x" },
		"head":      func(k *Checkpoint) { k.Head[0]++ },
		"time":      func(k *Checkpoint) { k.Time++ },
		"first":     func(k *Checkpoint) { k.First++ },
		"number":    func(k *Checkpoint) { k.Number++ },
		"replica":   func(k *Checkpoint) { k.Replica[0]++ },
	} {
		bad := good
		spoil(&bad)
		t.Run(name, func(t *testing.T) { wantFinding(t, dir, []Checkpoint{bad}, 10, 11) })
	}
	if _, err := Verify(dir, VerifyOptions{}); !errors.Is(err, ErrTampered) {
		t.Fatalf("without keys: %v", err)
	}
	if _, err := Verify(dir, VerifyOptions{SkipSignatures: true}); err != nil {
		t.Fatalf("without signatures: %v", err)
	}
	if _, err := Verify(dir, VerifyOptions{Keys: testKeys(), Replica: ReplicaID{8}}); err == nil {
		t.Fatalf("another replica's log was accepted")
	}
	if _, err := Verify(t.TempDir(), VerifyOptions{Keys: testKeys()}); !errors.Is(err, ErrNoLog) {
		t.Fatalf("an empty directory: %v", err)
	}
	wantFinding(t, t.TempDir(), []Checkpoint{good}, 1, 10)
}

// TestMissingCheckpointIsFound: more than a thousand entries without a
// checkpoint are a log from which it was taken, whatever its hashes say.
func TestMissingCheckpointIsFound(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 1001)
	noError(t, r.Close())
	v := newVictim(t, dir, nil)
	v.files[0] = slices.Delete(v.files[0], 1001, 1002)
	v.rechain(0, 0, func(*line) {})
	v.write(t, dir)
	if f := wantFinding(t, dir, nil, 1001, 1001); f.Line != 1002 {
		t.Fatal(f)
	}
}

// TestForgedTailKeepsTheRules: entries behind the newest checkpoint, which no
// peer has either, can be forged. What then shows is only what breaks a rule of
// the chain that no hash can mend.
func TestForgedTailKeepsTheRules(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, func(o *Options) { o.RotateBytes = 3_000 })
	for r.chain.last < 30 {
		r.more(t, 1)
	}
	noError(t, r.Close())
	original := newVictim(t, dir, nil)
	last := len(original.files) - 1
	begin := original.number(last, 0)
	keep := func(*line) {}
	for name, change := range map[string]func(v *victim){
		"entry taken out": func(v *victim) {
			v.files[last] = slices.Delete(v.files[last], 2, 3)
			v.rechain(last, 2, func(l *line) { l.prev, _ = v.hashes(last, 1) })
		},
		"entry twice": func(v *victim) {
			v.files[last] = slices.Insert(v.files[last], 2, v.files[last][2])
			v.rechain(last, 2, keep)
		},
		"header follows from nothing": func(v *victim) {
			v.rechain(last, 0, func(l *line) { l.prev[0]++ })
		},
		"other replica": func(v *victim) {
			v.rechain(last, 0, func(l *line) { l.header.replica[0]++ })
		},
		"checkpoint at the end taken out": func(v *victim) {
			before := v.files[last-1]
			v.files[last-1] = before[:len(before)-1]
			v.rechain(last, 0, func(l *line) { l.prev, _ = v.hashes(last-1, len(before)-2) })
		},
		"segment before taken out": func(v *victim) {
			v.files = slices.Delete(v.files, last-1, last)
			v.names = slices.Delete(v.names, last-1, last)
			v.rechain(last-1, 0, func(l *line) {
				l.prev, _ = v.hashes(last-2, len(v.files[last-2])-1)
			})
		},
		"nothing left of it": func(v *victim) { v.files[last] = nil },
		"header left out":    func(v *victim) { v.files[last] = v.files[last][1:] },
	} {
		t.Run(name, func(t *testing.T) {
			v, to := original.clone(), t.TempDir()
			change(v)
			v.write(t, to)
			f := wantFinding(t, to, nil, original.number(last-1, 0), begin+2)
			t.Log(f)
		})
	}
}

// hashes are those of a line: its own, and that of the one before.
func (v *victim) hashes(file, at int) (own, prev Hash) {
	l, err := parseLine(bytes.TrimSuffix(v.files[file][at], []byte("\n")))
	if err != nil {
		panic(err)
	}
	return l.hash, l.prev
}

// TestNewestCheckpointCutOff: with no entry missing, the checkpoint that a peer
// has shows that the log's own was there.
func TestNewestCheckpointCutOff(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 5)
	noError(t, r.Checkpoint())
	noError(t, r.Close())
	v := newVictim(t, dir, nil)
	v.files[0] = v.files[0][:6]
	v.write(t, dir)
	wantVerified(t, dir, nil, 1, 5)
	wantFinding(t, dir, r.peer, 5, 5)
}
