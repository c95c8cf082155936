package keyspace_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// wantCanonical decodes bytes: whatever is accepted must be the one encoding of
// what it says.
func wantCanonical(t failer, b []byte) {
	t.Helper()
	var vv keyspace.VV
	if vv.UnmarshalBinary(b) != nil {
		return
	}
	again, err := vv.MarshalBinary()
	if err != nil || !bytes.Equal(b, again) {
		t.Fatalf("%x decodes to %v, which encodes to %x (%v)", b, vv, again, err)
	}
}

// TestVectorSurvivesTheWire: decoding inverts encoding, and damaged or cut
// encodings are refused or are the one encoding of another vector.
func TestVectorSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vv, model := genVV(t, "vv")
		b, err := vv.MarshalBinary()
		if err != nil {
			t.Fatalf("%v: %v", vv, err)
		}
		var back keyspace.VV
		if err := back.UnmarshalBinary(b); err != nil || !back.Equal(vv) {
			t.Fatalf("%v came back as %v (%v)", vv, back, err)
		}
		wantSet(t, back, model)
		for i := range b {
			wantCanonical(t, b[:i])
		}
		for range 20 {
			if len(b) > 0 {
				bad := bytes.Clone(b)
				bad[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
				wantCanonical(t, bad)
			}
		}
	})
}

// body encodes one stream of a vector from plain numbers: head, number of
// ranges, distances.
func body(stream byte, numbers ...uint64) []byte {
	b := make([]byte, 24)
	b[0] = stream
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// TestForeignVectorsAreRefused: one example of every way to be malformed.
func TestForeignVectorsAreRefused(t *testing.T) {
	many := []uint64{1, keyspace.RangesMax + 1}
	for range keyspace.RangesMax + 1 {
		many = append(many, 2, 0)
	}
	var crowd []byte
	for i := range keyspace.StreamsMax + 1 {
		s := body(0, 1, 0)
		binary.BigEndian.PutUint16(s, uint16(i+1))
		crowd = append(crowd, s...)
	}
	const top = 1<<48 - 1
	for name, b := range map[string][]byte{
		"a stream cut short":        body(1, 1, 0)[:20],
		"no head":                   body(1),
		"no count":                  body(1, 1),
		"a missing range":           body(1, 1, 1),
		"half a range":              body(1, 1, 1, 2),
		"an empty set":              body(1, 0, 0),
		"streams out of order":      append(body(2, 1, 0), body(1, 1, 0)...),
		"a stream twice":            append(body(1, 1, 0), body(1, 2, 0)...),
		"a range that touches":      body(1, 5, 1, 1, 0),
		"a range that overlaps":     body(1, 5, 1, 0, 0),
		"a head beyond the numbers": body(1, top+1, 0),
		"a gap beyond the numbers":  body(1, 1, 1, top, 0),
		"a range beyond the end":    body(1, 1, 1, 2, top),
		"an overflowing range":      body(1, 1, 1, 2, 1<<64-1),
		"too many ranges":           body(1, many...),
		"too many streams":          crowd,
		"a number in long form":     append(body(1), 0x81, 0x00, 0x00),
		"a number without end":      append(body(1), bytes.Repeat([]byte{0xff}, 11)...),
	} {
		var vv keyspace.VV
		if err := vv.UnmarshalBinary(b); err == nil {
			t.Errorf("%s was accepted as %v", name, vv)
		}
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "the greatest head": body(1, top, 0), "as many ranges as may be": body(1, append(
			[]uint64{1, keyspace.RangesMax}, many[2:2+2*keyspace.RangesMax]...)...),
		"as many streams as may be": crowd[:len(crowd)-26],
	} {
		var vv keyspace.VV
		if err := vv.UnmarshalBinary(b); err != nil {
			t.Errorf("%s was refused", name)
		}
		wantCanonical(t, b)
	}
}

// FuzzVectorDecode: no bytes make the decoder panic, and what it accepts is
// canonical.
func FuzzVectorDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(body(1, 1, 0))
	f.Add(append(body(1, 0, 2, 2, 3, 2, 0), body(2, 7, 0)...))
	f.Fuzz(func(t *testing.T, b []byte) { wantCanonical(t, b) })
}
