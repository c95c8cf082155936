package storage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// document is a JSON text of about so many bytes, like those that people store.
func document(r *rand.Rand, size int) []byte {
	b := []byte(`{"items":[`)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, `{"id":%d,"name":"sensor-%04d","celsius":%d.%d,"at":%d,"ok":%t},`,
			i, r.IntN(10_000), r.IntN(40), r.IntN(10), 1_790_000_000_000+r.Int64N(1e9), r.IntN(9) > 0)
	}
	return append(b, `null]}`...)
}

func noise(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestCompressedValuesComeBack: whatever the size and kind of a value, what is read is
// what was written, by look-up and scan, at every level, and by a store that does not
// compress.
func TestCompressedValuesComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	want := map[string][]byte{}
	for _, level := range []int{1, 3, 6, 10, 19} {
		e := engineAt(t, dir, level)
		for i := range 24 {
			key := fmt.Sprintf("d%02d/%02d", level, i)
			size := r.IntN(5000)
			switch i % 24 {
			case 0:
				size = partBytesMax - 20 + r.IntN(40)
			case 1:
				size = 2*partBytesMax - envelopeBytes - 100
			}
			value := document(r, size)
			if i%3 == 0 {
				value = noise(r, size+1)
			}
			want[key] = value[:min(len(value), 2*partBytesMax-envelopeBytes)]
			e.update(func(tx keyspace.Tx) {
				tx.Set([]byte(key), bytes.Clone(want[key]))
				if got := tx.Get([]byte(key)); !bytes.Equal(got, want[key]) {
					t.Errorf("%s: the transaction that wrote it reads something else", key)
				}
			})
		}
		wantAll(t, e, want)
		if err := e.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantAll(t, engineOn(t, dir), want)
}

func wantAll(t *testing.T, e *engine, want map[string][]byte) {
	t.Helper()
	e.view(func(r keyspace.Reader) {
		for key, value := range want {
			if !bytes.Equal(r.Get([]byte(key)), value) {
				t.Errorf("get of %s differs", key)
			}
		}
		seen := 0
		for key, value := range r.Ascend([]byte("d"), []byte("e")) {
			if seen++; !bytes.Equal(value, want[string(key)]) {
				t.Errorf("scan over %s differs", key)
			}
		}
		if seen != len(want) {
			t.Errorf("a scan shows %d records, want %d", seen, len(want))
		}
	})
}

// TestCompressionSavesWhereItPays: documents get smaller, and small values and noise are
// stored as they are.
func TestCompressionSavesWhereItPays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	e := engineAt(t, t.TempDir(), 3)
	for _, c := range []struct {
		what   string
		value  []byte
		format byte
	}{
		{"a document", document(r, 2000), formatSmall},
		{"a small document", document(r, compressBytesMin/2), formatWhole},
		{"noise", noise(r, 2000), formatWhole},
		{"a large document", document(r, partBytesMax+1000), formatSmall},
		{"large noise", noise(r, partBytesMax+1000), formatSplit},
		{"the largest document after large noise", document(r, 2*partBytesMax-200), formatSmall},
	} {
		key := []byte("da")
		e.update(func(tx keyspace.Tx) { tx.Set(bytes.Clone(key), bytes.Clone(c.value)) })
		stored := rawGet(t, e, key)
		if stored[0] != c.format {
			t.Errorf("%s of %d bytes has format %d, want %d", c.what, len(c.value), stored[0], c.format)
		}
		if c.format == formatSmall && len(stored) > len(c.value)/2 {
			t.Errorf("%s of %d bytes takes %d", c.what, len(c.value), len(stored))
		}
	}
	if seconds := countSeconds(t, e); seconds != 0 {
		t.Errorf("%d second parts are left", seconds)
	}
	e.update(func(tx keyspace.Tx) { tx.Set([]byte("sx"), document(r, 2000)) })
	if stored := rawGet(t, e, []byte("sx")); stored[0] != formatWhole {
		t.Error("a system record is compressed")
	}
}

// TestDamageOfCompressedIsNoticed: any flipped bit of a compressed value is noticed, and
// so is a sum that fits bytes which cannot be expanded.
func TestDamageOfCompressedIsNoticed(t *testing.T) {
	e := engineAt(t, t.TempDir(), 3)
	r := rand.New(rand.NewPCG(1, 4))
	key := []byte("da")
	put := func() {
		e.update(func(tx keyspace.Tx) { tx.Set(bytes.Clone(key), document(r, 600+r.IntN(2000))) })
	}
	for range 200 {
		put()
		corrupt(t, e, key, func(stored []byte) []byte {
			if stored[0] != formatSmall {
				t.Fatal("the value is not compressed")
			}
			stored[r.IntN(len(stored))] ^= 1 << r.IntN(8)
			return stored
		})
		wantDamaged(t, e, key)
	}
	put()
	corrupt(t, e, key, func(stored []byte) []byte {
		seal(stored, formatSmall, key, noise(r, len(stored)-envelopeBytes))
		return stored
	})
	wantDamaged(t, e, key)
}

// TestMixedCompressionHasOneRoot: stores that differ in the setting hold equal data.
func TestMixedCompressionHasOneRoot(t *testing.T) {
	roots := map[[32]byte]bool{}
	for _, level := range []int{0, 1, 19} {
		rig := openRigAt(t, t.TempDir(), 1, level)
		r := rand.New(rand.NewPCG(1, 5))
		b := &keyspace.Batch{Now: 1000}
		for i := range 50 {
			b.Writes = append(b.Writes, keyspace.Write{Key: fmt.Sprintf("k%02d", i), Value: document(r, r.IntN(3000))})
		}
		rig.apply(b)
		root, live, err := rig.Digest()
		if err != nil || live != 50 {
			t.Fatal(live, err)
		}
		roots[root] = true
	}
	if len(roots) != 1 {
		t.Errorf("%d roots of the same data", len(roots))
	}
}

// BenchmarkCompress measures what a value of a size costs to make smaller and to read,
// beside what is saved.
func BenchmarkCompress(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 6))
	for _, level := range []int{1, 3, 6, 10} {
		for _, size := range []int{256, 512, 1024, 4096, 65536} {
			c := newCompressor(level)
			value := document(r, size)
			small := bytes.Clone(c.encoder.EncodeAll(value, nil))
			b.Run(fmt.Sprintf("level=%d/write=%d", level, size), func(b *testing.B) {
				for b.Loop() {
					c.scratch = c.encoder.EncodeAll(value, c.scratch[:0])
				}
				b.ReportMetric(float64(len(small))/float64(len(value)), "of-size")
			})
			b.Run(fmt.Sprintf("level=%d/read=%d", level, size), func(b *testing.B) {
				var scratch []byte
				for b.Loop() {
					scratch, _ = expand(nil, small, scratch)
				}
			})
		}
	}
}

// BenchmarkApplyDocuments measures batches of 64 documents of 1 KiB.
func BenchmarkApplyDocuments(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 7))
	value := document(r, 1024)
	for _, level := range []int{0, 3} {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			rig := openRigAt(b, b.TempDir(), 1, level)
			for i := 0; b.Loop(); i++ {
				batch := benchBatch(i, 64)
				for j := range batch.Writes {
					batch.Writes[j].Value = value
				}
				rig.Perform(statemachine.Apply{Batch: batch})
				<-rig.answers
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*64), "µs/write")
		})
	}
}
