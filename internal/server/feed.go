package server

import (
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kvs/httpapi"
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
	// Followers are woken together, at most this often for each of them: many of
	// them must not keep the node from its clients.
	wakeEach, wakeMin, wakeMax = 20 * time.Microsecond, time.Millisecond, 50 * time.Millisecond
)

// feed hands changes to followers, from the store until they have all, and from then
// on as they happen.
type feed struct {
	store      *storage.Store
	identity   func() keyspace.Identity
	most       int // followers
	batchesMax int
	stop       chan struct{}
	closed     sync.Once

	mu        sync.Mutex
	followers int
	news      []news
	first     uint64 // number of news[0]
	bytes     int
	vv        keyspace.VV     // after the newest batch
	horizon   keyspace.Millis // all that had expired by then is in the news
	wake      chan struct{}   // closed when there are more
	hashes    hashes
	current   atomic.Pointer[keyspace.VV] // vv, for those who only look
	armed     bool                        // somebody is about to close it
}

// news is what one batch has stored, or what has expired in a while.
type news struct {
	stored []keyspace.Entry
	lapsed []keyspace.Change
	vv     keyspace.VV // of a batch: after it
	bytes  int
}

func newFeed(most int) *feed {
	return &feed{most: most, batchesMax: feedBatchesMax, stop: make(chan struct{}), wake: make(chan struct{})}
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
	n := news{stored: stored, vv: vv}
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

func (f *feed) add(n news) {
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
	if !f.armed {
		f.armed = true
		time.AfterFunc(min(max(time.Duration(f.followers)*wakeEach, wakeMin), wakeMax), f.broadcast)
	}
}

func (f *feed) broadcast() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.wake)
	f.wake, f.armed = make(chan struct{}), false
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
		if now := wall(); !idle && now > from {
			f.lapse(from, now)
		}
	}
}

func (f *feed) lapse(from, to keyspace.Millis) {
	var n news
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

// join counts a follower, unless there are as many as the node takes.
func (f *feed) join() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers >= f.most {
		return false
	}
	if f.followers++; f.followers == 1 {
		f.horizon = wall()
	}
	return true
}

func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers--; f.followers == 0 {
		f.first += uint64(len(f.news))
		f.news, f.bytes = nil, 0
	}
}

// end is the number of the next news.
func (f *feed) end() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first + uint64(len(f.news))
}

// heard is what a follower finds when it looks.
type heard struct {
	news    []news
	vv      keyspace.VV
	horizon keyspace.Millis
	missed  bool          // some of it is not kept any more
	wake    chan struct{} // closed when there is more
}

// since returns what came from a number on.
func (f *feed) since(at uint64) heard {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := heard{vv: f.vv, horizon: f.horizon, wake: f.wake, missed: at < f.first}
	if !h.missed {
		h.news = slices.Clone(f.news[at-f.first:])
	}
	return h
}

// follower is an httpapi.Follower.
type follower struct {
	feed     *feed
	me       keyspace.ReplicaID
	cluster  keyspace.ClusterID
	cursor   keyspace.Cursor
	prefix   string
	at       uint64 // where in the news it is
	live     bool   // it has all that was in the store, and goes on with the news
	fresh    bool   // the next news may have been in the view that was read last
	enough   bool   // whoever reads wants no more for now
	anything bool   // something was shown
	show     func(httpapi.Change) bool
}

// Follow implements httpapi.Feed.
func (f *feed) Follow(since, prefix string) (httpapi.Follower, error) {
	identity := f.identity()
	w := &follower{feed: f, me: identity.Replica, cluster: identity.Cluster, prefix: prefix}
	switch since {
	case httpapi.SinceStart:
	case httpapi.SinceNow:
		f.mu.Lock()
		w.cursor = keyspace.Cursor{Have: f.vv.Clone(), Expired: wall()}
		f.mu.Unlock()
	default:
		b, err := base64.RawURLEncoding.Strict().DecodeString(since)
		if err != nil {
			return nil, httpapi.ErrCursor
		}
		f.mu.Lock()
		retired := f.vv.Retired()
		f.mu.Unlock()
		cursor, known, ok := keyspace.ParseCursor(b, w.cluster, retired)
		switch {
		case !ok:
			return nil, httpapi.ErrCursor
		case !known:
			return nil, httpapi.ErrCursorExpired
		}
		w.cursor = cursor
	}
	if !f.join() {
		return nil, httpapi.ErrOverloaded
	}
	return w, nil
}

// Close implements httpapi.Follower.
func (w *follower) Close() { w.feed.leave() }

// Cursor implements httpapi.Follower.
func (w *follower) Cursor() string {
	return base64.RawURLEncoding.EncodeToString(w.cursor.Append(nil, w.cluster))
}

// Next implements httpapi.Follower.
func (w *follower) Next(room int, wait time.Duration, show func(httpapi.Change) bool) (httpapi.Rest, error) {
	w.show, w.enough, w.anything = show, false, false
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		if !w.live {
			rest, err := w.page(room)
			if rest != httpapi.RestMore || w.anything || err != nil {
				return rest, err
			}
			continue
		}
		h := w.feed.since(w.at)
		if h.missed {
			w.live = false
			continue
		}
		w.at += uint64(len(h.news))
		if w.hear(&h); w.anything || w.enough {
			return httpapi.RestLive, nil
		}
		select {
		case <-w.feed.stop:
			return 0, httpapi.ErrClosed
		case <-h.wake:
		case <-deadline.C:
			return httpapi.RestIdle, nil
		}
	}
}

// page shows one page of what is in the store.
func (w *follower) page(room int) (httpapi.Rest, error) {
	select {
	case <-w.feed.stop:
		return 0, httpapi.ErrClosed
	default:
	}
	w.at = w.feed.end()
	page, progress, err := w.read(min(room, pageChanges))
	switch {
	case err != nil:
		return 0, err
	case progress == keyspace.ChangesReset:
		return 0, httpapi.ErrCursorExpired
	}
	for i := range page {
		w.anything = true
		w.show(changeRow(&page[i]))
	}
	if progress == keyspace.ChangesMore {
		return httpapi.RestMore, nil
	}
	w.live, w.fresh = true, true
	return httpapi.RestAll, nil
}

// read reads a page. Its values are copies, so that no view stays open while whoever
// reads takes its time.
func (w *follower) read(most int) (page []keyspace.Change, p keyspace.Progress, err error) {
	bytes := 0
	how := &keyspace.Follow{Me: w.me, Now: wall(), Prefix: w.prefix, Scan: scanChanges}
	p, err = w.feed.store.Changes(&w.cursor, how, func(c keyspace.Change) bool {
		if keyspace.IsReserved(c.Key) {
			return true
		}
		c.Value = slices.Clone(c.Value)
		page = append(page, c)
		bytes += c.Size()
		return len(page) < most && bytes < pageBytes
	})
	return page, p, storeError(err)
}

// hear shows news and moves the cursor over them.
func (w *follower) hear(h *heard) {
	now := max(wall(), w.cursor.Expired)
	for i := range h.news {
		n := &h.news[i]
		if w.fresh && n.lapsed == nil && w.cursor.Have.Covers(n.vv) {
			continue
		}
		w.fresh = w.fresh && n.lapsed != nil
		for k := range n.stored {
			w.offer(keyspace.ChangeOf(n.stored[k], now))
		}
		for _, c := range n.lapsed {
			w.offer(c)
		}
		if w.enough {
			// The rest is read from the store, should there be a next time.
			w.live = false
			return
		}
		if n.lapsed == nil {
			w.cursor.Have.Union(n.vv)
		}
	}
	w.cursor.Have.Union(h.vv)
	if h.vv.Covers(w.cursor.Have) {
		w.cursor.Expired = max(w.cursor.Expired, h.horizon)
	}
}

// offer shows a change, if it is wanted. What was shown counts for itself.
func (w *follower) offer(c keyspace.Change) {
	if w.enough || !strings.HasPrefix(c.Key, w.prefix) {
		return
	}
	w.anything, w.enough = true, !w.show(changeRow(&c))
	if w.cursor.Have.Admits(c.Dot) {
		w.cursor.Have.Add(c.Dot)
	}
}

// changeRow is a change as the API sees it.
func changeRow(c *keyspace.Change) httpapi.Change {
	return httpapi.Change{
		Op: c.Op.String(), Deleted: c.Op != keyspace.OpPut,
		Record: record(c.Key, keyspace.Record{Header: c.Header, Value: c.Value}), Order: c.Ver.Order(),
	}
}
