package auth

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"
	"testing"
	"time"
)

// cached says whether the cache alone would accept a token now.
func (w *world) cached(token string) bool {
	_, ok := w.v.cache.get(w.v.cache.hash([]byte(token)), []byte(token), w.v.stamp(), Millis(w.now().UnixMilli()))
	return ok
}

// Goal: whatever ends a token ends a cached one as well, at once.
func TestCachedTokenEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(w *world, c Claims)
		want error
	}{
		"nothing":         {func(*world, Claims) {}, nil},
		"revoked":         {func(w *world, c Claims) { w.must(w.revoked.Add(Revocation{c.ID, c.Expires})) }, ErrRevoked},
		"another revoked": {func(w *world, c Claims) { w.must(w.revoked.Add(Revocation{testKey(3).kid, c.Expires})) }, nil},
		"key removed":     {func(w *world, c Claims) { w.keys.Remove(c.Kid) }, ErrUnknownKey},
		"replica forgotten": {func(w *world, _ Claims) { w.keys.RemoveReplica(testReplica) },
			ErrUnknownKey},
		"keys replaced": {func(w *world, _ Claims) {
			w.must(w.keys.Replace([]PublicKey{testKey(2).Public(testReplica, w.now())}))
		}, ErrUnknownKey},
		"key revoked": {func(w *world, _ Claims) {
			k := w.key.Public(testReplica, w.now())
			k.Revoked = true
			w.must(w.keys.Put(k))
		}, ErrUnknownKey},
		"key added": {func(w *world, _ Claims) {
			w.must(w.keys.Put(testKey(2).Public(testReplica, w.now())))
		}, nil},
		"nearly expired": {func(w *world, _ Claims) { w.seconds.Add(3600 + 29) }, nil},
		"expired":        {func(w *world, _ Claims) { w.seconds.Add(3600 + 30) }, ErrExpired},
		"clock set back": {func(w *world, _ Claims) { w.seconds.Add(-31) }, ErrNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token, claims := w.mint()
			w.want(token, nil)
			if !w.cached(token) {
				t.Fatal("not cached")
			}
			c.end(w, claims)
			w.want(token, c.want)
			if w.cached(token) != (c.want == nil) {
				t.Error("the cache does not agree")
			}
		})
	}
}

// Goal: a token that was cached while its key was good ends with the key.
func TestCachedTokenEndsWithItsKey(t *testing.T) {
	w := newWorld(t)
	k := w.key.Public(testReplica, w.now())
	k.NotAfter = k.Created + 60_000
	w.must(w.keys.Put(k))
	token, _ := w.mint()
	w.want(token, nil)
	w.seconds.Add(59)
	w.want(token, nil)
	w.seconds.Add(1)
	w.want(token, ErrUnknownKey)
}

// Goal: what is refused leaves no trace in the cache.
func TestRefusalsAreNotCached(t *testing.T) {
	w := newWorld(t)
	bad := forge(testKey(2), goodHeader(testKey(2)), with())
	w.want(bad, ErrUnknownKey)
	for i := range w.v.cache.buckets {
		for j := range w.v.cache.buckets[i] {
			if w.v.cache.buckets[i][j].Load() != nil {
				t.Fatal("something is cached")
			}
		}
	}
	w.must(w.keys.Put(testKey(2).Public(testReplica, w.now())))
	w.want(bad, nil)
}

// Goal: a full bucket gives up what was not used, then what it must.
func TestCacheEvictsTheUnused(t *testing.T) {
	var c cache
	at := func(n byte) *entry { // All in one bucket.
		return &entry{until: 10, hash: uint64(n) * cacheBuckets, token: strconv.Itoa(int(n))}
	}
	has := func(n byte) bool {
		_, ok := c.get(at(n).hash, []byte(at(n).token), stamp{}, 5)
		return ok
	}
	for n := range byte(cacheWays) {
		c.put(at(n), 5)
	}
	for n := range byte(cacheWays) {
		if n != 2 && !has(n) {
			t.Fatalf("%d is not there", n)
		}
	}
	c.put(at(9), 5)
	if has(2) || !has(9) {
		t.Error("the unused entry stayed")
	}
	for n := byte(20); n < 40; n++ { // At the bound it goes on taking.
		c.put(at(n), 5)
		if !has(n) {
			t.Errorf("%d was not taken", n)
		}
	}
	c.put(at(50), 10) // All others have ended by then.
	if e := c.bucket(at(50).hash)[0].Load(); e.token != "50" {
		t.Error("an ended entry was kept")
	}
}

// Goal: tokens whose hashes are the same are told apart by all their bytes, and each
// ends by itself. Method: what a caller does with its buffer later changes nothing.
func TestCacheComparesTokens(t *testing.T) {
	var c cache
	buffer := []byte("token of ann")
	c.put(&entry{token: string(buffer), claims: Claims{User: "ann"}, until: 10}, 5)
	copy(buffer[9:], "bob")
	if got, ok := c.get(0, buffer, stamp{}, 5); ok {
		t.Fatalf("bob is taken for %s", got.User)
	}
	c.put(&entry{token: string(buffer), claims: Claims{User: "bob"}, until: 7}, 5)
	for _, who := range []string{"ann", "bob"} {
		if got, ok := c.get(0, []byte("token of "+who), stamp{}, 6); !ok || got.User != UserID(who) {
			t.Errorf("%s is %q, known: %v", who, got.User, ok)
		}
	}
	if _, ok := c.get(0, buffer, stamp{}, 7); ok {
		t.Error("bob is known after his end")
	}
	if _, ok := c.get(0, []byte("token of ann"), stamp{}, 7); !ok {
		t.Error("ann has ended with bob")
	}
}

// Goal: once a revocation has returned, nobody gets its token past, however
// many ask meanwhile. Run with -race.
func TestRevocationIsImmediate(t *testing.T) {
	w := newWorld(t)
	var done sync.WaitGroup
	stop := make(chan struct{})
	hot, _ := w.mint()
	for range 4 {
		done.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := w.v.Verify([]byte(hot)); err != nil {
						t.Errorf("the token that stays: %v", err)
					}
				}
			}
		})
	}
	for range 100 {
		token, claims := w.mint()
		done.Go(func() { w.v.Verify([]byte(token)) }) // Caches it, before or after.
		w.want(token, nil)
		w.must(w.revoked.Add(Revocation{claims.ID, claims.Expires}))
		w.want(token, ErrRevoked)
		w.must(w.keys.Put(testKey(2).Public(testReplica, w.now())))
	}
	close(stop)
	done.Wait()
}

// Goal: a hit allocates nothing.
func TestCachedVerifyDoesNotAllocate(t *testing.T) {
	w := newWorld(t)
	text, _ := w.mint()
	token := []byte(text)
	if n := testing.AllocsPerRun(100, func() { w.v.Verify(token) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	w := newWorld(b)
	w.v.now = time.Now
	text, _, err := w.key.Mint(testIssuer, Ticket{testUser, ScopeRead, "", time.Hour}, time.Now())
	w.must(err)
	token := []byte(text)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

// A goroutine for each processor, each with tokens of its own.
func BenchmarkVerifyCachedParallel(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		text, _ := w.mint()
		token := []byte(text)
		for p.Next() {
			if _, err := w.v.Verify(token); err != nil {
				panic(fmt.Sprint(err))
			}
		}
	})
}

func BenchmarkVerifyCold(b *testing.B) {
	w := newWorld(b)
	text, _ := w.mint()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.v.verify(text, w.now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCachePut(b *testing.B) {
	c := cache{seed: maphash.MakeSeed()}
	var n uint64
	for b.Loop() {
		n++
		c.put(&entry{until: 10, hash: n, token: "token"}, 5)
	}
}
