package server

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"kvs/httpapi"
	"kvs/internal/backup"
	"kvs/internal/config"
	"kvs/statemachine/keyspace"
)

// incremental makes an incremental backup.
func incremental(t *testing.T, s *Server) httpapi.Backup {
	t.Helper()
	return ended(t, s, func() (string, error) { return s.backups.Begin(httpapi.IncrementalBackup) })
}

// ended begins a backup and waits until it is over.
func ended(t *testing.T, s *Server, begin func() (string, error)) (b httpapi.Backup) {
	t.Helper()
	id, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the backup is over", func() bool {
		all, err := s.backups.List()
		if err != nil || len(all) == 0 {
			return false
		}
		b = all[len(all)-1]
		return b.ID == id && b.State != "running"
	})
	return b
}

// chainOf opens a backup of a node with all that it builds on.
func chainOf(t *testing.T, s *Server, id string, ids ...age.Identity) backup.Chain {
	t.Helper()
	p := s.backups.plan.Load()
	chain, err := backup.Follow(backup.FileLink(p.path(id)), backup.Beside(p.dir), ids)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// Goal: a full backup and the incremental ones on it make the data of the newest one, record
// by record, though deletions were forgotten between them. Method: the store of a replica,
// with random writes, deletes, expiries and purges while its time passes, and a link now
// and then; each link restored into a directory.
func TestIncrementalBackupsOfAStore(t *testing.T) {
	for seed := range uint64(4) {
		r := newKeptReplica(t, seed)
		for link := range 4 {
			r.live(60)
			want := r.backUp(link)
			dir := filepath.Join(t.TempDir(), "data")
			chain, err := backup.Follow(backup.FileLink(r.path(link)), backup.Beside(r.dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := RestoreInto(dir, chain.Open); err != nil {
				t.Fatalf("seed %d, link %d: %v", seed, link, err)
			}
			if d := cmp.Diff(want, recordsIn(t, dir)); d != "" {
				t.Fatalf("seed %d, link %d: %s", seed, link, d)
			}
		}
		if err := r.f.store.Close(); err != nil || r.purged == 0 {
			t.Fatal(err, "purged", r.purged)
		}
	}
}

// keptReplica is a store that is written to and backed up, with a clock of its own.
type keptReplica struct {
	t      *testing.T
	rng    *rand.Rand
	f      *filling
	dir    string
	now    keyspace.Millis
	base   *backup.Header
	vv     keyspace.VV
	purged int
}

func newKeptReplica(t *testing.T, seed uint64) *keptReplica {
	t.Helper()
	f, err := beginFilling(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &keptReplica{t: t, rng: rand.New(rand.NewPCG(seed, 2)), f: f, dir: t.TempDir(), now: wall() - 3_600_000}
	r.apply(keyspace.Batch{Join: r.now, Adopt: &keyspace.Adoption{Cluster: keyspace.ClusterID{1}, Digest: keyspace.DigestKey{2}}})
	return r
}

func (r *keptReplica) apply(b keyspace.Batch) *keyspace.Applied {
	r.t.Helper()
	r.now += 1000
	out, err := r.f.applyAt(r.now, b)
	if err != nil {
		r.t.Fatal(err)
	}
	r.vv = out.VV
	r.purged += len(out.Purged)
	return out
}

// live makes a number of changes.
func (r *keptReplica) live(n int) {
	for range n {
		w := keyspace.Write{Key: fmt.Sprintf("k/%02d", r.rng.IntN(40)), Value: []byte(fmt.Sprint(r.rng.Uint64()))}
		switch r.rng.IntN(6) {
		case 0, 1:
			w.Value, w.Delete = nil, true
		case 2:
			w.TTL = keyspace.Millis(1 + r.rng.IntN(100_000))
		case 3:
			r.apply(keyspace.Batch{Turn: true})
			r.apply(keyspace.Batch{Purge: &keyspace.Purge{Frontier: r.vv, Before: r.now - 5000, Settled: keyspace.Minute(r.now/60_000) - 1}})
			continue
		}
		r.apply(keyspace.Batch{Writes: []keyspace.Write{w}})
	}
}

func (r *keptReplica) path(link int) string { return filepath.Join(r.dir, fmt.Sprint(link)) }

// backUp makes the next link, and returns what it should hold.
func (r *keptReplica) backUp(link int) (records []keyspace.Entry) {
	r.t.Helper()
	_, err := backup.Create(r.path(link), nil, func(begin func(backup.Header) (*backup.Writer, error)) error {
		var w *backup.Writer
		return r.f.store.Export(func(id keyspace.Identity, claim keyspace.Claim) (err error) {
			h := backup.Header{Cluster: id.Cluster, Digest: id.Digest, Replica: id.Replica, Node: "a", Time: int64(r.now), Claim: claim}
			if r.base != nil && !h.BuildOn(*r.base) {
				return errors.New("it does not build on the one before")
			}
			r.base = &h
			w, err = begin(h)
			return err
		}, func(e keyspace.Entry) error {
			e.Value = bytes.Clone(e.Value)
			records = append(records, e)
			return w.Add(e)
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return records
}

// recordsIn are all records of a data directory.
func recordsIn(t *testing.T, dir string) (out []keyspace.Entry) {
	t.Helper()
	data, err := OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = data.Walk(func(e keyspace.Entry) error {
		e.Value = bytes.Clone(e.Value)
		out = append(out, e)
		return nil
	})
	if err := errors.Join(err, data.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

// Goal: by schedule a node makes so many incremental backups after a full one, then a full
// one again; what they build on can neither be removed nor outlive its time without them.
func TestIncrementalBackupsBySchedule(t *testing.T) {
	s := startWith(t, "a", nil, func(c *config.Config) { c.BackupPath, c.BackupIncremental = t.TempDir(), 2 })
	var all []httpapi.Backup
	for i := range 5 {
		put(t, s, fmt.Sprint("k/", i), "1")
		b := ended(t, s, func() (string, error) { return s.backups.begin(s.backups.plan.Load().incrementals) })
		all = append(all, b)
		want := ""
		if i%3 > 0 {
			want = all[i-1].ID
		}
		if b.State != "done" || b.Base != want || want != "" && (b.Keys != 1 || b.Kept == 0) {
			t.Fatalf("backup %d builds on %q: %+v", i, want, b)
		}
	}
	listed, err := s.backups.List()
	if err != nil || listed[2].Base != all[1].ID || listed[2].Kept != all[2].Kept {
		t.Error(err, listed[2])
	}
	if err := s.backups.Remove(all[0].ID); !errors.Is(err, httpapi.ErrBackupNeeded) {
		t.Error("what others build on was removed", err)
	}
	if gone, err := s.backups.prune(time.Now().Add(s.cfg.BackupRetention + time.Hour)); gone != 3 || err != nil {
		t.Error("the last chain should be all that is left", gone, err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := RestoreInto(dir, chainOf(t, s, all[4].ID).Open); err != nil {
		t.Fatal(err)
	}
	if again := startIn(t, "b", dir); shown(t, again, "", "") != shown(t, s, "", "") {
		t.Error("restored data differ")
	}
}

// Goal: a link that is not too old keeps all that it builds on, however old that is.
func TestPruneKeepsChains(t *testing.T) {
	s := startKeeping(t, "a")
	var ids []string
	for range 3 {
		put(t, s, "k", "1")
		ids = append(ids, incremental(t, s).ID)
	}
	backUp(t, s)
	all, err := s.backups.List()
	if err != nil {
		t.Fatal(err)
	}
	third := time.UnixMilli(all[2].Time) // on the edge: it stays
	if gone, err := s.backups.prune(third.Add(s.backups.plan.Load().keep)); gone != 0 || err != nil {
		t.Error("of a chain were removed", gone, err)
	}
	if gone, err := s.backups.prune(third.Add(s.backups.plan.Load().keep + time.Millisecond)); gone != 3 || err != nil {
		t.Error("of a chain that is too old were removed", gone, ids, err)
	}
}

// Goal: where there is nothing sound to build on, a full backup is made instead: before the
// first, on a damaged one, and without one of a chain.
func TestIncrementalWithoutABase(t *testing.T) {
	s := startKeeping(t, "a")
	value := make([]byte, 20_000) // the middle of the file is in it
	for i := range value {
		value[i] = 'a' + byte(rand.Uint32()%26)
	}
	put(t, s, "k", `"`+string(value)+`"`)
	first := incremental(t, s)
	if first.State != "done" || first.Base != "" {
		t.Fatalf("%+v", first)
	}
	path := s.backups.plan.Load().path
	text, err := os.ReadFile(path(first.ID))
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path(first.ID), text, 0o600); err != nil {
		t.Fatal(err)
	}
	second := incremental(t, s)
	if second.State != "done" || second.Base != "" {
		t.Fatalf("built on a damaged one: %+v", second)
	}
	third := incremental(t, s)
	if third.Base != second.ID {
		t.Fatalf("%+v", third)
	}
	if err := os.Remove(path(second.ID)); err != nil {
		t.Fatal(err)
	}
	if b := incremental(t, s); b.State != "done" || b.Base != "" {
		t.Fatalf("built on a chain with a link missing: %+v", b)
	}
}

// Goal: incremental backups can be encrypted; the node builds on those that it cannot read.
func TestEncryptedIncrementalBackups(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s := startWith(t, "a", nil, func(c *config.Config) {
		c.BackupPath, c.BackupRecipients = t.TempDir(), []string{id.Recipient().String()}
	})
	put(t, s, "k/1", "1")
	full := incremental(t, s)
	put(t, s, "k/2", "2")
	remove(t, s, "k/1")
	next := incremental(t, s)
	if full.Base != "" || next.Base != full.ID || !next.Encrypted {
		t.Fatalf("%+v %+v", full, next)
	}
	p := s.backups.plan.Load()
	if _, err := backup.Follow(backup.FileLink(p.path(next.ID)), backup.Beside(p.dir), nil); !errors.Is(err, backup.ErrEncrypted) {
		t.Error(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := RestoreInto(dir, chainOf(t, s, next.ID, id).Open); err != nil {
		t.Fatal(err)
	}
	if again := startIn(t, "b", dir); shown(t, again, "", "") != "map[k/2:2]" {
		t.Error(shown(t, again, "", ""))
	}
}

// Goal: the API makes incremental backups, says what they build on, and does not remove
// that before them.
func TestIncrementalBackupsOverHTTP(t *testing.T) {
	s := startKeeping(t, "a")
	c := client{t: t}
	put(t, s, "k", "1")
	full := ended(t, s, func() (string, error) { return s.backups.Begin(httpapi.FullBackup) })
	if status, body, _ := c.do(s, "POST", "/admin/backups?incremental=perhaps", ""); status != 400 {
		t.Error(status, body)
	}
	status, _, h := c.do(s, "POST", "/admin/backups?incremental=true", "")
	if status != 202 {
		t.Fatal(status)
	}
	eventually(t, 10*time.Second, "the backup is done", func() bool {
		_, body, _ := c.do(s, "GET", h.Get("Location"), "")
		return strings.Contains(body, `"state":"done"`) && strings.Contains(body, `"base":"`+full.ID+`"`) && strings.Contains(body, `"kept":`)
	})
	at := "/admin/backups/" + full.ID
	if status, body, _ := c.do(s, "DELETE", at, ""); status != 409 || !strings.Contains(body, "backup-needed") {
		t.Error(status, body)
	}
	for _, path := range []string{h.Get("Location"), at} {
		if status, body, _ := c.do(s, "DELETE", path, ""); status != 204 {
			t.Error(status, body)
		}
	}
}
