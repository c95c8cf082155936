package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"

	"kvs/statemachine"
)

// allocated is what a function allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Goal: for every kind of message, bodies that are bombs are refused, and cost no
// more memory than the few bytes that they are. Method: nesting, lengths that lie
// at every depth, duplicate keys, tags and indefinite lengths.
func TestS14BombsOfEveryKind(t *testing.T) {
	deep := func(head []byte, n int, end ...byte) []byte {
		return append(bytes.Repeat(head, n), end...)
	}
	bodies := map[string][]byte{
		"arrays in arrays":      append([]byte{0xa1, 1}, deep([]byte{0x81}, 5000, 1)...),
		"maps in maps":          append([]byte{0xa1, 1}, deep([]byte{0xa1, 1}, 5000, 1)...),
		"nested unknown field":  append([]byte{0xa1, 0x19, 0x7f, 0xff}, deep([]byte{0x81}, 100, 1)...),
		"array of 2^62":         {0xa1, 1, 0x9b, 0x3f, 255, 255, 255, 255, 255, 255, 255},
		"bytes of 2^62":         {0xa1, 1, 0x5b, 0x3f, 255, 255, 255, 255, 255, 255, 255},
		"text of 2^31":          {0xa1, 1, 0x7a, 0x7f, 255, 255, 255},
		"map of 2^62":           {0xbb, 0x3f, 255, 255, 255, 255, 255, 255, 255},
		"unknown array of 2^40": {0xa1, 0x19, 0x7f, 0xff, 0x9b, 0, 0, 1, 0, 0, 0, 0, 0},
		"array of arrays 2^40":  {0xa1, 1, 0x81, 0x81, 0x9b, 0, 0, 1, 0, 0, 0, 0, 0},
		"a key twice":           {0xa2, 1, 0, 1, 0},
		"an unknown key twice":  {0xa2, 0x19, 0x7f, 0xff, 0, 0x19, 0x7f, 0xff, 0},
		"indefinite map":        {0xbf, 1, 1, 0xff},
		"indefinite bytes":      {0xa1, 1, 0x5f, 0x41, 1, 0xff},
		"bignum":                {0xa1, 1, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0},
		"something behind":      {0xa0, 0xa0},
		"cut short":             {0xa1},
		"nothing":               {},
	}
	for _, m := range golden() {
		for name, body := range bodies {
			frame := append([]byte{byte(m.Kind())}, body...)
			var err error
			if n := allocated(func() { _, err = Decode(frame) }); n > 64<<10 {
				t.Errorf("%T, %s: allocated %d bytes for %d", m, name, n, len(frame))
			}
			if !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), "panic") {
				t.Errorf("%T, %s: %v", m, name, err)
			}
		}
	}
}

// Goal: fields of a newer version are ignored, whatever well-formed thing they
// hold, so that strictness does not keep versions apart.
func TestS14UnknownFieldsAreIgnored(t *testing.T) {
	for name, field := range map[string][]byte{
		"number": {7}, "text": {0x61, 'x'}, "map": {0xa1, 1, 2}, "arrays": {0x81, 0x82, 1, 2},
	} {
		frame := append([]byte{byte(statemachine.KindPing), 0xa2, 1, 9, 0x19, 0x7f, 0xff}, field...)
		m, err := Decode(frame)
		if p, ok := m.(statemachine.Ping); err != nil || !ok || p.Seq != 9 {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

// mutate changes a few bytes of a copy, or its length.
func mutate(r *rand.Rand, frame []byte) []byte {
	out := bytes.Clone(frame)
	for range 1 + r.IntN(4) {
		switch at := r.IntN(len(out) + 1); r.IntN(5) {
		case 0:
			out = out[:at]
		case 1:
			out = append(out[:at:at], append([]byte{byte(r.Uint32())}, out[at:]...)...)
		case 2:
			n := min(at+r.IntN(8), len(out))
			out = append(out[:at:at], out[n:]...)
		default:
			if at < len(out) {
				out[at] ^= 1 << r.IntN(8)
			}
		}
	}
	return out
}

// Goal: 100,000 mutated streams of frames: no panic, and no more memory than what
// arrives is worth. Method: as a connection reads them: cut into frames, expanded,
// decoded, until the first that is malformed.
func TestS14MutatedFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 100_000))
	var seeds [][]byte
	for _, m := range golden() {
		seeds = append(seeds, framesOf(t, m, statemachine.Ack{}))
	}
	zipped := bytes.NewBuffer(framesOf(t, statemachine.Get{Key: strings.Repeat("key", 300)}))
	compressFrame(zipped, 0, nil)
	seeds = append(seeds, zipped.Bytes())
	taken, most := 0, uint64(0)
	for i := range 100_000 {
		stream := mutate(r, seeds[i%len(seeds)])
		var err error
		read := func() { err = readAll(stream, &taken) }
		if i%100 != 0 {
			read()
		} else if n := allocated(read); n > most {
			most = n
		}
		if strings.Contains(err.Error(), "panic") {
			t.Fatalf("%x: %v", stream, err)
		}
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%x: an error of no kind: %v", stream, err)
		}
	}
	t.Logf("%d frames were taken, at most %d bytes allocated for a stream", taken, most)
	if taken < 10_000 || most > 4<<20 {
		t.Errorf("%d frames were taken, %d bytes allocated for one stream", taken, most)
	}
}

// readAll reads a stream as conn.read does, and counts the messages.
func readAll(stream []byte, taken *int) error {
	f := newFrameReader(bytes.NewReader(stream))
	for {
		frame, err := f.next()
		if err != nil {
			return err
		}
		if frame, _, err = expandFrame(frame, nil); err != nil {
			return err
		}
		switch _, err = Decode(frame); {
		case err == nil:
			*taken++
		case !errors.Is(err, ErrUnknownKind):
			return err
		}
	}
}

// tap is a socket that keeps a copy of what it receives.
type tap struct {
	net.PacketConn
	seen chan []byte
}

func (p *tap) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.PacketConn.ReadFrom(b)
	if err == nil {
		select {
		case p.seen <- bytes.Clone(b[:n]):
		default:
		}
	}
	return n, from, err
}

// Goal: 100,000 mutated datagrams of a real conversation neither end a node nor
// the connections that it has. Method: datagrams of a handshake and of traffic,
// recorded at their receiver, changed and sent to it again.
func TestS14MutatedDatagrams(t *testing.T) {
	seen := make(chan []byte, 64)
	a := open(t, setup{id: 1, socket: func(c net.PacketConn) net.PacketConn { return &tap{c, seen} }})
	b := open(t, setup{id: 2})
	connect(b, a)
	checkTraffic(t, []*node{a, b})
	var seeds [][]byte
	for len(seen) > 0 {
		seeds = append(seeds, <-seen)
	}
	if len(seeds) < 4 {
		t.Fatalf("only %d datagrams were recorded", len(seeds))
	}
	out, err := net.Dial("udp", a.Addr().String())
	must(t, err)
	defer out.Close()
	r := rand.New(rand.NewPCG(14, 2))
	for i := range 100_000 {
		_, _ = out.Write(mutate(r, seeds[i%len(seeds)]))
	}
	for _, n := range []*node{a, b} {
		n.Send(map[bool]*node{true: b, false: a}[n == a].id, statemachine.ClassPush, statemachine.Ack{})
	}
	for _, n := range []*node{a, b} {
		n.wait("traffic", func() bool { return len(n.received(statemachine.KindAck)) == 2 })
		if n.ups != 1 {
			t.Errorf("node %s: %d PeerUps", n.id, n.ups)
		}
	}
	open := open(t, setup{id: 3})
	connect(open, a)
}

// FuzzFrames: whatever a peer writes to a stream, reading it ends with an error
// of a known kind, and never in a panic.
func FuzzFrames(f *testing.F) {
	for _, m := range golden() {
		f.Add(framesOf(f, m))
	}
	zipped := bytes.NewBuffer(framesOf(f, statemachine.Get{Key: strings.Repeat("key", 300)}))
	compressFrame(zipped, 0, nil)
	f.Add(zipped.Bytes())
	f.Add(binary.BigEndian.AppendUint32(nil, 1<<31))
	f.Fuzz(func(t *testing.T, stream []byte) {
		taken := 0
		err := readAll(stream, &taken)
		if strings.Contains(err.Error(), "panic") || !errors.Is(err, ErrMalformed) &&
			!errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	})
}
