package keyspace

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// single is a Reader of one record.
type single struct {
	Reader
	key, value []byte
}

func (s single) Get(key []byte) []byte {
	if bytes.Equal(key, s.key) {
		return s.value
	}
	return nil
}

// TestHeaderRoundTrip: decoding inverts encoding, leaves the value behind it,
// and refuses what is too short or of another format.
func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.Make[Header]().Draw(t, "header")
		b := appendHeader(nil, &h)
		if len(b) != headerBytes {
			t.Fatalf("%d bytes, want %d", len(b), headerBytes)
		}
		back, rest, ok := decodeHeader(append(b, "value"...))
		if !ok || back != h || string(rest) != "value" {
			t.Fatalf("%v came back as %v with %q", h, back, rest)
		}
		if _, _, ok := decodeHeader(b[:rapid.IntRange(0, headerBytes-1).Draw(t, "cut")]); ok {
			t.Fatalf("a cut header was accepted")
		}
		b[0]++
		if _, _, ok := decodeHeader(b); ok {
			t.Fatalf("another format was accepted")
		}
	})
}

// TestIdentityRoundTrip: all of an identity is stored but the random half of
// its boot, which the next start draws anew.
func TestIdentityRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Make[Identity]().Draw(t, "identity")
		back := loadIdentity(single{key: keyIdentity, value: id.encode()})
		id.Boot.Random = [8]byte{}
		if back != id {
			t.Fatalf("%v came back as %v", id, back)
		}
	})
	if got := loadIdentity(single{}); got != (Identity{}) {
		t.Errorf("an empty store is %v", got)
	}
}

// TestMemberRoundTrip: decoding inverts encoding, with any strings.
func TestMemberRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.Make[Member]().Draw(t, "member")
		m.Standing %= Evicted + 1
		if back := decodeMember(m.encode()); back != m {
			t.Fatalf("%v came back as %v", m, back)
		}
	})
	long := Member{Name: strings.Repeat("n", 255), Addr: strings.Repeat("a", 255)}
	if back := decodeMember(long.encode()); back != long {
		t.Errorf("%v came back as %v", long, back)
	}
}

// TestMalformedSystemRecordsStopTheStart: bytes that this code cannot have
// written panic rather than pass for something else.
func TestMalformedSystemRecordsStopTheStart(t *testing.T) {
	good := Identity{Boot: Boot{Count: 1}}.encode()
	for name, fn := range map[string]func(){
		"a cut identity": func() { loadIdentity(single{key: keyIdentity, value: good[:20]}) },
		"an identity of new format": func() {
			loadIdentity(single{key: keyIdentity, value: append([]byte{2}, good[1:]...)})
		},
		"a cut member":             func() { decodeMember(Member{}.encode()[:20]) },
		"a name beyond the record": func() { decodeMember(append(Member{}.encode()[:50], 9)) },
		"a member of new format":   func() { decodeMember(append([]byte{3}, Member{}.encode()[1:]...)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			fn()
		}()
	}
}

// TestStoredKeysSortAsTheyShould: the order of the stored keys is the order of
// what they name, so that a walk of an index is a walk in that order.
func TestStoredKeysSortAsTheyShould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Make[Dot]().Draw(t, "a"), rapid.Make[Dot]().Draw(t, "b")
		if got := bytes.Compare(dotKey(a), dotKey(b)); got != a.Compare(b) {
			t.Fatalf("%v against %v: %d", a, b, got)
		}
		if dotOf(dotKey(a)) != a {
			t.Fatalf("%v came back as %v", a, dotOf(dotKey(a)))
		}
		p := rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(t, "prefix")
		p[0] = classHash
		k := append(bytes.Clone(p), rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "tail")...)
		end := prefixEnd(p)
		if bytes.Compare(k, end) >= 0 || bytes.HasPrefix(end, p) {
			t.Fatalf("%x does not end %x", end, p)
		}
	})
}
