package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kvs/httpapi"
	"kvs/internal/backup"
	"kvs/internal/config"
	"kvs/internal/metrics"
	"kvs/statemachine/keyspace"
)

// backups makes the node's backups, one at a time, and keeps their files.
type backups struct {
	api  *api
	log  *slog.Logger
	node string
	id   func() keyspace.Identity
	plan atomic.Pointer[plan]
	news chan struct{} // that the plan is another one

	ctx  context.Context // ends the one that is being made
	stop context.CancelFunc
	jobs sync.WaitGroup

	mu       sync.Mutex
	last     httpapi.Backup // the newest of this run, also if it has failed
	sound    httpapi.Backup // the newest that is sound
	failures uint64
	closed   bool
}

func newBackups(log *slog.Logger, cfg config.Config, a *api, id func() keyspace.Identity) *backups {
	b := &backups{api: a, log: log, node: cfg.NodeID, id: id, news: make(chan struct{}, 1)}
	b.plan.Store(&plan{dir: cfg.BackupPath, keep: cfg.BackupRetention}) // until the first change
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// close gives up on the one that is being made.
func (b *backups) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.jobs.Wait()
}

// Begin implements httpapi.Backups.
func (b *backups) Begin(kind httpapi.BackupKind) (id string, err error) {
	if kind == httpapi.IncrementalBackup {
		return b.begin(backup.LinksMax - 1)
	}
	return b.begin(0)
}

// begin begins a backup. It is an incremental one if there is one to build on, with less
// than so many incremental ones in its chain.
func (b *backups) begin(incrementals int) (id string, err error) {
	if b.api.Partial() {
		return "", httpapi.ErrSyncing
	}
	if room(b.api.driver.space.now.Load()) != roomEnough {
		return "", httpapi.ErrDiskFull // backup_path may well be on the same one
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return "", httpapi.ErrClosed
	case b.last.State == "running":
		return "", httpapi.ErrBackupRunning
	}
	now := time.Now()
	id = backup.Header{Replica: b.id().Replica, Time: now.UnixMilli()}.ID()
	b.last = httpapi.Backup{ID: id, State: "running", Time: now.UnixMilli()}
	b.jobs.Go(func() { b.make(b.plan.Load(), id, now, incrementals) })
	return id, nil
}

// make makes one backup, and says how that ended.
func (b *backups) make(p *plan, id string, began time.Time, incrementals int) {
	done, err := b.attempt(p, id, began, b.base(p, incrementals))
	if done.Base != "" && err == nil {
		if err = b.provesItself(p, id); err != nil {
			err = errors.Join(err, os.Remove(p.path(id)))
		}
		if err != nil && b.ctx.Err() == nil {
			b.log.Error("a full backup instead of an incremental one", "file", p.path(id), "error", err)
			done, err = b.attempt(p, id, began, nil)
		}
	}
	done.Took = time.Since(began).Milliseconds()
	switch {
	case b.ctx.Err() != nil:
		b.log.Info("a backup was given up, because the node stops", "id", id)
	case err != nil:
		b.log.Error("a backup failed", "backup_path", p.dir, "id", id, "error", err)
	default:
		b.log.Info("backed up", "file", p.path(id), "base", done.Base, "keys", done.Keys, "bytes", done.Size, "ms", done.Took)
	}
	if err != nil {
		done.State, done.Verified, done.Error = "failed", false, err.Error()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.last = done; {
	case err == nil:
		b.sound = done
	case b.ctx.Err() == nil:
		b.failures++
	}
}

// attempt makes one backup on a base, or without one.
func (b *backups) attempt(p *plan, id string, began time.Time, base *backup.Header) (done httpapi.Backup, err error) {
	done = httpapi.Backup{ID: id, State: "done", Verified: true, Time: began.UnixMilli(), Encrypted: len(p.to) > 0}
	m, built, err := b.write(p, id, began, base)
	done.Base, done.Kept = built, m.Kept
	done.Keys, done.Tombstones, done.System = m.Keys, m.Tombstones, m.System
	if err != nil {
		return done, err
	}
	info, err := os.Stat(p.path(id))
	if err != nil {
		return done, err
	}
	done.Size = info.Size()
	return done, nil
}

// recall finds the newest sound backup of earlier runs.
func (b *backups) recall() {
	all, err := b.List()
	if err != nil {
		b.log.Warn("the backups that are there cannot be listed", "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range all {
		if k.State == "done" && k.Time > b.sound.Time {
			b.sound = k
		}
	}
}

// sample is what metrics say of the backups.
func (b *backups) sample(emit metrics.Emit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	emit("kvs_backup_last_success_timestamp_seconds", float64(b.sound.Time)/1000)
	emit("kvs_backup_duration_seconds", float64(b.last.Took)/1000)
	emit("kvs_backup_bytes", float64(b.sound.Size))
	emit("kvs_backup_failures_total", float64(b.failures))
}

func (p *plan) path(id string) string { return filepath.Join(p.dir, id+backup.Suffix) }

// write writes the file, and says which backup it builds on.
func (b *backups) write(p *plan, id string, at time.Time, base *backup.Header) (m backup.Manifest, built string, err error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return m, "", fmt.Errorf("backup_path: %w", err)
	}
	m, err = backup.Create(p.path(id), p.to, func(begin func(backup.Header) (*backup.Writer, error)) error {
		var w *backup.Writer
		return b.api.store.Export(func(id keyspace.Identity, claim keyspace.Claim) (err error) {
			h := backup.Header{
				Cluster: id.Cluster, Digest: id.Digest, Replica: id.Replica, Node: b.node, Version: Version,
				Time: at.UnixMilli(), Claim: claim,
			}
			if base != nil && h.BuildOn(*base) {
				built = h.Base.ID
			}
			w, err = begin(h)
			return err
		}, func(e keyspace.Entry) error {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			return w.Add(e)
		})
	})
	return m, built, err
}

// List implements httpapi.Backups. Of files in the directory it takes those whose header
// says that this node has made them.
func (b *backups) List() (out []httpapi.Backup, err error) {
	b.mu.Lock()
	last := b.last
	b.mu.Unlock()
	p := b.plan.Load()
	names, err := os.ReadDir(p.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("backup_path: %w", err)
	}
	for _, entry := range names {
		if id, ok := strings.CutSuffix(entry.Name(), backup.Suffix); ok && id != last.ID {
			if k, ok := b.look(p, id); ok {
				out = append(out, k)
			}
		}
	}
	if _, err := os.Stat(p.path(last.ID)); last.ID != "" && (err == nil || last.State != "done") {
		out = append(out, last)
	}
	return out, nil
}

// look reads what a file says of itself. ok is false for a file that is not this node's.
func (b *backups) look(p *plan, id string) (k httpapi.Backup, ok bool) {
	f, err := os.Open(p.path(id))
	if err != nil {
		return k, false
	}
	defer f.Close()
	s, err := backup.Summarize(f)
	if s.Node != b.node {
		return k, false
	}
	k = httpapi.Backup{
		ID: id, State: "done", Verified: true, Time: s.Time, Encrypted: s.Encrypted,
		Keys: s.Keys, Tombstones: s.Tombstones, System: s.System, Kept: s.Kept,
	}
	if s.Base != nil {
		k.Base = s.Base.ID
	}
	if info, failed := f.Stat(); failed == nil {
		k.Size = info.Size()
	}
	if err != nil {
		k.State, k.Verified, k.Error = "failed", false, err.Error()
	}
	return k, true
}

// Open implements httpapi.Backups.
func (b *backups) Open(id string) (io.ReadSeekCloser, error) {
	if !isBackupID(id) {
		return nil, httpapi.ErrNoBackup
	}
	p := b.plan.Load()
	if _, ours := b.look(p, id); !ours {
		return nil, httpapi.ErrNoBackup
	}
	f, err := os.Open(p.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, httpapi.ErrNoBackup
	}
	return f, err
}

// isBackupID says that a text has the form of ids as Begin makes them, and so is no path.
func isBackupID(id string) bool {
	at, replica, ok := strings.Cut(id, "-")
	_, err := time.Parse(backup.IDTime, at)
	_, malformed := hex.DecodeString(replica)
	return ok && err == nil && malformed == nil && len(replica) == 8
}

// Remove implements httpapi.Backups.
func (b *backups) Remove(id string) error {
	all, err := b.List()
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Base == id {
			return httpapi.ErrBackupNeeded
		}
	}
	f, err := b.Open(id)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(b.plan.Load().path(id)))
}

// prune removes the backups that are older than backup_retention, newest first. The newest
// sound one stays, however old it is, and so does what one that stays builds on.
func (b *backups) prune(now time.Time) (gone int, err error) {
	all, err := b.List()
	needed := map[string]bool{} // those that are built on, and the newest sound one
	for i := len(all) - 1; i >= 0 && len(needed) == 0; i-- {
		if all[i].State == "done" {
			needed[all[i].ID] = true
		}
	}
	for _, k := range slices.Backward(all) {
		old := now.Sub(time.UnixMilli(k.Time)) > b.plan.Load().keep
		if !old || needed[k.ID] || k.State == "running" || !isBackupID(k.ID) {
			needed[k.Base] = true
			continue
		}
		if failed := b.Remove(k.ID); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		gone++
	}
	return gone, err
}
