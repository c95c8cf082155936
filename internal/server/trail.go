package server

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kvs/httpapi"
	"kvs/internal/audit"
	"kvs/internal/auth"
	"kvs/internal/config"
	"kvs/statemachine/keyspace"
)

const (
	// anchorsAt is where the newest checkpoint of each log is, as a record of the
	// system's own: so every node has it.
	anchorsAt  = "_audit/"
	anchorsEnd = "_audit0" // the first key behind them

	// auditKeyFile is the key that signs the log, in data_dir. It is never
	// replaced: the log's id is made of it.
	auditKeyFile = "audit.key"

	// auditDir is audit_path below data_dir, where nobody has set it.
	auditDir = "audit"

	// segmentsKept is how many segments of audit_rotate_mb are kept.
	segmentsKept = 64

	// moveEvery is how long an entry stays in the store's queue, where it is
	// durable already. More saves syncs, less shows entries in the files earlier.
	moveEvery = time.Second

	// moveMax bounds the entries that are moved with one sync.
	moveMax = 4000

	// refusedEvery is how often the refusals since are logged.
	refusedEvery = 10 * time.Second
)

// trail is the audit log of a node. What is to be logged is queued in the store
// first, with the writes that it is about; trail moves it to the segments of
// internal/audit and hands their checkpoints to the other nodes.
type trail struct {
	log    *slog.Logger
	api    *api
	cfg    config.Config
	dir    string
	key    auth.SigningKey
	id     audit.ReplicaID
	anchor string // the key of its record

	refusals refusals
	refused  time.Time // when they were logged last; of run alone

	mu    sync.Mutex
	out   *audit.Log // nil while there is none
	from  uint64     // the first entry of the first queued record that is not moved
	moved uint64     // the last entry that is

	newest  atomic.Pointer[audit.Checkpoint] // nil if all are handed on
	trouble atomic.Pointer[string]           // what keeps entries in the queue
	found   atomic.Pointer[string]           // what the check at the start found

	stopping chan struct{}
	stop     func() // closes it, once
	done     chan struct{}
}

// openTrail opens the log of a node and goes on with it. What is wrong with the log
// does not keep the node from serving; a setting that cannot work does.
func openTrail(log *slog.Logger, cfg config.Config, a *api) (*trail, error) {
	t := &trail{
		log: log, api: a, cfg: cfg, dir: cfg.AuditPath, stopping: make(chan struct{}), done: make(chan struct{}),
	}
	if t.dir == "" {
		t.dir = filepath.Join(cfg.DataDir, auditDir)
	}
	t.stop = sync.OnceFunc(func() { close(t.stopping) })
	var err error
	if t.key, err = auth.OpenKey(filepath.Join(cfg.DataDir, auditKeyFile)); err != nil {
		return nil, err
	}
	t.id = audit.LogID(t.key.PublicKey())
	t.anchor = anchorsAt + t.id.String()
	t.moved = a.store.MovedAtStart()
	if err := t.open(); err != nil {
		return nil, err
	}
	if r := t.out.Recovered(); r != (audit.Recovery{}) {
		log.Warn("the audit log ended in the middle of an entry and was repaired; the entry comes again",
			"audit_path", t.dir, "file", r.File, "bytes", r.Bytes)
	}
	public := base64.RawURLEncoding.EncodeToString(t.key.PublicKey()) + "\n"
	if err := auth.WriteSecret(filepath.Join(t.dir, audit.PublicKeyFile), []byte(public)); err != nil {
		return nil, fmt.Errorf("audit_path: %w", err)
	}
	if k := t.out.Latest(); k.Kid != "" {
		t.newest.Store(&k) // it may not have been handed on
	}
	t.report(t.move(true))
	go t.check()
	go t.run()
	return t, nil
}

// open opens the log, or sets it aside and begins a new one if it is not what was
// written.
func (t *trail) open() error {
	l, err := audit.Open(t.options(0))
	if queued := t.api.store.Queued(); err == nil && l.Next() > queued {
		err = fmt.Errorf("%w: it ends with entry %d, but data_dir %q has made entries up to %d only: one of "+
			"them is an old copy", audit.ErrTampered, l.Next()-1, t.cfg.DataDir, queued-1)
		err = errors.Join(err, l.Close())
	}
	if errors.Is(err, audit.ErrTampered) || errors.Is(err, audit.ErrForeign) {
		return t.beginAgain(err, t.moved+1)
	}
	if err != nil {
		return err
	}
	t.out, t.from = l, 0
	return nil
}

// options are those of the log; first is the number that a new one begins with.
func (t *trail) options(first uint64) audit.Options {
	return audit.Options{
		Dir: t.dir, Replica: t.id, Kid: t.key.Kid(), Sign: t.key.Sign, First: first, Acknowledged: t.moved,
		Now:         func() audit.Millis { return audit.Millis(wall()) },
		Deliver:     func(k audit.Checkpoint) { t.newest.Store(&k) },
		RotateBytes: int64(t.cfg.AuditRotateMB) << 20, RetainSegments: segmentsKept,
	}
}

// beginAgain sets a log aside that cannot go on, and begins a new one.
func (t *trail) beginAgain(why error, first uint64) error {
	path, err := audit.SetAside(t.dir, why, audit.Millis(wall()))
	if err != nil {
		return err
	}
	t.log.Error("the audit log is not what this node wrote, or cannot go on; it was set aside and a new one begins. "+
		"Find out who changed it, then move the directory away", "audit_path", t.dir, "set_aside", path,
		"error", why)
	t.moved = first - 1
	t.out, err = audit.Open(t.options(first))
	return err
}

// check verifies the log as it was at the start, against this node's own copy of the
// checkpoint that the others have too.
func (t *trail) check() {
	o := audit.VerifyOptions{
		Keys: map[string]ed25519.PublicKey{t.key.Kid(): t.key.PublicKey()}, Replica: t.id,
	}
	_, err := t.api.store.View(t.anchor, func(rec keyspace.Record) {
		var a audit.Anchor
		if json.Unmarshal(rec.Value, &a) == nil && a.Replica == t.id {
			o.Checkpoints = append(o.Checkpoints, a.Checkpoint)
		}
	})
	if err == nil {
		t.mu.Lock()
		out := t.out
		t.mu.Unlock()
		if out == nil {
			return // and report has said why
		}
		_, err = out.Verify(o)
	}
	if errors.Is(err, audit.ErrTampered) {
		text := err.Error()
		t.found.Store(&text)
		t.log.Error("the audit log does not verify", "audit_path", t.dir, "error", err)
	}
}

// run moves entries until the node stops.
func (t *trail) run() {
	defer close(t.done)
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			t.turn(now)
		case <-t.stopping:
			t.finish()
			return
		}
	}
}

func (t *trail) turn(now time.Time) {
	if now.Sub(t.refused) >= refusedEvery {
		t.refused = now
		for _, e := range t.refusals.take() {
			t.Note(e)
		}
	}
	t.report(t.move(true))
	if k := t.newest.Swap(nil); k != nil {
		if err := t.handOn(k); err != nil {
			t.newest.CompareAndSwap(nil, k) // a node that takes no writes now will, or need not
		}
	}
}

// report takes note of what keeps entries in the queue, and says it once.
func (t *trail) report(err error) {
	before := t.trouble.Load()
	switch {
	case err == nil && before != nil:
		t.trouble.Store(nil)
		t.log.Info("the audit log is written to again", "audit_path", t.dir)
	case err != nil && (before == nil || *before != err.Error()):
		text := err.Error()
		t.trouble.Store(&text)
		t.log.Error("audit entries stay in data_dir for now", "audit_path", t.dir, "error", err)
	}
}

// move moves what is queued to the log. tick also does what time asks for.
func (t *trail) move(tick bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		if err := t.open(); err != nil {
			return err
		}
	}
	err := t.moveAll()
	if err == nil && tick {
		err = t.out.Tick()
	}
	if err != nil { // final for this log
		err = errors.Join(err, t.out.Close())
		t.out = nil
	}
	return err
}

func (t *trail) moveAll() error {
	for t.out.Next() < t.api.store.Queued() {
		batch, next, err := t.queued()
		if err != nil {
			return err
		}
		if missing := t.out.Next(); len(batch) == 0 || batch[0].Number > missing {
			if len(batch) == 0 {
				next = t.api.store.Queued()
			} else {
				next = batch[0].Number
			}
			why := fmt.Errorf("%w: data_dir %q has lost %d to %d", audit.ErrGap, t.cfg.DataDir, missing, next-1)
			why = errors.Join(why, t.out.Checkpoint(), t.out.Close())
			if err := t.beginAgain(why, next); err != nil {
				return err
			}
			t.from = next
			continue
		}
		if err := t.out.Append(batch); err != nil {
			return err
		}
		t.from, t.moved = next, t.out.Next()-1
		t.api.store.Moved(t.moved)
	}
	return nil
}

// queued reads entries that the log does not have yet, up to a gap, and says which
// comes next.
func (t *trail) queued() (batch []audit.Entry, next uint64, err error) {
	var wrong error
	batch = make([]audit.Entry, 0, min(moveMax, t.api.store.Queued()-t.out.Next()))
	next = t.out.Next()
	err = t.api.store.ReadQueue(t.from, func(first uint64, record []byte) bool {
		entries, err := audit.ParseQueued(record)
		if err != nil {
			wrong = fmt.Errorf("data_dir %q: the record of entry %d: %w", t.cfg.DataDir, first, err)
			return false
		}
		if len(batch) > 0 && first > next {
			return false
		}
		for _, e := range entries {
			if e.Number >= t.out.Next() {
				batch = append(batch, e)
			}
		}
		next = first + uint64(len(entries))
		return len(batch) < moveMax
	})
	return batch, next, errors.Join(err, wrong)
}

// handOn makes a checkpoint known to the other nodes.
func (t *trail) handOn(k *audit.Checkpoint) error {
	text, err := json.Marshal(audit.Anchor{Checkpoint: *k, Key: t.key.PublicKey(), Node: t.cfg.NodeID})
	if err != nil {
		return err
	}
	_, err = t.api.Write(httpapi.Write{Key: t.anchor, Value: text, TTL: httpapi.TTLNever})
	return err
}

// finish puts all that is queued under a signature.
func (t *trail) finish() {
	err := t.move(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		err = t.out.Checkpoint()
	}
	if t.out != nil {
		err = errors.Join(err, t.out.Close())
	}
	if err != nil {
		t.log.Warn("the audit log was not closed; its last entries come at the next start",
			"audit_path", t.dir, "error", err)
	}
}

// close ends the log, before the store closes.
func (t *trail) close() {
	t.stop()
	<-t.done
}

// Note implements httpapi.Trail.
func (t *trail) Note(e httpapi.Event) {
	entry := audit.Entry{
		Time: audit.Millis(wall()), Actor: e.Actor, Action: e.Action, Key: e.Key, Set: e.Set, Result: e.Result,
	}
	if len(entry.Key) > audit.KeyBytesMax {
		entry.Key = entry.Key[:audit.KeyBytesMax]
	}
	entry.Set = entry.Set[:min(len(entry.Set), audit.SetBytesMax)]
	entry.Key = strings.ToValidUTF8(entry.Key, "\ufffd")
	entry.Set = strings.ToValidUTF8(entry.Set, "") // a letter that was cut in two
	durable := t.api.store.Queue(func(first uint64) ([]byte, int) {
		entry.Number = first
		return audit.AppendQueued(nil, &entry), 1
	})
	select {
	case <-durable:
	case <-t.api.driver.stopped:
	}
}

// Refused implements httpapi.Trail.
func (t *trail) Refused(e httpapi.Event) { t.refusals.add(e) }

// Entries implements httpapi.Trail: of all that was acknowledged before.
func (t *trail) Entries(since uint64, limit int, visit func(uint64, []byte)) (uint64, error) {
	err := t.move(false)
	t.mu.Lock()
	out := t.out
	t.mu.Unlock()
	if out == nil {
		return 0, errors.Join(httpapi.ErrNotReady, err)
	}
	newest := out.Next() - 1
	return newest, out.Read(since, limit, func(r audit.Record) bool {
		visit(r.Number, r.Line)
		return true
	})
}

// Anchors implements httpapi.Trail.
func (t *trail) Anchors(visit func([]byte)) error {
	return storeError(t.api.store.Range(anchorsAt, anchorsEnd, func(_ string, rec keyspace.Record) bool {
		if rec.Live(t.api.wall()) {
			visit(rec.Value)
		}
		return true
	}))
}

// reasons say what somebody should look at.
func (t *trail) reasons() (out []string) {
	if text := t.trouble.Load(); text != nil {
		out = append(out, "audit entries stay in data_dir: "+*text)
	}
	if text := t.found.Load(); text != nil {
		out = append(out, *text)
	}
	aside, err := audit.Aside(t.dir)
	if err != nil {
		out = append(out, err.Error())
	}
	if len(aside) > 0 {
		out = append(out, fmt.Sprintf("%d broken audit logs were set aside: find out who changed them, then move "+
			"%s away", len(aside), strings.Join(aside, ", ")))
	}
	return out
}
