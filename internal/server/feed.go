package server

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// Bounds of what is kept in memory for those who follow changes as they happen. Who
// falls behind reads from the store again.
const (
	feedBatchesMax = 8192
	feedBytesMax   = 16 << 20

	// pageChanges and pageBytes bound what is read from the store at once: no view
	// stays open while a follower takes its time.
	pageChanges = 512
	pageBytes   = 1 << 20
	// scanChanges bounds the records that one such reading looks at.
	scanChanges = 50_000

	// lapseEvery is how often followers hear of what has expired.
	lapseEvery = time.Second
	// Followers are woken a few at a time: many of them must not keep the node from its
	// clients. Who waits longer is told more at once.
	wakeGroup, wakeEvery = 8, time.Millisecond
)

// feed hands changes to followers, from the store until they have all, and from then
// on as they happen.
type feed struct {
	store      *storage.Store
	identity   func() keyspace.Identity
	clock      *clock
	most       int // followers
	batchesMax int
	stop       chan struct{}
	closed     sync.Once

	mu        sync.Mutex
	followers int
	news      []*news
	first     uint64 // number of news[0]
	bytes     int
	vv        keyspace.VV     // after the newest batch
	horizon   keyspace.Millis // all that had expired by then is in the news
	audience  audience
	due       []*follower // to be woken, in the order of their news
	waking    bool        // somebody is at it
	hashes    hashes
	current   atomic.Pointer[keyspace.VV] // vv, for those who only look
}

// news is what one batch has stored, or what has expired in a while.
type news struct {
	stored []keyspace.Entry
	lapsed []keyspace.Change
	vv     keyspace.VV // of a batch: after it
	bytes  int
}

func newFeed(most int) *feed {
	return &feed{most: most, batchesMax: feedBatchesMax, stop: make(chan struct{})}
}

// open lets followers in.
func (f *feed) open(store *storage.Store, identity func() keyspace.Identity, vv keyspace.VV) {
	f.store, f.identity = store, identity
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.vv.Covers(vv) {
		f.vv = vv
		f.current.Store(&vv)
	}
}

// reached is the vector after the newest batch.
func (f *feed) reached() keyspace.VV { return *f.current.Load() }

// close ends all followers.
func (f *feed) close() { f.closed.Do(func() { close(f.stop) }) }

// publish is storage's News.
func (f *feed) publish(stored []keyspace.Entry, vv keyspace.VV) {
	stored = slices.DeleteFunc(stored, func(e keyspace.Entry) bool { return keyspace.IsReserved(e.Key) })
	n := &news{stored: stored, vv: vv}
	for i := range stored {
		n.bytes += stored[i].Size()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.vv = vv
	f.current.Store(&vv)
	if f.followers > 0 && len(stored) > 0 {
		f.add(n)
	}
}

func (f *feed) add(n *news) {
	f.news = append(f.news, n)
	f.bytes += n.bytes
	drop := 0
	for len(f.news)-drop > f.batchesMax || f.bytes > feedBytesMax && len(f.news)-drop > 1 {
		f.bytes -= f.news[drop].bytes
		drop++
	}
	if drop > 0 {
		clear(f.news[:drop])
		f.news = f.news[drop:]
		f.first += uint64(drop)
	}
	f.rouse(f.first+uint64(len(f.news))-1, n)
}

// rouse finds those who want to hear of news, and sees to it that they are woken.
func (f *feed) rouse(number uint64, n *news) {
	take := func(w *follower) {
		w.pending, w.from = true, number
		f.due = append(f.due, w)
	}
	for i := range n.stored {
		f.audience.call(n.stored[i].Key, take)
	}
	for i := range n.lapsed {
		f.audience.call(n.lapsed[i].Key, take)
	}
	if len(f.due) > 0 && !f.waking {
		f.waking = true
		time.AfterFunc(wakeEvery, f.wakeSome)
	}
}

func (f *feed) wakeSome() {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.due), wakeGroup)
	for _, w := range f.due[:n] {
		select {
		case w.wake <- struct{}{}:
		default: // it has not looked since it was woken last
		}
	}
	clear(f.due[:n])
	f.due = f.due[n:]
	if f.waking = len(f.due) > 0; f.waking {
		time.AfterFunc(wakeEvery, f.wakeSome)
	}
}

// run notices what expires, while there is anybody to tell.
func (f *feed) run() {
	ticker := time.NewTicker(lapseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
		}
		f.mu.Lock()
		from, idle := f.horizon, f.followers == 0
		f.mu.Unlock()
		if now := f.clock.wall(); !idle && now > from {
			f.lapse(from, now)
		}
	}
}

func (f *feed) lapse(from, to keyspace.Millis) {
	n := &news{}
	err := f.store.Lapsed(from, to, func(c keyspace.Change) {
		n.lapsed = append(n.lapsed, c)
		n.bytes += c.Size()
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil || f.horizon != from {
		return
	}
	f.horizon = to
	if len(n.lapsed) > 0 {
		f.add(n)
	}
}

// join lets a follower in, unless there are as many as the node takes.
func (f *feed) join(w *follower) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers >= f.most {
		return false
	}
	if f.followers++; f.followers == 1 {
		f.horizon = f.clock.wall()
	}
	f.audience.add(w)
	return true
}

// count is how many follow now.
func (f *feed) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.followers
}

func (f *feed) leave(w *follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audience.remove(w)
	if f.followers--; f.followers == 0 {
		f.first += uint64(len(f.news))
		f.news, f.bytes = nil, 0
	}
}

// heard is what a follower finds when it looks.
type heard struct {
	news    []*news // from the first on that it wants to hear of
	vv      keyspace.VV
	horizon keyspace.Millis
	missed  bool // some of it is not kept any more
}

// since returns what a follower has not heard yet, and waits on its behalf from here.
func (f *feed) since(w *follower) heard {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := heard{vv: f.vv, horizon: f.horizon}
	if !w.pending {
		return h
	}
	if h.missed = w.from < f.first; !h.missed {
		h.news = slices.Clone(f.news[w.from-f.first:])
	}
	w.pending = false
	f.audience.quiet(w)
	return h
}

// audience finds those who want to hear of a key and wait for it, however many others
// there are.
type audience struct {
	circles map[string]*circle // by prefix
	lengths []int              // of the prefixes, each once, the shortest first
}

// circle is the followers of one prefix.
type circle struct {
	size  int
	quiet []*follower // those with nothing to hear yet
}

// add takes a follower in, as one who waits.
func (a *audience) add(w *follower) {
	if a.circles == nil {
		a.circles = make(map[string]*circle)
	}
	c := a.circles[w.prefix]
	if c == nil {
		c = &circle{}
		a.circles[w.prefix] = c
		if i, found := slices.BinarySearch(a.lengths, len(w.prefix)); !found {
			a.lengths = slices.Insert(a.lengths, i, len(w.prefix))
		}
	}
	c.size++
	c.quiet = append(c.quiet, w)
}

// quiet lets a follower wait again.
func (a *audience) quiet(w *follower) {
	c := a.circles[w.prefix]
	c.quiet = append(c.quiet, w)
}

// remove forgets a follower.
func (a *audience) remove(w *follower) {
	c := a.circles[w.prefix]
	c.quiet = slices.DeleteFunc(c.quiet, func(o *follower) bool { return o == w })
	if c.size--; c.size > 0 {
		return
	}
	delete(a.circles, w.prefix)
	for prefix := range a.circles {
		if len(prefix) == len(w.prefix) {
			return
		}
	}
	a.lengths = slices.DeleteFunc(a.lengths, func(n int) bool { return n == len(w.prefix) })
}

// call hands over those who wait for a key; they wait no more.
func (a *audience) call(key string, take func(*follower)) {
	for _, n := range a.lengths {
		if n > len(key) {
			return
		}
		if c := a.circles[key[:n]]; c != nil && len(c.quiet) > 0 {
			for _, w := range c.quiet {
				take(w)
			}
			clear(c.quiet)
			c.quiet = c.quiet[:0]
		}
	}
}
