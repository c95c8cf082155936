package transport

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"kvs/statemachine"
)

// manyRecords is a chunk of a delta: n records of about 200 bytes of JSON.
func manyRecords(n int) statemachine.Delta {
	d := statemachine.Delta{Session: 1, Done: true}
	for i := range n {
		id := sha256.Sum256([]byte(fmt.Sprint(i)))
		value := fmt.Sprintf(`{"id":%d,"name":"user %d","email":"user%d@example.org","token":"%x",`+
			`"active":%v,"score":%d,"note":"created by the importer, not seen since"}`,
			i, i, i, id[:16], i%3 == 0, i*7919%1000)
		e := testEntry(1, fmt.Sprintf("users/%08d", i), []byte(value))
		d.Entries = append(d.Entries, e)
	}
	return d
}

// zipped is the message as a box with compression sends it, without its length.
func zipped(tb rapid.TB, m statemachine.Message) []byte {
	tb.Helper()
	box := outbox{zips: true}
	box.batch.WriteString("before")
	if err := box.add(m); err != nil {
		tb.Fatalf("add: %v", err)
	}
	r := newFrameReader(bytes.NewReader(box.batch.Bytes()[len("before"):]))
	frame, err := r.next()
	if err != nil || r.r.Buffered() > 0 {
		tb.Fatalf("the frame's length is wrong: %v", err)
	}
	return frame
}

// Goal: every message survives the way through a compressed frame, which is
// never larger than the plain one.
func TestCompressedRoundTripOfEveryKind(t *testing.T) {
	for kind := statemachine.KindHello; kind <= statemachine.KindItems; kind++ {
		rapid.Check(t, func(t *rapid.T) {
			m := genMessage(t, kind)
			plain, err := Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			frame := zipped(t, m)
			inner, _, err := expandFrame(frame, nil)
			if err != nil || !bytes.Equal(inner, plain) || len(frame) > len(plain) {
				t.Fatalf("%d bytes became %d, and %d again: %v", len(plain), len(frame), len(inner), err)
			}
		})
	}
}

// Goal: a chunk of small records shrinks to less than half; a small frame, and
// one that does not get smaller, is left alone.
func TestCompressesWherePays(t *testing.T) {
	plain, err := Encode(manyRecords(512))
	must(t, err)
	frame := zipped(t, manyRecords(512))
	if statemachine.Kind(frame[0]) != kindCompressed || 2*len(frame) > len(plain) {
		t.Errorf("%d bytes became %d", len(plain), len(frame))
	}
	var noise []byte
	for sum := sha256.Sum256(nil); len(noise) < 10_000; sum = sha256.Sum256(sum[:]) {
		noise = append(noise, sum[:]...)
	}
	for _, m := range []statemachine.Message{
		manyRecords(1), statemachine.Push{Entries: []statemachine.Entry{testEntry(1, "k", noise)}},
	} {
		if frame := zipped(t, m); statemachine.Kind(frame[0]) != m.Kind() {
			t.Errorf("%T was compressed to %d bytes", m, len(frame))
		}
	}
}

// Goal: compressed frames that were ever sent are understood for ever. Method:
// one stored frame; it decodes to the message, whatever a newer compressor makes.
func TestGoldenCompressedFrame(t *testing.T) {
	path := filepath.Join("testdata", "golden", fmt.Sprintf("%02d-zstd-1.hex", kindCompressed))
	if _, err := os.Stat(path); *create && errors.Is(err, os.ErrNotExist) {
		must(t, os.WriteFile(path, []byte(hex.EncodeToString(zipped(t, manyRecords(8)))+"\n"), 0o644))
	}
	text, err := os.ReadFile(path)
	must(t, err)
	frame, err := hex.DecodeString(strings.TrimSpace(string(text)))
	must(t, err)
	inner, _, err := expandFrame(frame, nil)
	must(t, err)
	got, err := Decode(inner)
	must(t, err)
	checkEqual(t, got, manyRecords(8))
}

// Goal: what no peer of ours sends costs a connection and no memory: garbage, a
// frame that grows beyond the bound, nothing, and one inside another.
func TestMalformedCompressedFrames(t *testing.T) {
	w, err := zstd.NewWriter(nil)
	must(t, err)
	defer w.Close()
	kind := []byte{byte(kindCompressed)}
	for name, frame := range map[string][]byte{
		"garbage":       append(kind, "no zstd"...),
		"no body":       kind,
		"nothing":       w.EncodeAll(nil, bytes.Clone(kind)),
		"beyond bounds": w.EncodeAll(make([]byte, statemachine.FrameBytesMax+1), bytes.Clone(kind)),
		"a bomb":        w.EncodeAll(make([]byte, 64<<20), bytes.Clone(kind)),
		"nested":        w.EncodeAll(zipped(t, manyRecords(512)), bytes.Clone(kind)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := expandFrame(frame, nil); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 16<<20 {
			t.Errorf("%s: %d bytes allocated", name, allocated)
		}
	}
}

// Goal: two nodes compress bulk between them, and nothing else; the message
// arrives as it was.
func TestBulkTravelsCompressed(t *testing.T) {
	t.Parallel()
	a, b := open(t, setup{id: 1}), open(t, setup{id: 2})
	connect(a, b)
	m := manyRecords(400)
	plain, err := Encode(m)
	must(t, err)
	a.Send(b.id, statemachine.ClassBulk, m)
	a.Send(b.id, statemachine.ClassPush, statemachine.Push{Entries: m.Entries})
	b.wait("both", func() bool {
		return len(b.received(statemachine.KindDelta))+len(b.received(statemachine.KindPush)) == 2
	})
	checkEqual(t, b.received(statemachine.KindDelta)[0], m)
	s := b.Stats()
	if got := s.ReceivedBytes[statemachine.ClassBulk]; got > uint64(len(plain)/2) {
		t.Errorf("bulk took %d bytes of %d", got, len(plain))
	}
	if got := s.ReceivedBytes[statemachine.ClassPush]; got < uint64(len(plain)*9/10) {
		t.Errorf("a push took %d bytes of %d", got, len(plain))
	}
}

// Goal: a peer whose Hello does not say that it reads compressed frames gets
// none.
func TestOldPeersGetPlainFrames(t *testing.T) {
	for _, features := range []statemachine.Features{0, ^statemachine.FeatureZstd} {
		c := &conn{hello: statemachine.Hello{Features: features}}
		if c.unzips() {
			t.Errorf("features %b allow compression", features)
		}
	}
}

// BenchmarkCompress measures a chunk of 512 records of 200 bytes of JSON.
func BenchmarkCompress(b *testing.B) {
	plain, err := Encode(manyRecords(512))
	must(b, err)
	for _, zips := range []bool{false, true} {
		b.Run(fmt.Sprintf("zips=%v", zips), func(b *testing.B) {
			box, m := outbox{zips: zips}, manyRecords(512)
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				box.reset()
				must(b, box.add(m))
			}
			b.ReportMetric(float64(box.batch.Len()), "bytes")
		})
	}
}
