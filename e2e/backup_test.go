package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
)

// Goal (B18): a node under writes is backed up, its directory is lost, and the file makes it
// again: every write from before the backup is there, deletes stay deleted, users, tokens
// and rights hold, and it takes writes. A damaged file is refused whole.
func TestB18BackupWipeRestore(t *testing.T) {
	n := newNode(t, "alpha", `backup_path: "kept"`)
	n.configure(strings.Replace(settings(n.name, n.port, `backup_path: "kept"`), "auth_enabled: false", "auth_enabled: true", 1))
	n.start()
	n.token = n.adminToken()
	n.as(n.token, http.MethodPost, "/auth/users", `{"name":"john"}`)
	for i := range 200 {
		n.put(fmt.Sprintf("k/%03d", i), fmt.Sprint(i))
		if i%4 == 0 {
			n.del(fmt.Sprintf("k/%03d", i))
		}
	}
	users := n.as(n.token, http.MethodGet, "/auth/users", "").body
	old := n.token
	secret := filepath.Join(n.dir, "data-"+n.name, "admin.token")
	file := filepath.Join(n.dir, "copy.kvsbak")
	n.backUpUnderWrites(secret, file)
	if list := n.kvs("backup", "ls", "--token-file", secret); list.code != 0 || !strings.Contains(list.stdout, "done") {
		t.Error(list)
	}
	n.put("k/later", "1")
	want := n.everything()
	if out := n.kvs("restore", file, "--rewind", "--prefix", "k/", "--yes", "--token-file", secret); out.code != 0 ||
		!strings.Contains(out.stdout, "1 deleted") {
		t.Fatal(out)
	}
	delete(want, "k/later")
	n.stop()
	data := filepath.Join(n.dir, "data-"+n.name)
	n.must(os.RemoveAll(data))

	n.refusesDamage(file, data)
	if out := n.kvs("backup", "verify", file, "--token-file", filepath.Join(n.dir, "gone")); out.code != 0 {
		t.Fatal(out)
	}
	gone := filepath.Join(n.dir, "gone") // as the token is, with the directory that was lost
	if out := n.kvs("restore", file, "--into", data, "--token-file", gone); out.code != 0 || !strings.Contains(out.stderr, "100 %") {
		t.Fatal(out)
	}
	n.start()
	n.token = n.adminToken()
	n.holds(want)
	if again := n.as(n.token, http.MethodGet, "/auth/users", "").body; string(again) != string(users) {
		t.Errorf("users were %s, are %s", users, again)
	}
	if a := n.as(old, http.MethodGet, "/kv/k/001", ""); a.status != http.StatusOK {
		t.Error("a token from before", a)
	}
	n.put("k/001", `"new"`)
	n.stop()
}

// Goal: an encrypted backup is nothing without the identity of a recipient, and a directory
// with it; each way to open it wrongly says what to try, and a damaged one leaves nothing.
func TestEncryptedBackup(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, "alpha", fmt.Sprintf("backup_path: kept\nbackup_recipients: [%q]", id.Recipient()))
	n.start()
	n.put("k/precious", "1")
	want := n.everything()
	in := func(name string) string { return filepath.Join(n.dir, name) }
	n.must(os.WriteFile(in("good.key"), []byte(id.String()+"\n"), 0o600))
	n.must(os.WriteFile(in("wrong.key"), []byte(other.String()+"\n"), 0o600))
	file, data := in("copy.kvsbak"), in("again")
	if out := n.kvs("backup", "create", "--out", file); out.code != 0 || !strings.Contains(out.stdout, "encrypted") {
		t.Fatal(out)
	}
	if out := n.kvs("backup", "ls"); out.code != 0 || !strings.Contains(out.stdout, "encrypted") {
		t.Error(out)
	}
	text, err := os.ReadFile(file)
	n.must(err)
	text[len(text)-100] ^= 4
	n.must(os.WriteFile(in("broken.kvsbak"), text, 0o600))
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{2, "--identity", []string{"backup", "verify", file}},
		{2, "--identity", []string{"restore", file, "--into", data}},
		{2, "--identity", []string{"restore", file, "--merge", "--yes"}},
		{5, "backup_recipients", []string{"backup", "verify", file, "--identity", in("wrong.key")}},
		{2, "age-keygen", []string{"backup", "verify", file, "--identity", in("none.key")}},
		{2, "AGE-SECRET-KEY-1", []string{"backup", "verify", file, "--identity", file}},
		{9, "older backup", []string{"restore", in("broken.kvsbak"), "--into", data, "--identity", in("good.key")}},
		{0, "sound", []string{"backup", "verify", file, "--identity", in("good.key")}},
		{0, "1 unchanged", []string{"restore", file, "--merge", "--yes", "--identity", in("good.key")}},
	} {
		if out := n.kvs(c.args...); out.code != c.code || !strings.Contains(out.stdout+out.stderr, c.says) {
			t.Errorf("kvs %v: %v", c.args, out)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Error("there is a directory", err)
	}
	n.stop()
	n.must(os.RemoveAll(in("data-alpha")))
	if out := n.kvs("restore", file, "--into", in("data-alpha"), "--identity", in("good.key")); out.code != 0 {
		t.Fatal(out)
	}
	n.start()
	n.holds(want)
	n.stop()
}

// Goal: an incremental backup with what it builds on beside it makes the data again, deletes
// among it; without that, or with a damaged one, nothing is restored and the file is named.
func TestIncrementalBackup(t *testing.T) {
	n := newNode(t, "alpha", "backup_path: kept")
	n.start()
	in := func(name string) string { return filepath.Join(n.dir, name) }
	for i := range 50 {
		n.put(fmt.Sprintf("k/%02d", i), fmt.Sprint(i))
	}
	files := []string{in("sunday"), in("monday"), in("tuesday")}
	var last string
	for i, file := range files {
		n.put(fmt.Sprintf("k/%02d", i), `"changed"`)
		n.del(fmt.Sprintf("k/%02d", 10+i))
		made := n.kvs("backup", "create", "--incremental", "--out", file)
		if made.code != 0 || i > 0 && !strings.Contains(made.stdout, "on "+last+", 1 keys, 1 deletions") {
			t.Fatal(made)
		}
		last, _, _ = strings.Cut(made.stdout, " ")
	}
	want := n.everything()
	for _, args := range [][]string{{files[2]}, {last}} {
		if out := n.kvs("backup", "verify", args[0]); out.code != 0 || !strings.Contains(out.stdout, "47 keys, 3 deletions") {
			t.Error(args, out)
		}
	}
	n.put("k/49", `"later"`)
	if out := n.kvs("restore", files[2], "--rewind", "--prefix", "k/", "--yes"); out.code != 0 || !strings.Contains(out.stdout, "1 written") {
		t.Error(out)
	}
	n.stop()
	data := in("data-alpha")
	n.must(os.RemoveAll(data))
	text, err := os.ReadFile(files[1])
	n.must(err)
	broken := bytes.Clone(text)
	broken[len(broken)-150] ^= 1
	n.must(os.WriteFile(files[1], broken, 0o600))
	if out := n.kvs("restore", files[2], "--into", data); out.code != 9 || !strings.Contains(out.stderr, files[1]) {
		t.Error("with a damaged base:", out)
	}
	n.must(os.Remove(files[1]))
	if out := n.kvs("restore", files[2], "--into", data); out.code != 9 || !strings.Contains(out.stderr, "is not in "+n.dir) {
		t.Error("without its base:", out)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Fatal("there is a directory", err)
	}
	n.must(os.WriteFile(files[1], text, 0o600))
	if out := n.kvs("restore", files[2], "--into", data); out.code != 0 {
		t.Fatal(out)
	}
	n.start()
	n.holds(want)
	n.stop()
}

// backUpUnderWrites makes a backup, and copies it, while somebody writes.
func (n *node) backUpUnderWrites(secret, file string) {
	n.t.Helper()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	writers.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = requestAs(n.token, http.MethodPut, n.url(fmt.Sprint("/kv/during/", i)), []byte("1"))
			}
		}
	})
	made := n.kvs("backup", "create", "--out", file, "--token-file", secret)
	close(stop)
	writers.Wait()
	if made.code != 0 {
		n.t.Fatal(made)
	}
}

// refusesDamage flips a bit of a copy of a file: nothing takes that.
func (n *node) refusesDamage(file, data string) {
	n.t.Helper()
	text, err := os.ReadFile(file)
	n.must(err)
	broken := filepath.Join(n.dir, "broken.kvsbak")
	text[len(text)/3] ^= 4
	n.must(os.WriteFile(broken, text, 0o600))
	for _, args := range [][]string{{"restore", broken, "--into", data}, {"restore", broken, "--merge", "--yes"}, {"backup", "verify", broken}} {
		if out := n.kvs(args...); out.code != 9 {
			n.t.Errorf("kvs %v with a damaged file: %v", args, out)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		n.t.Fatal("a damaged file left a directory", err)
	}
}

// holds says that a node has just these records, but for those that were written while
// the backup was made.
func (n *node) holds(want map[string]item) {
	n.t.Helper()
	got := n.everything()
	for key, item := range want {
		if _, there := got[key]; !there && !strings.HasPrefix(key, "during/") {
			n.t.Errorf("%s is lost", key)
		} else if there && (got[key].UUID != item.UUID || string(got[key].Data) != string(item.Data)) {
			n.t.Errorf("%s is %+v, was %+v", key, got[key], item)
		}
	}
	for key := range got {
		if _, there := want[key]; !there {
			n.t.Errorf("%s came back", key)
		}
	}
}
