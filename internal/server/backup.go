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

const (
	backupSuffix = ".kvsbak"
	// backupTime is how a backup's id begins; ids are in the order of time.
	backupTime = "20060102T150405.000Z"
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
func (b *backups) Begin() (id string, err error) {
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
	now, me := time.Now(), b.id().Replica
	id = now.UTC().Format(backupTime) + "-" + hex.EncodeToString(me[:4])
	b.last = httpapi.Backup{ID: id, State: "running", Time: now.UnixMilli()}
	b.jobs.Go(func() { b.make(b.plan.Load(), id, now) })
	return id, nil
}

// make makes one backup, and says how that ended.
func (b *backups) make(p *plan, id string, began time.Time) {
	done := httpapi.Backup{ID: id, State: "done", Verified: true, Time: began.UnixMilli(), Encrypted: len(p.to) > 0}
	m, err := b.write(p, id, began)
	done.Took = time.Since(began).Milliseconds()
	done.Keys, done.Tombstones, done.System = m.Keys, m.Tombstones, m.System
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(p.path(id)); err == nil {
			done.Size = info.Size()
		}
	}
	switch {
	case b.ctx.Err() != nil:
		b.log.Info("a backup was given up, because the node stops", "id", id)
	case err != nil:
		b.log.Error("a backup failed", "backup_path", p.dir, "id", id, "error", err)
	default:
		b.log.Info("backed up", "file", p.path(id), "keys", m.Keys, "bytes", done.Size, "ms", done.Took)
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

func (p *plan) path(id string) string { return filepath.Join(p.dir, id+backupSuffix) }

func (b *backups) write(p *plan, id string, at time.Time) (backup.Manifest, error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return backup.Manifest{}, fmt.Errorf("backup_path: %w", err)
	}
	return backup.Create(p.path(id), p.to, func(begin func(backup.Header) (*backup.Writer, error)) error {
		var w *backup.Writer
		return b.api.store.Export(func(id keyspace.Identity, claim keyspace.Claim) (err error) {
			w, err = begin(backup.Header{
				Cluster: id.Cluster, Digest: id.Digest, Replica: id.Replica, Node: b.node, Version: Version,
				Time: at.UnixMilli(), Claim: claim,
			})
			return err
		}, func(e keyspace.Entry) error {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			return w.Add(e)
		})
	})
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
		if id, ok := strings.CutSuffix(entry.Name(), backupSuffix); ok && id != last.ID {
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
		Keys: s.Keys, Tombstones: s.Tombstones, System: s.System,
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
	_, err := time.Parse(backupTime, at)
	_, malformed := hex.DecodeString(replica)
	return ok && err == nil && malformed == nil && len(replica) == 8
}

// Remove implements httpapi.Backups.
func (b *backups) Remove(id string) error {
	f, err := b.Open(id)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(b.plan.Load().path(id)))
}

// prune removes the backups that are older than backup_retention. The newest sound one
// stays, however old it is.
func (b *backups) prune(now time.Time) (gone int, err error) {
	all, err := b.List()
	newest := -1
	for i := range all {
		if all[i].State == "done" {
			newest = i
		}
	}
	for i := range all {
		old := now.Sub(time.UnixMilli(all[i].Time)) > b.plan.Load().keep
		if i >= newest || !old || all[i].State == "running" || !isBackupID(all[i].ID) {
			continue
		}
		if failed := b.Remove(all[i].ID); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		gone++
	}
	return gone, err
}
