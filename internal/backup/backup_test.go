package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kvs/internal/backup"
	"kvs/statemachine/keyspace"
)

// entry is a record that is valid wherever it comes from.
func entry(key string, value []byte) keyspace.Entry {
	e := keyspace.Entry{Key: key, Header: keyspace.Header{
		Ver:   keyspace.Version{TS: 5, UUID: keyspace.UUID{7}},
		Dot:   keyspace.Dot{Stream: keyspace.Stream{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{2}}, Seq: 3},
		Flags: keyspace.Salvaged,
	}}
	if value == nil {
		e.Flags |= keyspace.Tombstone
		return e
	}
	e.Value, e.ValHash = value, keyspace.HashValue(value)
	return e
}

func header() backup.Header {
	h := backup.Header{
		Cluster: keyspace.ClusterID{1}, Digest: keyspace.DigestKey{2}, Replica: keyspace.ReplicaID{3},
		Node: "alpha", Version: "1", Time: 4, Claim: keyspace.Claim{Copy: true, Stamps: 5, Lapsed: 6},
	}
	for i := range 3 {
		h.Claim.VV.Claim(keyspace.Dot{Stream: keyspace.Stream{Replica: keyspace.ReplicaID{byte(i)}, Epoch: keyspace.Epoch{1}}, Seq: 9})
	}
	h.Claim.Floor.RaiseHeads(h.Claim.VV)
	h.Claim.Base = h.Claim.VV
	return h
}

func write(t interface{ Fatal(...any) }, entries []keyspace.Entry) []byte {
	var out bytes.Buffer
	w, err := backup.NewWriter(&out, header())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sample is a backup of three frames.
func sample(t interface{ Fatal(...any) }) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	var es []keyspace.Entry
	for i := range 50 {
		value := make([]byte, 30_000)
		for k := range value {
			value[k] = byte(rng.Uint32())
		}
		if es = append(es, entry(fmt.Sprintf("key/%04d", i), value)); i%5 == 0 {
			es[i] = entry(es[i].Key, nil)
		}
	}
	return write(t, es)
}

// Goal: what is written is read again, in frames that cover all keys, each of which can be
// read by itself.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`_?[a-z/]{1,12}`), 0, 30, rapid.ID).Draw(t, "keys")
		var want []keyspace.Entry
		var count backup.Manifest
		for _, key := range slices.Sorted(slices.Values(keys)) {
			e := entry(key, nil)
			if rapid.Bool().Draw(t, "live") {
				e = entry(key, bytes.Repeat([]byte{'x'}, 1+rapid.IntRange(0, 60_000).Draw(t, "size")))
			}
			switch {
			case key[0] == '_':
				count.System++
			case e.Tombstone():
				count.Tombstones++
			default:
				count.Keys++
			}
			want = append(want, e)
		}
		text := write(t, want)
		r, err := backup.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var got []keyspace.Entry
		at, last := "", false
		err = r.Each(func(f backup.Frame) error {
			if f.After != at || last {
				t.Fatalf("a frame begins behind %q, the one before ends at %q", f.After, at)
			}
			at, last = f.To, f.Last
			got = append(got, f.Entries...)
			alone, err := backup.ParseFrame(f.Raw)
			if d := cmp.Diff(f, alone); err != nil || d != "" {
				t.Fatal(err, d)
			}
			return nil
		})
		m := r.Manifest()
		if d := cmp.Diff(want, got); err != nil || d != "" || !last {
			t.Fatal(err, last, d)
		}
		if !r.Header().Claim.VV.Equal(header().Claim.VV) || r.Header().Claim.Stamps != 5 || r.Header().Node != "alpha" {
			t.Fatalf("another header: %+v", r.Header())
		}
		if m.Keys != count.Keys || m.System != count.System || m.Tombstones != count.Tombstones {
			t.Fatalf("manifest %+v, want %+v", m, count)
		}
		short, err := backup.Summarize(bytes.NewReader(text))
		if err != nil || short.Manifest != m || short.Encrypted {
			t.Fatal(err, short, m)
		}
	})
}

// Goal (B18): no damaged file is taken for a sound one. Method: a bit of every byte near
// the two ends and of 1,000 others flipped; every length near the two ends and 1,000 others;
// bytes behind the end; two frames in the other order, and one left out.
func TestDamageIsRefused(t *testing.T) {
	text := sample(t)
	if _, m, err := backup.Verify(bytes.NewReader(text)); err != nil || m.Frames != 3 {
		t.Fatal(m, err)
	}
	refused := func(what string, damaged []byte) {
		t.Helper()
		if _, _, err := backup.Verify(bytes.NewReader(damaged)); !errors.Is(err, backup.ErrCorrupt) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	rng := rand.New(rand.NewPCG(2, 2))
	var places []int
	for i := range 400 {
		places = append(places, i, len(text)-1-i)
	}
	for range 1000 {
		places = append(places, rng.IntN(len(text)))
	}
	for _, at := range places {
		text[at] ^= 1 << (at % 8)
		refused(fmt.Sprint("flipped at ", at), text)
		text[at] ^= 1 << (at % 8)
		refused(fmt.Sprint("cut off at ", at), text[:at])
	}
	refused("more behind", append(bytes.Clone(text), 0))
	var frames [][]byte
	r, err := backup.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Each(func(f backup.Frame) error {
		frames = append(frames, f.Raw)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	swapped := bytes.Replace(text, append(bytes.Clone(frames[0]), frames[1]...), append(bytes.Clone(frames[1]), frames[0]...), 1)
	refused("swapped", swapped)
	if r, err = backup.NewReader(bytes.NewReader(swapped)); err != nil {
		t.Fatal(err)
	}
	if f, err := r.Next(); err == nil {
		t.Errorf("the frame behind %q came first", f.After)
	}
	refused("without a frame", bytes.Replace(text, frames[1], nil, 1))
}

// Goal: a file has its name only once it is whole, and a failure leaves nothing.
func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b")
	broken := errors.New("broken")
	fill := func(err error) func(func(backup.Header) (*backup.Writer, error)) error {
		return func(begin func(backup.Header) (*backup.Writer, error)) error {
			w, _ := begin(header())
			return errors.Join(w.Add(entry("a", []byte("1"))), err)
		}
	}
	if _, err := backup.Create(path, nil, fill(broken)); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Fatal("left behind", left, err)
	}
	m, err := backup.Create(path, nil, fill(nil))
	if err != nil || m.Keys != 1 {
		t.Fatal(m, err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, again, err := backup.Verify(f); err != nil || again != m {
		t.Fatal(again, err)
	}
	_, err = backup.Create(path+"2", nil, func(begin func(backup.Header) (*backup.Writer, error)) error {
		w, _ := begin(header())
		rng := rand.New(rand.NewPCG(1, 1))
		for i := range 2 * 512 << 10 / 20_000 {
			value := make([]byte, 20_000)
			for k := range value {
				value[k] = byte(rng.Uint32())
			}
			if err := w.Add(entry(fmt.Sprintf("%03d", i), value)); err != nil {
				return err
			}
		}
		drafts, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".b2.*"))
		if err != nil || len(drafts) != 1 {
			t.Fatal(drafts, err)
		}
		draft, err := os.OpenFile(drafts[0], os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = draft.WriteAt([]byte("a disk that lies"), 1000)
		return errors.Join(err, draft.Close())
	})
	if _, there := os.Stat(path + "2"); !errors.Is(err, backup.ErrCorrupt) || !os.IsNotExist(there) {
		t.Error("what the disk holds was not read again", err, there)
	}
	w, _ := backup.NewWriter(&bytes.Buffer{}, header())
	if w.Add(entry("b", nil)) != nil || w.Add(entry("a", nil)) == nil {
		t.Error("keys may descend")
	}
}

// FuzzVerify: no bytes make the reader fail otherwise than with ErrCorrupt.
func FuzzVerify(f *testing.F) {
	f.Add(write(f, []keyspace.Entry{entry("a", []byte("1")), entry("b", nil)}))
	key, id := identity(f)
	f.Add(encrypted(f, key))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := open(text, id); err != nil && !errors.Is(err, backup.ErrCorrupt) && !errors.Is(err, backup.ErrIdentity) {
			t.Fatal(err)
		}
		if _, _, err := backup.Verify(bytes.NewReader(text)); err != nil && !errors.Is(err, backup.ErrCorrupt) {
			t.Fatal(err)
		}
		if _, err := backup.Summarize(bytes.NewReader(text)); err != nil && !errors.Is(err, backup.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}

// FuzzParseFrame: a frame comes from clients. What is taken has keys in their order.
func FuzzParseFrame(f *testing.F) {
	r, err := backup.NewReader(bytes.NewReader(write(f, []keyspace.Entry{entry("a", []byte("1")), entry("b", nil)})))
	if err != nil {
		f.Fatal(err)
	}
	frame, err := r.Next()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame.Raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := backup.ParseFrame(raw)
		if err != nil {
			if !errors.Is(err, backup.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		at := got.After
		for _, e := range got.Entries {
			if e.Key <= at || !e.Valid() {
				t.Fatalf("%q after %q", e.Key, at)
			}
			at = e.Key
		}
	})
}
