package httpapi

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"kvs/internal/auth"
)

// Goal: what is left is counted to the nanosecond. Method: virtual time, against a
// bucket of tokens kept the simple way.
func TestQuotaAgainstABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, window = 10, time.Minute
		q := newQuotas(limit, window)
		c := q.user("u")
		credit, random := window, rand.New(rand.NewPCG(1, 1)) // credit: tokens as time
		for range 20_000 {
			pause := time.Duration(random.Int64N(int64(12 * time.Second)))
			if random.IntN(3) > 0 {
				pause = 0
			}
			<-time.After(pause)
			credit = min(credit+pause, window)
			served := credit >= window/limit
			if served {
				credit -= window / limit
			}
			got := q.take(c)
			if got != q.look(c) && served {
				t.Fatalf("took %+v, then there is %+v", got, q.look(c))
			}
			want := quota{
				refused: !served, remaining: int64(credit / (window / limit)), reset: window - credit,
				retry: max(window/limit-credit, 0),
			}
			if got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
		}
	})
}

// Goal: users, addresses and networks are who they are. An IPv6 site counts as one.
func TestWhoIsCounted(t *testing.T) {
	q := newQuotas(1, time.Minute)
	a := func(s string) client { return q.address(netip.MustParseAddr(s)) }
	if a("2001:db8::1") != a("2001:db8::ffff:1:2:3") || a("2001:db8::1") == a("2001:db8:0:1::1") {
		t.Error("IPv6 is not counted by /64")
	}
	if a("192.0.2.1") == a("192.0.2.2") || a("192.0.2.1") != a("192.0.2.1") {
		t.Error("IPv4 is not counted by address")
	}
	b := netip.MustParseAddr("192.0.2.1").As16()
	if q.user(auth.UserID(b[:])) == a("192.0.2.1") {
		t.Error("a user may have the name of an address")
	}
}

// TestS19MillionAddresses: 10^6 made up addresses cost no more memory than none, a
// client that has used up its quota stays refused, and one that has not is served.
func TestS19MillionAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		q := newQuotas(100, time.Minute)
		greedy, good := q.user("greedy"), q.user("good")
		for range 100 {
			q.take(greedy)
		}
		var b [16]byte
		refused := 0
		for i := range 1_000_000 { // in no time at all: none of their quotas gets whole
			binary.BigEndian.PutUint64(b[:], uint64(i))
			c := q.address(netip.AddrFrom16(b))
			for range 1 + i%3 {
				if q.take(c).refused {
					t.Fatal("a stranger was refused its first requests")
				}
			}
			if i%100_000 == 0 {
				if q.take(good).refused {
					t.Fatal("a good client was refused")
				}
			}
			if i%1000 == 0 && q.take(greedy).refused {
				refused++
			}
		}
		if refused != 1000 {
			t.Errorf("who had no quota left was refused %d times of 1000", refused)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if size := unsafe.Sizeof(*q); size > 8<<20 || after.HeapAlloc > before.HeapAlloc+50<<20 {
			t.Errorf("a table of %d bytes, heap %d after %d", size, after.HeapAlloc, before.HeapAlloc)
		}
		runtime.KeepAlive(q)
	})
}

// Goal: a full bucket forgets who owes least.
func TestFullBucketForgetsTheLightest(t *testing.T) {
	var b [quotaWays]quotaSlot
	for i := range b {
		b[i] = quotaSlot{client: client(i + 1), full: int64(100 + i)}
	}
	b[5].full = 50
	if s := find(&b, 99, 10); s != &b[5] {
		t.Errorf("took the place of %+v", *s)
	}
	if s := find(&b, 3, 10); s != &b[2] {
		t.Errorf("did not find its own place, but %+v", *s)
	}
}

func BenchmarkQuota(b *testing.B) {
	q := newQuotas(1_000_000_000, time.Minute)
	a := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		q.take(q.address(a))
	}
}
