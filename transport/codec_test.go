package transport

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

var create = flag.Bool("create", false, "write golden frames that are missing; never changes one")

func checkEqual(tb rapid.TB, got, want statemachine.Message) {
	tb.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		tb.Fatalf("want -, got +:\n%s", d)
	}
}

// golden is one message a kind, with every field set.
func golden() []statemachine.Message {
	var vv keyspace.VV
	for _, seq := range []keyspace.Seq{1, 2, 3, 7, 8, 300} {
		vv.Add(keyspace.Dot{Stream: keyspace.Stream{Replica: replica(1)}, Seq: seq})
	}
	dot := keyspace.Dot{Stream: keyspace.Stream{
		Replica: replica(2), Epoch: keyspace.Epoch{1, 2, 3, 4, 5, 6, 7, 8},
	}, Seq: 9}
	boot := keyspace.Boot{Count: 3, Random: [8]byte{9, 8, 7}}
	member := statemachine.Member{
		Replica: replica(1), Name: "node-1", Addr: "127.0.0.1:7001", Joined: 1_700_000_000_000,
		Boot: boot, Incarnation: 4, Heartbeat: 5,
	}
	entry := entryAt(dot, "users/1", []byte("value"))
	entry.Expires, entry.Base = 1_800_000_000_000, testEntry(1, "k", nil).Ver
	entries := []statemachine.Entry{entry, testEntry(1, "gone", nil)}
	return []statemachine.Message{
		statemachine.Hello{
			ProtocolMin: 1, ProtocolMax: 2, Cluster: keyspace.ClusterID{1, 2},
			Replica: replica(1), Boot: boot, Member: member,
		},
		statemachine.Welcome{Cluster: keyspace.ClusterID{1, 2}, Digest: keyspace.DigestKey{3, 4}},
		statemachine.Table{Members: []statemachine.Member{member, {Replica: replica(2)}}},
		statemachine.Digest{VV: vv, Sum: keyspace.Sum{Hi: 1 << 63, Lo: 5}, Wall: 1_700_000_000_001},
		statemachine.Push{Entries: entries},
		statemachine.Ack{Have: vv},
		statemachine.Need{Session: 1 << 60, Not: vv, After: dot},
		statemachine.Delta{Session: 2, After: dot, Entries: entries, Last: dot, Done: true, VV: vv},
		statemachine.Compare{Round: 3, Level: 2, Nodes: []statemachine.TreeNode{{Index: 4095, Sum: 6}}},
		statemachine.LeafList{
			Round: 4, Leaves: []keyspace.Leaf{0, keyspace.LeafCount - 1},
			Items: []statemachine.LeafItem{{Key: 1 << 63, Digest: 7}},
		},
		statemachine.Items{Round: 5, Entries: entries, Want: []keyspace.KeyHash{1, 1 << 40}},
		statemachine.Reports{
			Have: []statemachine.ReportID{{Replica: replica(1), Boot: boot, N: 8}},
			Reports: []statemachine.Report{{Replica: replica(2), Boot: boot, N: 9, VV: vv,
				Roster: []statemachine.RosterLine{{Replica: replica(1), Boot: boot, Joined: 10, Standing: keyspace.Left}}}},
		},
		statemachine.Refuse{Replica: replica(1), Boot: boot, Reason: statemachine.RefusedFenced},
		statemachine.AskRetired{Hash: 1 << 63, From: 5},
		statemachine.RetiredList{Hash: 1 << 63, From: 5, Done: true,
			Streams: []keyspace.RetiredStream{{Stream: dot.Stream, Head: 6}}},
		statemachine.Open{Session: 6},
		statemachine.Opened{Session: 6, Pin: 1 << 63, VV: vv, Floor: vv},
		statemachine.Fetch{Session: 7, Pin: 11, Phase: keyspace.PhaseRest, Cutoff: 12, After: "a/b"},
		statemachine.Chunk{
			Session: 7, Entries: entries, To: "a/c", Done: true, VV: vv, Stamps: 13, Voids: vv,
		},
		statemachine.Ping{Seq: 6, Origin: replica(1), Suspect: true, Incarnation: 4},
		statemachine.PingAck{Seq: 6, Origin: replica(1), Target: replica(2), Wall: 1_700_000_000_001},
		statemachine.PingReq{Seq: 6, Target: replica(2)},
		statemachine.Suspicion{Replica: replica(1), Boot: boot, Incarnation: 4, By: replica(2)},
		statemachine.Graft{}, statemachine.Prune{},
		statemachine.Get{Session: 8, Key: "users/1"},
		statemachine.Got{Session: 8, Entries: entries[:1], Refused: statemachine.RefusedSyncing},
	}
}

func goldenPath(m statemachine.Message) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", m), "statemachine.")
	return filepath.Join("testdata", "golden",
		fmt.Sprintf("%02d-%s-1.hex", m.Kind(), strings.ToLower(name)))
}

func readGolden(tb testing.TB, m statemachine.Message) []byte {
	tb.Helper()
	text, err := os.ReadFile(goldenPath(m))
	must(tb, err)
	frame, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	must(tb, err)
	return frame
}

// Goal: bytes that were ever sent are understood for ever. Method: one stored
// frame a kind; it decodes to the message above, which encodes to it.
func TestGoldenFrames(t *testing.T) {
	for _, m := range golden() {
		frame, err := Encode(m)
		must(t, err)
		if _, err := os.Stat(goldenPath(m)); *create && errors.Is(err, os.ErrNotExist) {
			must(t, os.MkdirAll(filepath.Dir(goldenPath(m)), 0o755))
			must(t, os.WriteFile(goldenPath(m), []byte(hex.EncodeToString(frame)+"\n"), 0o644))
		}
		want := readGolden(t, m)
		if !bytes.Equal(frame, want) {
			t.Errorf("%v encodes to %x, want %x", m, frame, want)
		}
		got, err := Decode(want)
		must(t, err)
		checkEqual(t, got, m)
	}
}

// Goal: every message survives the way through its frame, and one message has
// one encoding.
func TestRoundTripOfEveryKind(t *testing.T) {
	for _, m := range golden() {
		kind := m.Kind()
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := genMessage(t, kind)
				frame, err := Encode(m)
				if err != nil {
					t.Fatal(err)
				}
				got, err := Decode(frame)
				if err != nil {
					t.Fatal(err)
				}
				checkEqual(t, got, m)
				again, err := Encode(m)
				if err != nil || !bytes.Equal(frame, again) {
					t.Fatalf("a second encoding differs: %v", err)
				}
			})
		})
	}
}

// Goal: a frame of a newer version, with fields and kinds that we do not know,
// is understood as far as it goes, and missing fields are zero.
func TestNewerAndOlderPeersAreUnderstood(t *testing.T) {
	for _, m := range golden() {
		frame, err := Encode(m)
		must(t, err)
		var fields map[uint64]cbor.RawMessage
		must(t, cbor.Unmarshal(frame[1:], &fields))
		fields[99] = cbor.RawMessage{0x82, 0x01, 0xa1, 0x61, 'x', 0xf5} // [1, {"x": true}]
		body, err := cbor.Marshal(fields)
		must(t, err)
		got, err := Decode(append([]byte{byte(m.Kind())}, body...))
		must(t, err)
		checkEqual(t, got, m)

		empty, err := Decode([]byte{byte(m.Kind()), 0xa0})
		must(t, err)
		again, err := Encode(empty)
		must(t, err)
		if _, err := Decode(again); err != nil {
			t.Errorf("zero %v: %v", empty, err)
		}
	}
	for _, kind := range []byte{0, 199, 200, 255} {
		if _, err := Decode([]byte{kind, 0xa0}); !errors.Is(err, ErrUnknownKind) {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
}

// Goal: what is beyond the bounds is malformed at the receiver, and refused at
// the sender where the sender can tell.
func TestBoundsHoldOnBothEnds(t *testing.T) {
	long := strings.Repeat("x", 256)
	bad := testEntry(1, "k", []byte("v"))
	bad.Value = []byte("w")
	cases := map[string]struct {
		m        statemachine.Message
		sendable bool
	}{
		"name":      {statemachine.Hello{Member: statemachine.Member{Name: long}}, false},
		"address":   {statemachine.Table{Members: []statemachine.Member{{Addr: long}}}, false},
		"not UTF-8": {statemachine.Table{Members: []statemachine.Member{{Name: "\xff"}}}, false},
		"joined":    {statemachine.Table{Members: []statemachine.Member{{Joined: -1}}}, false},
		"members":   {statemachine.Table{Members: make([]statemachine.Member, 4097)}, false},
		"pushed":    {statemachine.Push{Entries: make([]statemachine.Entry, 1025)}, false},
		"entry":     {statemachine.Push{Entries: []statemachine.Entry{bad}}, true},
		"delta":     {statemachine.Delta{Entries: []statemachine.Entry{bad}}, true},
		"items":     {statemachine.Items{Entries: []statemachine.Entry{{}}}, true},
		"key":       {statemachine.Get{Key: strings.Repeat("k", keyspace.KeyBytesMax+1)}, false},
		"got":       {statemachine.Got{Entries: make([]statemachine.Entry, 2)}, false},
		"got entry": {statemachine.Got{Entries: []statemachine.Entry{bad}}, true},
		"want":      {statemachine.Items{Want: make([]keyspace.KeyHash, itemsMax+1)}, false},
		"level":     {statemachine.Compare{Level: 4}, false},
		"below":     {statemachine.Compare{Level: -1}, false},
		"nodes":     {statemachine.Compare{Level: 3, Nodes: make([]statemachine.TreeNode, 4097)}, false},
		"index":     {statemachine.Compare{Level: 1, Nodes: []statemachine.TreeNode{{Index: 64}}}, false},
		"leaf":      {statemachine.LeafList{Leaves: []keyspace.Leaf{keyspace.LeafCount}}, false},
		"listed":    {statemachine.LeafList{Items: make([]statemachine.LeafItem, itemsMax+1)}, false},
	}
	for name, c := range cases {
		_, err := Encode(c.m)
		if (err == nil) != c.sendable {
			t.Errorf("%s: encode: %v", name, err)
		}
		body, err := encodeRaw(c.m)
		must(t, err)
		if _, err := Decode(body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: decode: %v", name, err)
		}
	}
}

// encodeRaw encodes without a check.
func encodeRaw(m statemachine.Message) ([]byte, error) {
	b := bytes.NewBuffer([]byte{byte(m.Kind())})
	err := encoder.MarshalToBuffer(m, b)
	return b.Bytes(), err
}

// Goal: hostile bytes are refused, and allocate in proportion to what arrived.
func TestHostileFramesAreRefusedCheaply(t *testing.T) {
	const push = byte(statemachine.KindPush)
	nested := append([]byte{push, 0xa1, 0x18, 99}, bytes.Repeat([]byte{0x81}, 2000)...)
	wide := append([]byte{push, 0xa1, 0x01, 0x99, 0x40, 0x00}, bytes.Repeat([]byte{0xa0}, 16<<10)...)
	cases := map[string]struct {
		frame []byte
		bytes uint64
	}{
		"empty":          {nil, 1 << 12},
		"array of 2^63":  {[]byte{push, 0xa1, 1, 0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255}, 1 << 16},
		"bytes of 2^62":  {[]byte{6, 0xa1, 1, 0x5b, 0x3f, 255, 255, 255, 255, 255, 255, 255}, 1 << 16},
		"nested":         {nested, 1 << 16},
		"empty entries":  {wide, 16 << 20},
		"duplicate keys": {[]byte{7, 0xa2, 1, 1, 1, 2}, 1 << 16},
		"indefinite map": {[]byte{7, 0xbf, 1, 1, 0xff}, 1 << 16},
		"tag":            {[]byte{7, 0xa1, 1, 0xc2, 0x41, 1}, 1 << 16},
		"trailing":       {[]byte{7, 0xa1, 1, 1, 0}, 1 << 16},
		"array":          {[]byte{7, 0x81, 1}, 1 << 16},
		"too long":       {make([]byte, statemachine.FrameBytesMax+1), 1 << 12},
		"bad vector":     {[]byte{6, 0xa1, 1, 0x41, 7}, 1 << 16},
	}
	for name, c := range cases {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(c.frame)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > c.bytes {
			t.Errorf("%s: allocated %d bytes", name, n)
		}
	}
}

// Goal: a length that lies allocates no more than what arrives.
func TestLyingLengthAllocatesLittle(t *testing.T) {
	stream := append([]byte{0, 0x10, 0, 0}, make([]byte, 1000)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := newFrameReader(bytes.NewReader(stream)).next()
	runtime.ReadMemStats(&after)
	if err == nil || after.TotalAlloc-before.TotalAlloc > 128<<10 {
		t.Errorf("%v, %d bytes", err, after.TotalAlloc-before.TotalAlloc)
	}
}

// FuzzDecode: whatever the bytes, Decode does not panic, and what it accepts
// encodes and decodes to itself.
func FuzzDecode(f *testing.F) {
	for _, m := range golden() {
		f.Add(readGolden(f, m))
	}
	f.Add([]byte{7, 0xbf, 1, 1, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := Decode(frame)
		switch {
		case err == nil:
		case strings.Contains(err.Error(), "panic"):
			t.Fatal(err)
		case errors.Is(err, ErrMalformed), errors.Is(err, ErrUnknownKind):
			return
		default:
			t.Fatalf("an error of no kind: %v", err)
		}
		again, err := Encode(m)
		if errors.Is(err, ErrMalformed) {
			return // the canonical form may exceed the frame where the given one did not
		}
		must(t, err)
		back, err := Decode(again)
		must(t, err)
		checkEqual(t, back, m)
	})
}
