package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"kvs/internal/backup"
	"kvs/statemachine/keyspace"
)

// replica is a model of one: its records, and what it claims.
type replica struct {
	records map[string]keyspace.Entry
	vv      keyspace.VV
	seq     keyspace.Seq
	time    int64
}

// store writes a record, nil for a tombstone.
func (r *replica) store(key string, value []byte) {
	r.seq++
	e := entry(key, value)
	e.Dot.Seq, e.Ver.TS = r.seq, keyspace.Millis(r.seq)
	r.records[key] = e
	r.vv.Add(e.Dot)
}

// live are its records in the order of their keys.
func (r *replica) live() (out []keyspace.Entry) {
	for _, key := range slices.Sorted(maps.Keys(r.records)) {
		out = append(out, r.records[key])
	}
	return out
}

// backUp makes a file of it in a directory, on a base if there is one.
func (r *replica) backUp(t fataler, dir string, base *backup.Header, to ...age.Recipient) (path string, h backup.Header) {
	t.Helper()
	r.time++
	h = backup.Header{Node: "alpha", Replica: keyspace.ReplicaID{9}, Time: r.time, Claim: keyspace.Claim{Copy: true, VV: r.vv.Clone()}}
	h.Claim.Base = h.Claim.VV
	if base != nil && !h.BuildOn(*base) {
		t.Fatal("does not build on", base)
	}
	path = filepath.Join(dir, h.ID()+backup.Suffix)
	_, err := backup.Create(path, to, func(begin func(backup.Header) (*backup.Writer, error)) error {
		w, err := begin(h)
		for _, e := range r.live() {
			err = errors.Join(err, w.Add(e))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return path, h
}

// scramble changes some keys: writes, deletes, and purges of tombstones.
func (r *replica) scramble(rng *rand.Rand, n int) {
	for range n {
		key := fmt.Sprintf("%s/%02d", []string{"_s", "a", "b"}[rng.IntN(3)], rng.IntN(20))
		switch old, there := r.records[key]; {
		case there && old.Tombstone() && rng.IntN(2) == 0:
			delete(r.records, key)
		case rng.IntN(3) == 0:
			r.store(key, nil)
		default:
			r.store(key, bytes.Repeat([]byte{byte(rng.IntN(256))}, 1+rng.IntN(1000)))
		}
	}
}

// contents are the records of a chain, down from a file.
func contents(path string, ids ...age.Identity) (out []keyspace.Entry, h backup.Header, err error) {
	chain, err := backup.Follow(backup.FileLink(path), backup.Beside(filepath.Dir(path)), ids)
	if err != nil {
		return nil, h, err
	}
	in, err := chain.Open()
	if err != nil {
		return nil, h, err
	}
	defer in.Close()
	r, err := backup.NewReader(in)
	if err != nil {
		return nil, h, err
	}
	err = r.Each(func(f backup.Frame) error {
		out = append(out, f.Entries...)
		return nil
	})
	return out, r.Header(), err
}

// Goal: each link of a chain reads like a full backup of its time: same records, with the
// claim of the newest. Method: random writes, deletes and purges between random links, some
// encrypted, some under other names.
func TestChainIsAFullBackup(t *testing.T) {
	key, id := identity(t)
	to, err := backup.ParseRecipients([]string{key})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := &replica{records: map[string]keyspace.Entry{}}
		if rng.IntN(10) == 0 { // several frames
			for i := range 3 {
				r.store(fmt.Sprint("a/large-", i), bytes.Repeat([]byte{1}, 400_000))
			}
		}
		dir := t.TempDir()
		var base *backup.Header
		for link := range 1 + rng.IntN(4) {
			r.scramble(rng, 1+rng.IntN(40))
			path, h := r.backUp(t, dir, base, to[:rng.IntN(2)]...)
			if rng.IntN(2) == 0 {
				other := filepath.Join(dir, fmt.Sprint("renamed-", link))
				if err := os.Rename(path, other); err != nil {
					t.Fatal(err)
				}
				path = other
			}
			got, head, err := contents(path, id)
			if d := cmp.Diff(r.live(), got); err != nil || d != "" {
				t.Fatalf("seed %d, link %d: %v %s", seed, link, err, d)
			}
			if head.Base != nil || !head.Claim.VV.Equal(r.vv) || head.Time != r.time {
				t.Fatalf("seed %d, link %d: header %+v", seed, link, head)
			}
			base = &h
		}
	}
}

// Goal: a base is known by what its file says, also if another file has its name.
func TestBaseIsFoundBesideADecoy(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	r := &replica{records: map[string]keyspace.Entry{}}
	dir := t.TempDir()
	r.scramble(rng, 20)
	decoy, full := r.backUp(t, dir, nil)
	r.scramble(rng, 20)
	base, h := r.backUp(t, dir, &full)
	r.scramble(rng, 20)
	path, _ := r.backUp(t, dir, &h)
	data, err := os.ReadFile(decoy)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Rename(base, filepath.Join(dir, "z-monday")), os.WriteFile(base, data, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := contents(path); err != nil || cmp.Diff(r.live(), got) != "" {
		t.Error(err)
	}
}

// Goal: what has not changed takes next to nothing.
func TestIncrementalIsSmall(t *testing.T) {
	r := &replica{records: map[string]keyspace.Entry{}}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 2000 {
		value := make([]byte, 1000)
		for k := range value {
			value[k] = byte(rng.Uint32())
		}
		r.store(fmt.Sprintf("key/%05d", i), value)
	}
	dir := t.TempDir()
	full, h := r.backUp(t, dir, nil)
	r.store("key/00007", []byte("new"))
	next, _ := r.backUp(t, dir, &h)
	a, b := size(t, full), size(t, next)
	if b*50 > a {
		t.Errorf("%d bytes on %d", b, a)
	}
	f, err := os.Open(next)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s, err := backup.Summarize(f); err != nil || s.Keys != 1 || s.Kept != 1999 || s.Base == nil || s.Base.ID != h.ID() {
		t.Errorf("%+v %v", s.Manifest, err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// chain is three links in a directory, newest last.
func chain(t *testing.T) (dir string, paths []string) {
	t.Helper()
	dir = t.TempDir()
	r := &replica{records: map[string]keyspace.Entry{}}
	rng := rand.New(rand.NewPCG(3, 3))
	var base *backup.Header
	for range 3 {
		r.scramble(rng, 30)
		path, h := r.backUp(t, dir, base)
		paths, base = append(paths, path), &h
	}
	if _, _, err := contents(paths[2]); err != nil {
		t.Fatal(err)
	}
	return dir, paths
}

// Goal: a chain with a link that is damaged, cut off, missing or another one is refused
// whole, and the error names the file. Method: each link in turn, at many places.
func TestDamagedChainIsRefused(t *testing.T) {
	_, paths := chain(t)
	rng := rand.New(rand.NewPCG(4, 4))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(what string, damaged []byte) {
			t.Helper()
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := contents(paths[2])
			if !errors.Is(err, backup.ErrCorrupt) && !errors.Is(err, backup.ErrNoBase) || i < 2 && !strings.Contains(err.Error(), filepath.Base(path)) {
				t.Fatalf("link %d %s: %v", i, what, err)
			}
		}
		for range 30 {
			at := rng.IntN(len(text))
			flipped := bytes.Clone(text)
			flipped[at] ^= 1 << (at % 8)
			refused(fmt.Sprint("flipped at ", at), flipped)
			refused(fmt.Sprint("cut off at ", at), text[:at])
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range paths[:2] {
		away := path + ".away"
		text, err := os.ReadFile(path)
		if err := errors.Join(err, os.Remove(path)); err != nil {
			t.Fatal(err)
		}
		id := strings.TrimSuffix(filepath.Base(path), backup.Suffix)
		if _, _, err := contents(paths[2]); !errors.Is(err, backup.ErrNoBase) || !strings.Contains(err.Error(), id) {
			t.Errorf("without link %d: %v", i, err)
		}
		_, others := chain(t)
		other, err := os.ReadFile(others[1-i])
		if err := errors.Join(err, os.WriteFile(path, other, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := contents(paths[2]); !errors.Is(err, backup.ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("another in the place of link %d: %v", i, err)
		}
		if err := errors.Join(os.Remove(path), os.WriteFile(away, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := contents(paths[2]); err != nil {
		t.Error("found by what they say of themselves, all are there again:", err)
	}
}

// Goal: a backup builds only on an earlier one of the same replica, all of whose claim it
// has; and a file that builds on another one is not taken for a full one.
func TestBuildOn(t *testing.T) {
	base := header()
	h := header()
	h.Time++
	if now := h; !now.BuildOn(base) || now.Base == nil || *now.Base != base.Link() {
		t.Fatal("an earlier copy is no base")
	}
	for what, change := range map[string]func(*backup.Header){
		"another replica":   func(b *backup.Header) { b.Replica[0]++ },
		"another cluster":   func(b *backup.Header) { b.Cluster[0]++ },
		"another node":      func(b *backup.Header) { b.Node += "2" },
		"the same time":     func(b *backup.Header) { b.Time = h.Time },
		"one without claim": func(b *backup.Header) { b.Claim = keyspace.Claim{} },
		"one with a larger claim": func(b *backup.Header) {
			b.Claim.VV = b.Claim.VV.Clone()
			b.Claim.VV.Claim(keyspace.Dot{Stream: keyspace.Stream{Epoch: keyspace.Epoch{7}}, Seq: 1})
		},
	} {
		b := base
		change(&b)
		if now := h; now.BuildOn(b) || now.Base != nil {
			t.Errorf("built on %s", what)
		}
	}
	_, paths := chain(t)
	f, err := os.Open(paths[2])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := backup.NewReader(f)
	if err != nil || r.Header().Base == nil {
		t.Fatal(err)
	}
	refused := 0
	for {
		frame, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.ParseFrame(frame.Raw); errors.Is(err, backup.ErrCorrupt) {
			refused++
		}
	}
	if refused == 0 {
		t.Error("frames without their base were taken")
	}
}
