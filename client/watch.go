package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Where a Watch may begin, beside a cursor.
const (
	SinceNow   = "now"   // With what happens from now on.
	SinceStart = "start" // With all that is stored.
)

// Kinds of changes. More may come.
const (
	OpPutted   = "put"
	OpDeleted  = "delete"
	OpExpired  = "expire"
	OpDamaged  = "damaged" // The node cannot read the record; another may.
	OpAllShown = "synced"  // No change: all that was stored has been shown.
)

// WatchOptions says which changes a Watch shows.
type WatchOptions struct {
	Since  string // SinceNow, SinceStart or the Cursor of a Change; "" is SinceNow.
	Prefix string // What all keys begin with; it need not end at a slash.
	Values bool   // With Record.Data.
}

// Change is one change of a key, or OpAllShown.
type Change struct {
	Op     string
	Record        // Data only if WatchOptions.Values asks for it and there is a value.
	Order  string // Of two versions of a key the one with the greater Order stands.
	Cursor string // Where a Watch on any node may go on behind this change; "" if it may not.
}

// change is one line of a feed.
type change struct {
	record
	Op     string `json:"op"`
	Order  string `json:"version"`
	Cursor string `json:"cursor"`
	Reason string `json:"reason"` // Of a reset.
}

// Watch shows changes as they happen, until the caller leaves the loop or the context
// ends, which is the last error then. When a node fails it goes on at another, where it
// was. Then changes may come again, and the other node may not have heard of a newer
// version yet: of two versions of a key the one with the greater Order stands, a deletion
// too, whichever comes last.
//
// A cursor that is too old ends it with ErrCursorExpired: what was deleted since is
// forgotten, so the caller begins again with SinceStart and an empty hand.
func (c *Client) Watch(ctx context.Context, o WatchOptions) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		w := watch{client: c, yield: yield, query: url.Values{
			"feed": {"continuous"}, "since": {SinceNow}, "heartbeat": {heartbeat.String()},
		}}
		if o.Since != "" {
			w.query.Set("since", o.Since)
		}
		w.filling = o.Since == SinceStart
		if o.Prefix != "" {
			w.query.Set("prefix", o.Prefix)
		}
		if o.Values {
			w.query.Set("include", "value")
		}
		if err := w.run(ctx); err != nil {
			yield(Change{}, err)
		}
	}
}

// watch is a Watch on its way from node to node.
type watch struct {
	client *Client
	yield  func(Change, error) bool
	query  url.Values // Its since moves on with each cursor.
	heard  bool       // Whether the node in use has said anything.
	left   bool       // Whether the caller has left the loop.

	// filling says that the feed began with all that is stored and has not shown it yet.
	// A cursor from there is good at one node alone: at another it begins anew.
	filling bool
}

// run follows one node after the other. It gives up when so many in a row say nothing as
// a request has attempts.
func (w *watch) run(ctx context.Context) error {
	nodes := w.client.nodes
	var last result
	for silent := 0; silent < w.client.attempts; silent++ {
		n, pause := nodes.next(nil)
		if pause > pauseMax || !wait(ctx, pause) {
			break
		}
		w.heard = false
		began := time.Now()
		last = w.follow(ctx, n)
		if w.filling && errors.Is(last.err, ErrCursorExpired) && w.query.Get("since") != SinceStart {
			w.query.Set("since", SinceStart)
			continue
		}
		if w.left || last.verdict == settled {
			return last.err
		}
		if w.heard {
			silent = -1
		}
		if time.Since(began) > backoffMax { // else one that ends feeds at once is asked without a pause
			nodes.answered(n)
		}
		nodes.failed(n, last.retryAfter())
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return last.err
}

var (
	errSilent = errors.New("the node has said nothing for " + silenceMax.String())
	errNoFeed = errors.New("this is no feed of changes")
	errEnded  = errors.New("the node has ended the feed")
)

// follow shows what one node says, until it falls silent or the caller leaves.
func (w *watch) follow(ctx context.Context, n *node) result {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silenceMax, func() { cancel(errSilent) })
	defer silence.Stop()
	r := Request{Method: http.MethodGet, Path: withQuery("/changes", w.query)}
	resp, failed := w.client.open(ctx, n, &r)
	if failed != nil {
		return *failed
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, answerBytesMax)
	for lines.Scan() {
		silence.Stop() // the caller takes its time
		if res, over := w.show(n, lines.Bytes()); over {
			return res
		}
		silence.Reset(silenceMax)
	}
	err := lines.Err()
	switch cause := context.Cause(ctx); {
	case cause != nil:
		err = cause
	case err == nil || errors.Is(err, io.ErrUnexpectedEOF):
		err = errEnded
	}
	return result{verdict: lost, err: &NoAnswer{Nodes: []string{n.url}, Err: err}}
}

// show hands one line to the caller. over says that it was the last.
func (w *watch) show(n *node, line []byte) (res result, over bool) {
	var c change
	if err := json.Unmarshal(line, &c); err != nil || c.Op == "" {
		return result{verdict: lost, err: &NoAnswer{Nodes: []string{n.url}, Err: errNoFeed}}, true
	}
	w.heard = true
	if c.Op == "reset" {
		return result{verdict: settled, err: &Error{
			Node: n.url, Status: http.StatusGone, Code: codeCursorExpired, Detail: c.Reason,
		}}, true
	}
	w.filling = w.filling && c.Op != OpAllShown
	if c.Op != "heartbeat" {
		w.left = !w.yield(Change{c.Op, c.record.record(), c.Order, c.Cursor}, nil)
	}
	if c.Cursor != "" {
		w.query.Set("since", c.Cursor)
	}
	return result{}, w.left
}
