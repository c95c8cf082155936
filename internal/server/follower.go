package server

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"kvs/httpapi"
	"kvs/statemachine/keyspace"
)

// follower is an httpapi.Follower.
type follower struct {
	feed     *feed
	me       keyspace.ReplicaID
	cluster  keyspace.ClusterID
	cursor   keyspace.Cursor
	prefix   string
	live     bool // it has all that was in the store, and goes on with the news
	fresh    bool // the next news may have been in the view that was read last
	enough   bool // whoever reads wants no more for now
	anything bool // something was shown
	show     func(httpapi.Change) bool

	// What follows is the feed's, and so is its lock.
	wake    chan struct{} // receives when there are news
	pending bool          // there are, from number from on
	from    uint64
}

// Follow implements httpapi.Feed.
func (f *feed) Follow(since, prefix string) (httpapi.Follower, error) {
	identity := f.identity()
	w := &follower{
		feed: f, me: identity.Replica, cluster: identity.Cluster, prefix: prefix, wake: make(chan struct{}, 1),
	}
	switch since {
	case httpapi.SinceStart:
	case httpapi.SinceNow:
		f.mu.Lock()
		w.cursor = keyspace.Cursor{Have: f.vv.Clone(), Expired: f.clock.wall()}
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
	if !f.join(w) {
		return nil, httpapi.ErrOverloaded
	}
	return w, nil
}

// Close implements httpapi.Follower.
func (w *follower) Close() { w.feed.leave(w) }

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
		h := w.feed.since(w)
		if h.missed {
			w.live = false
			continue
		}
		if w.hear(&h); w.anything || w.enough {
			return httpapi.RestLive, nil
		}
		select {
		case <-w.feed.stop:
			return 0, httpapi.ErrClosed
		case <-w.wake:
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
	w.feed.since(w) // the view has it all, or it is heard of again
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
	how := &keyspace.Follow{Me: w.me, Now: w.feed.clock.wall(), Prefix: w.prefix, Scan: scanChanges}
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
	now := max(w.feed.clock.wall(), w.cursor.Expired)
	for i := range h.news {
		n := h.news[i]
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
