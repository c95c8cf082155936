package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"kvs/httpapi"
	"kvs/internal/backup"
	"kvs/internal/config"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// startKeeping runs a node whose backups lie in a directory of the test.
func startKeeping(t *testing.T, name string, seeds ...string) *Server {
	t.Helper()
	return startWith(t, name, seeds, func(c *config.Config) { c.BackupPath = t.TempDir() })
}

// backUp makes a backup and returns its bytes.
func backUp(t *testing.T, s *Server) (id string, text []byte) {
	t.Helper()
	id, err := s.backups.Begin(httpapi.FullBackup)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the backup is done", func() bool {
		all, err := s.backups.List()
		return err == nil && len(all) > 0 && all[len(all)-1].State != "running"
	})
	text, err = os.ReadFile(s.backups.plan.Load().path(id))
	if err != nil {
		t.Fatal(err)
	}
	return id, text
}

// restoreAll sends a backup frame by frame.
func restoreAll(t *testing.T, s *Server, text []byte, r httpapi.Restore) (sum httpapi.Restored) {
	t.Helper()
	file, err := backup.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	err = file.Each(func(f backup.Frame) error {
		for r.Frame, r.Start = f.Raw, ""; ; {
			out, err := s.backups.Restore(r)
			if err != nil {
				return err
			}
			for i := range sum.Keys {
				sum.Keys[i] += out.Keys[i]
			}
			if r.Start = out.Next; r.Start == "" {
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// opens is a backup that can be opened.
func opens(text []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
}

func remove(t *testing.T, s *Server, key string) {
	t.Helper()
	if _, err := s.api().Write(httpapi.Write{Key: key, Delete: true}); err != nil {
		t.Fatal(err)
	}
}

// Goal: a rewind makes exactly what the backup had below a prefix, whatever was written or
// deleted since, and nothing else; a merge only adds what was lost, and undoes nothing
// that is newer. Method: several frames, random writes before and after, against maps.
func TestRestoreIntoARunningNode(t *testing.T) {
	s := startKeeping(t, "a")
	rng := rand.New(rand.NewPCG(1, 1))
	scramble := func() {
		for range 120 {
			key := fmt.Sprintf("%s/%02d", []string{"a", "team", "z"}[rng.IntN(3)], rng.IntN(40))
			if rng.IntN(3) == 0 {
				remove(t, s, key)
			} else {
				put(t, s, key, `"`+strings.Repeat(fmt.Sprint(rng.IntN(10)), 20_000)+`"`)
			}
		}
	}
	scramble()
	before := shown(t, s, "team/", "team0")
	_, text := backUp(t, s)
	scramble()
	changed, others := shown(t, s, "", ""), shown(t, s, "a", "b")
	if out := restoreAll(t, s, text, httpapi.Restore{}); out.Keys[httpapi.RestoreWritten]+out.Keys[httpapi.RestoreDeleted] > 0 ||
		out.Keys[httpapi.RestoreNewer] == 0 || shown(t, s, "", "") != changed {
		t.Fatalf("a merge undid newer writes: %v", out)
	}
	dry := restoreAll(t, s, text, httpapi.Restore{Rewind: true, Prefix: "team/", DryRun: true})
	if shown(t, s, "", "") != changed {
		t.Fatal("a dry run changed something")
	}
	out := restoreAll(t, s, text, httpapi.Restore{Rewind: true, Prefix: "team/"})
	if got := shown(t, s, "team/", "team0"); got != before || out != dry || out.Keys[httpapi.RestoreDeleted] == 0 {
		t.Fatalf("%v, dry %v, equal %v", out, dry, got == before)
	}
	if shown(t, s, "a", "b") != others {
		t.Fatal("keys beside the prefix changed")
	}
	b := startKeeping(t, "b") // another cluster
	put(t, b, "own", "1")
	out = restoreAll(t, b, text, httpapi.Restore{})
	_, again := backUp(t, b)
	if !strings.Contains(shown(t, b, "", ""), "own:1") || shown(t, b, "team/", "team0") != before || out.Keys[httpapi.RestoreWritten] == 0 {
		t.Fatalf("merged into another cluster: %v", out)
	}
	if out = restoreAll(t, b, again, httpapi.Restore{Rewind: true}); out.Keys[httpapi.RestoreUnchanged] == 0 ||
		out.Keys[httpapi.RestoreWritten]+out.Keys[httpapi.RestoreDeleted] > 0 {
		t.Fatalf("a rewind to what is there: %v", out)
	}
}

// Goal: many keys beside those of a frame are deleted page by page.
func TestRewindToAnEmptyBackup(t *testing.T) {
	s := startKeeping(t, "a")
	_, text := backUp(t, s)
	var ws []httpapi.Write
	for i := range rewindKeysMax + 500 {
		ws = append(ws, httpapi.Write{Key: fmt.Sprintf("k/%05d", i), Value: []byte("1")})
	}
	for len(ws) > 0 {
		n := min(restoreKeys, len(ws))
		for _, f := range s.api().WriteAll(ws[:n]) {
			if f.Err != nil {
				t.Fatal(f.Err)
			}
		}
		ws = ws[n:]
	}
	out := restoreAll(t, s, text, httpapi.Restore{Rewind: true})
	if out.Keys[httpapi.RestoreDeleted] != rewindKeysMax+500 || shown(t, s, "", "") != "map[]" {
		t.Fatal(out)
	}
}

// Goal: a frame with more keys than one request looks at is gone through page by page, and
// no page deletes what is on another.
func TestRewindPages(t *testing.T) {
	s := startKeeping(t, "a")
	const lost = rewindKeysMax + 100
	write := func(n int, w httpapi.Write) {
		for i := 0; i < n; i += restoreKeys {
			var ws []httpapi.Write
			for k := i; k < min(i+restoreKeys, n); k++ {
				w.Key = fmt.Sprintf("k/%05d", k)
				ws = append(ws, w)
			}
			for _, f := range s.api().WriteAll(ws) {
				if f.Err != nil {
					t.Fatal(f.Err)
				}
			}
		}
	}
	write(lost+400, httpapi.Write{Value: []byte("1")})
	before := shown(t, s, "", "")
	_, text := backUp(t, s)
	write(lost, httpapi.Write{Delete: true})
	out := restoreAll(t, s, text, httpapi.Restore{Rewind: true})
	if out.Keys[httpapi.RestoreWritten] != lost || out.Keys[httpapi.RestoreUnchanged] != 400 ||
		out.Keys[httpapi.RestoreDeleted] != 0 || shown(t, s, "", "") != before {
		t.Fatal(out)
	}
	b := startKeeping(t, "b") // has only a key of the second page
	put(t, b, fmt.Sprintf("k/%05d", lost), "2")
	out = restoreAll(t, b, text, httpapi.Restore{Rewind: true})
	if out.Keys[httpapi.RestoreWritten] != lost+400 || out.Keys[httpapi.RestoreDeleted] != 0 || shown(t, b, "", "") != before {
		t.Fatal(out)
	}
}

// Goal: a directory that has not got all that it will claim is no source of a backup.
func TestNoBackupOfAPart(t *testing.T) {
	f, err := beginFilling(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	export := func() error {
		return f.store.Export(func(keyspace.Identity, keyspace.Claim) error { return nil }, func(keyspace.Entry) error { return nil })
	}
	if err := export(); err != nil {
		t.Error(err)
	}
	if _, err := f.apply(keyspace.Batch{Join: wall(), Adopt: &keyspace.Adoption{Cluster: keyspace.ClusterID{1}, Copy: true}}); err != nil {
		t.Fatal(err)
	}
	if err := export(); !errors.Is(err, storage.ErrNotWhole) {
		t.Error(err)
	}
	if err := f.store.Close(); err != nil {
		t.Error(err)
	}
}

// Goal: a merge does not bring back what was deleted and forgotten. Method: a record of a
// key that is not there, once under a write that the node knows of, once under another.
func TestMergeKnowsForgottenDeletes(t *testing.T) {
	s := startKeeping(t, "a")
	put(t, s, "k", "1")
	var known keyspace.Entry
	if _, err := s.store.View("k", func(r keyspace.Record) { known = keyspace.Entry{Header: r.Header, Value: []byte("1")} }); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the status claims the write", func() bool { return s.Status().VV.Contains(known.Dot) })
	known.Key, known.Flags = "gone", keyspace.Salvaged
	other := known
	other.Key, other.Dot.Seq = "other", known.Dot.Seq+100
	var text bytes.Buffer
	w, err := backup.NewWriter(&text, backup.Header{Node: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add(known), w.Add(other)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := restoreAll(t, s, text.Bytes(), httpapi.Restore{})
	if shown(t, s, "", "") != "map[k:1 other:1]" || out.Keys[httpapi.RestoreNewer] != 1 || out.Keys[httpapi.RestoreWritten] != 1 {
		t.Fatal(out, shown(t, s, "", ""))
	}
}

// Goal (B18): a backup of a node under writes, made into an empty directory, is a replica
// with the same data, deletes among it, that founds or joins; and of a damaged file there
// is nothing.
func TestRestoreInto(t *testing.T) {
	s := startKeeping(t, "a")
	for i := range 300 {
		put(t, s, fmt.Sprintf("k/%03d", i), fmt.Sprint(i))
		if i%3 == 0 {
			remove(t, s, fmt.Sprintf("k/%03d", i))
		}
	}
	_, text := backUp(t, s)
	want, root, cluster := shown(t, s, "", ""), rootOf(t, s), s.Status().Identity.Cluster
	dir := filepath.Join(t.TempDir(), "data")
	text[len(text)/2] ^= 1
	if _, err := RestoreInto(dir, opens(text)); !errors.Is(err, backup.ErrCorrupt) {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); len(left) > 0 || err != nil {
		t.Fatal("of a damaged file there is", left, err)
	}
	text[len(text)/2] ^= 1
	if _, err := RestoreInto(dir, opens(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := RestoreInto(dir, opens(text)); err == nil {
		t.Fatal("a directory with data was taken")
	}
	alone := startIn(t, "b", dir)
	if got := alone.Status(); got.Identity.Cluster != cluster || got.Identity.Replica == s.Status().Identity.Replica {
		t.Fatalf("restored as %+v", got.Identity)
	}
	if shown(t, alone, "", "") != want || rootOf(t, alone) != root {
		t.Fatal("restored data differ")
	}
	if out := restoreAll(t, alone, text, httpapi.Restore{}); out.Keys[httpapi.RestoreUnchanged] != 300 || out.Keys[httpapi.RestoreWritten] != 0 {
		t.Fatal("records of other versions", out)
	}
	put(t, alone, "new", "1")
	put(t, s, "k/001", "2") // after the backup
	remove(t, s, "k/002")
	second := filepath.Join(t.TempDir(), "data")
	if _, err := RestoreInto(second, opens(text)); err != nil {
		t.Fatal(err)
	}
	joined := startIn(t, "c", second, s.Address())
	eventually(t, 20*time.Second, "c has what came after the backup", func() bool {
		return rootOf(t, joined) == rootOf(t, s) && shown(t, joined, "", "") == shown(t, s, "", "")
	})
}

func rootOf(t *testing.T, s *Server) [32]byte {
	t.Helper()
	root, _, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func startIn(t *testing.T, name, dir string, seeds ...string) *Server {
	t.Helper()
	return startWith(t, name, seeds, func(c *config.Config) { c.DataDir, c.BackupPath = dir, t.TempDir() })
}

// Goal: backups are made, listed, handed out in ranges, and removed over HTTP, one at a
// time and for administrators alone; and nothing that is no backup of this node is touched.
func TestBackupsOverHTTP(t *testing.T) {
	s := startKeeping(t, "a")
	c := client{t: t}
	put(t, s, "k", "1")
	status, _, h := c.do(s, "POST", "/admin/backups", "")
	if status != http.StatusAccepted || !strings.HasPrefix(h.Get("Location"), "/admin/backups/") {
		t.Fatal(status, h)
	}
	at := h.Get("Location")
	eventually(t, 10*time.Second, "the backup is done", func() bool {
		_, body, _ := c.do(s, "GET", at, "")
		return strings.Contains(body, `"state":"done"`) && strings.Contains(body, `"keys":1`) && strings.Contains(body, `"verified":true`)
	})
	status, whole, _ := c.do(s, "GET", at+"/download", "")
	if _, _, err := backup.Verify(strings.NewReader(whole)); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	foreign := filepath.Join(s.backups.plan.Load().dir, "20260101T000000.000Z-00000000.kvsbak")
	if err := os.WriteFile(foreign, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, call := range [][3]string{
		{"GET", "/admin/backups/20260101T000000.000Z-00000000/download", "404"},
		{"DELETE", "/admin/backups/20260101T000000.000Z-00000000", "404"},
		{"GET", "/admin/backups/..%2fa/download", "404"}, {"DELETE", "/admin/backups/..", "404"},
		{"PUT", "/admin/backups", "405"}, {"POST", "/admin/restore?mode=merge", "422"}, {"POST", "/admin/restore", "400"},
		{"DELETE", at, "204"}, {"GET", at, "404"}, {"GET", at + "/download", "404"},
	} {
		if status, body, _ := c.do(s, call[0], call[1], ""); fmt.Sprint(status) != call[2] {
			t.Errorf("%v: %d %s", call, status, body)
		}
	}
	if text, err := os.ReadFile(foreign); string(text) != "precious" {
		t.Error(err)
	}
	s.backups.last.State = "running"
	if status, body, _ := c.do(s, "POST", "/admin/backups", ""); status != 409 || !strings.Contains(body, "backup-running") {
		t.Error(status, body)
	}
	s.backups.last.State = ""
	g := startGuarded(t, "g")
	for _, call := range [][2]string{
		{"POST", "/admin/backups"}, {"GET", "/admin/backups"}, {"GET", "/admin/backups/x"}, {"DELETE", "/admin/backups/x"},
		{"GET", "/admin/backups/x/download"}, {"POST", "/admin/restore?mode=merge"},
	} {
		if status, _, _ := c.do(g, call[0], call[1], ""); status != 401 {
			t.Errorf("%v without a token: %d", call, status)
		}
	}
}

// Goal: what is older than backup_retention goes, but never the newest sound one, nor a
// file of somebody else.
func TestPrune(t *testing.T) {
	s := startKeeping(t, "a")
	first, _ := backUp(t, s)
	second, _ := backUp(t, s)
	other := newBackups(slog.New(slog.DiscardHandler), s.cfg, s.api(), s.backups.id)
	other.node = "b"
	for k, b := range []*backups{s.backups, other} {
		gone, err := b.prune(time.Now().Add(s.cfg.BackupRetention + time.Hour))
		if err != nil || gone != 1-k {
			t.Fatal(gone, err)
		}
	}
	if _, err := os.Stat(s.backups.plan.Load().path(first)); !os.IsNotExist(err) {
		t.Error("the older one is still there", err)
	}
	if _, err := os.Stat(s.backups.plan.Load().path(second)); err != nil {
		t.Error(err)
	}
}

// Goal: a node's time is the same after every scheduled one, others' differ, and all are
// before the next one.
func TestDueAfter(t *testing.T) {
	daily, err := config.ParseCron("0 0 * * *")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	first := dueAfter(daily, day, "a")
	delay := first.Sub(time.Date(2026, 3, 2, 0, 0, 0, 0, time.Local))
	if delay < 0 || delay >= jitterMax || !dueAfter(daily, first, "a").Equal(time.Date(2026, 3, 3, 0, 0, 0, 0, time.Local).Add(delay)) {
		t.Error(delay)
	}
	if early := first.Add(-time.Nanosecond); !dueAfter(daily, early, "a").Equal(first) {
		t.Error("one that is due next was passed over")
	}
	if dueAfter(daily, day, "b").Equal(first) {
		t.Error("two nodes begin at once")
	}
	often, err := config.ParseCron("* * * * *")
	if err != nil {
		t.Fatal(err)
	}
	if at := dueAfter(often, day, "a"); at.Sub(day) > time.Minute+6*time.Second {
		t.Error("a jitter longer than what it is part of", at)
	}
}

// Goal: metrics tell of the newest sound backup, also of one that an earlier run has made,
// and count those that fail.
func TestMetricsOfBackups(t *testing.T) {
	s := startKeeping(t, "a")
	put(t, s, "k", "1")
	read := func(s *Server, name string) (v float64) {
		s.backups.sample(func(n string, value float64, _ ...string) {
			if n == name {
				v = value
			}
		})
		return v
	}
	const at, size, failed = "kvs_backup_last_success_timestamp_seconds", "kvs_backup_bytes", "kvs_backup_failures_total"
	if read(s, at) != 0 || read(s, failed) != 0 {
		t.Error("there are backups before the first")
	}
	_, text := backUp(t, s)
	eventually(t, 10*time.Second, "the backup shows", func() bool { return read(s, size) == float64(len(text)) })
	made := read(s, at)
	if age := float64(time.Now().UnixMilli())/1000 - made; age < 0 || age > 60 {
		t.Errorf("the backup is %v s old", age)
	}

	again := newBackups(slog.New(slog.DiscardHandler), s.cfg, s.api(), s.backups.id)
	again.recall()
	if got := again.sound; got.Time == 0 || float64(got.Time)/1000 != made || got.Size != int64(len(text)) {
		t.Errorf("the next run knows of %+v", got)
	}

	p := *s.backups.plan.Load()
	p.dir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(p.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.backups.plan.Store(&p)
	if _, err := s.backups.Begin(httpapi.FullBackup); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the failure is counted", func() bool { return read(s, failed) == 1 })
	if read(s, at) != made {
		t.Error("a failed backup counts as the newest sound one")
	}
}

// Goal: backups of a node with recipients are encrypted from the next one on, are listed
// and removed as others are without anybody's identity, and make a replica again.
func TestEncryptedBackups(t *testing.T) {
	s := startKeeping(t, "a")
	put(t, s, "k", `"precious"`)
	first, _ := backUp(t, s)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.cfg
	cfg.BackupRecipients = []string{id.Recipient().String()}
	plan, err := planOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.backups.change(plan)
	second, text := backUp(t, s)
	third, _ := backUp(t, s)
	all, err := s.backups.List()
	if err != nil || len(all) != 3 || all[0].ID != first || all[0].Encrypted || all[0].Keys != 1 {
		t.Fatal(all, err)
	}
	for _, b := range all[1:] {
		if b.State != "done" || !b.Verified || !b.Encrypted || b.Size == 0 || b.Error != "" {
			t.Errorf("%+v", b)
		}
	}
	if bytes.Contains(text, []byte("KVSBAK")) {
		t.Error("it is not encrypted")
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := RestoreInto(dir, opens(text)); !errors.Is(err, backup.ErrCorrupt) {
		t.Fatal("it was taken without its identity", err)
	}
	plain := func() (io.ReadCloser, error) {
		in, err := backup.Decrypt(bytes.NewReader(text), []age.Identity{id})
		return io.NopCloser(in), err
	}
	if _, err := RestoreInto(dir, plain); err != nil {
		t.Fatal(err)
	}
	if again := startIn(t, "b", dir); shown(t, again, "", "") != shown(t, s, "", "") {
		t.Error("restored data differ")
	}
	gone, err := s.backups.prune(time.Now().Add(cfg.BackupRetention + time.Hour))
	all, failed := s.backups.List()
	if err != nil || gone != 2 || failed != nil || len(all) != 1 || all[0].ID != third {
		t.Errorf("of %s, %s and %s there are %v: %v %v", first, second, third, all, err, failed)
	}
}
