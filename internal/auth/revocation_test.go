package auth

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

func idOf(n int) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Goal: a revocation is kept for as long as leeway lets its token live, and
// no longer; sweeping early changes nothing.
func TestRevocationOutlivesItsToken(t *testing.T) {
	w := newWorld(t)
	token, claims := w.mint()
	w.must(w.revoked.Add(Revocation{claims.ID, claims.Expires}))
	for _, c := range []struct {
		advance int64
		swept   int
		want    error
	}{{0, 0, ErrRevoked}, {3600, 0, ErrRevoked}, {29, 0, ErrRevoked}, {1, 1, ErrExpired}} {
		w.seconds.Add(c.advance)
		if n := w.revoked.Sweep(w.now()); n != c.swept {
			t.Errorf("after %v: %d swept", w.now().Sub(testStart()), n)
		}
		w.want(token, c.want)
	}
	if w.revoked.Len() != 0 {
		t.Error("something is left")
	}
}

// Goal: the set does not depend on the order or number of records.
func TestRevocationsMerge(t *testing.T) {
	r := NewRevocations()
	for _, exp := range []Millis{5000, 9000, 5000} {
		if err := r.Add(Revocation{idOf(1), exp}); err != nil {
			t.Fatal(err)
		}
	}
	if r.Len() != 1 || r.byID[idBytes(idOf(1))] != 9000 {
		t.Errorf("%v", r.byID)
	}
	// One that is not sound does not stop the others.
	if err := r.Add(Revocation{"x", 1}, Revocation{idOf(2), 1}); err == nil || !r.has(idOf(2), 1) {
		t.Errorf("%v", err)
	}
}

// Goal: the newest come first, and it is said if there are more.
func TestNewestRevocations(t *testing.T) {
	r := NewRevocations()
	if got, more := r.Newest(2); len(got) != 0 || more {
		t.Error(got, more)
	}
	for n := range 3 {
		if err := r.Add(Revocation{idOf(n), Millis(5000 + n)}); err != nil {
			t.Fatal(err)
		}
	}
	want := []Revocation{{idOf(2), 5002}, {idOf(1), 5001}, {idOf(0), 5000}}
	for most := range 4 {
		if got, more := r.Newest(most); !slices.Equal(got, want[:most]) || more != (most < 3) {
			t.Errorf("of %d: %v %v", most, got, more)
		}
	}
}

// Goal: past its bound the set still refuses every token that was revoked.
func TestRevocationsOverflowRefusesMore(t *testing.T) {
	r := NewRevocations()
	r.bound = 80
	base := Millis(testStart().UnixMilli())
	for n := range 1000 {
		if err := r.Add(Revocation{idOf(n), base + Millis(n*7919%1000)}); err != nil {
			t.Fatal(err)
		}
		if r.Len() > r.bound {
			t.Fatalf("%d records", r.Len())
		}
		for m := range n + 1 {
			if !r.has(idOf(m), base+Millis(m*7919%1000)) {
				t.Fatalf("after %d records, token %d is accepted", n+1, m)
			}
		}
	}
	if r.has(idOf(5000), base+2000) {
		t.Error("a token that expires after all others is refused")
	}
}

// Goal: strict records.
func TestRevocationRecord(t *testing.T) {
	good := Revocation{idOf(3), Millis(testStart().Add(time.Hour).UnixMilli())}
	if got, err := ParseRevocation([]byte(toJSON(good))); err != nil || got != good {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{`{}`, `{"jti":"x","exp":1}`, `{"jti":"` + idOf(1) + `"}`,
		`{"jti":"` + idOf(1) + `","exp":1,"exp":2}`, `{"jti":"` + idOf(1) + `","exp":1,"x":2}`} {
		if _, err := ParseRevocation([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
