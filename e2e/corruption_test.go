package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	damagedKeys  = 3000
	damagedRuns  = 20 // of each kind of file and damage, with -rig; else each kind has one
	mendsWithin  = 30 * time.Second
	endsOrServes = 20 * time.Second
)

// fileKinds are the files of a data directory, by patterns of their names.
var fileKinds = []string{"*.sst", "*.mem", "*.vlog", "MANIFEST", "KEYREGISTRY", "DISCARD", "sidecar"}

// damages are what a disk may do to a file.
var damages = []struct {
	name string
	do   func(r *rand.Rand, path string, size int64) error
}{
	{"flip", func(r *rand.Rand, path string, size int64) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		at, b := r.Int64N(max(size, 1)), make([]byte, 1)
		if _, err := f.ReadAt(b, at); err != nil {
			return nil // it is empty
		}
		b[0] ^= 1 << r.IntN(8)
		_, err = f.WriteAt(b, at)
		return err
	}},
	{"cut", func(r *rand.Rand, path string, size int64) error { return os.Truncate(path, r.Int64N(max(size, 1))) }},
	{"lose", func(_ *rand.Rand, path string, _ int64) error { return os.Remove(path) }},
}

// written says where the data of a file ends: the log of a table in memory is made at its
// greatest, and is zeros behind what was written.
func written(path string) (size int64, err error) {
	b, err := os.ReadFile(path)
	return int64(len(strings.TrimRight(string(b), "\x00"))), err
}

// TestB9Corruption damages each kind of file of a node that has peers. Whatever is damaged,
// the node serves no wrong value and misses none without saying so: it starts and mends
// itself, or sets its store aside and takes a copy, or ends and says what to do.
func TestB9Corruption(t *testing.T) {
	long(t)
	a := start(t, "a", "backup_enabled: false")
	b := start(t, "b", seeds(a), "backup_enabled: false", "tamper_logging_enabled: false")
	each(t, damagedKeys, func(i int) error { return a.write(damagedKey(i), damagedValue(i)) })
	awaitEqual(t, []*node{a, b}, 20*time.Second)
	each(t, damagedKeys/10, func(i int) error { return a.write(damagedKey(i), damagedValue(i+damagedKeys)) })
	awaitEqual(t, []*node{a, b}, 20*time.Second)
	data := filepath.Join(b.dir, "data-b")
	outcomes := map[string]int{}
	for k, kind := range fileKinds {
		for d, damage := range damages {
			runs := damagedRuns
			if !*rig {
				runs = 0
				if d == k%len(damages) {
					runs = 1
				}
			}
			for i := range runs {
				r := rand.New(rand.NewPCG(9, uint64(i)))
				b.end(syscall.SIGTERM, 10*time.Second)
				b.start() // what was in memory lies in tables now
				b.excused = true
				awaitEqual(t, []*node{a, b}, mendsWithin)
				b.kill()
				files, err := filepath.Glob(filepath.Join(data, kind))
				b.must(err)
				if len(files) == 0 {
					t.Errorf("the node has no file %s", kind)
					break
				}
				file := files[r.IntN(len(files))]
				size, err := written(file)
				b.must(err)
				b.must(damage.do(r, file, size))
				name := fmt.Sprintf("%s of %s", damage.name, filepath.Base(file))
				outcome := b.afterDamage(name, a)
				outcomes[outcome]++
				t.Logf("%s: %s", name, outcome)
				if !b.running() {
					b.must(os.RemoveAll(data))
					b.start()
				}
				awaitEqual(t, []*node{a, b}, mendsWithin)
				if asides, err := filepath.Glob(data + ".damaged-*"); err == nil {
					for _, dir := range asides {
						b.must(os.RemoveAll(dir))
					}
				}
			}
		}
	}
	t.Log(outcomes)
}

func damagedKey(i int) string   { return fmt.Sprintf("damage/%04d", i) }
func damagedValue(i int) string { return fmt.Sprintf(`"value %d %s"`, i, strings.Repeat("x", 300)) }

func damagedWant(i int) string {
	if i < damagedKeys/10 {
		return damagedValue(i + damagedKeys)
	}
	return damagedValue(i)
}

// afterDamage starts the node and says what becomes of it. Everything that it serves must
// be right, and in the end it has all, or does not run.
func (n *node) afterDamage(what string, peer *node) (outcome string) {
	n.t.Helper()
	n.launch()
	n.excused = true
	eventually(n.t, endsOrServes, what+": it serves, or has ended", func() bool {
		return !n.running() || n.members() != nil
	})
	equal := func() bool { return n.running() && sameRoot([]*node{n, peer}) }
	began := time.Now()
	for n.running() && time.Since(began) < mendsWithin {
		n.servesNothingWrong(what)
		if equal() {
			n.hasEverything(what)
			if strings.Contains(n.stderr.String(), "set aside") {
				return "rebuilt"
			}
			return "serves"
		}
	}
	if n.running() {
		n.t.Errorf("%s: it runs, and has not become equal in %v", what, mendsWithin)
		return "apart"
	}
	text := n.stderr.String()
	if strings.Contains(text, "goroutine ") {
		n.t.Errorf("%s: it ends with a panic: %s", what, tail(text))
		return "panics"
	}
	if n.cmd.ProcessState.ExitCode() <= 0 || !strings.Contains(text, "data") {
		n.t.Errorf("%s: it ends with %v and says %s", what, n.cmd.ProcessState, tail(text))
	}
	return "ends: " + tail(text)
}

// servesNothingWrong looks at some keys.
func (n *node) servesNothingWrong(what string) {
	n.t.Helper()
	for range 50 {
		i := rand.IntN(damagedKeys)
		h := n.health()
		told := !h.Joined || h.Status != "ok" || h.Mode != "normal" || n.copying().Copy.Phase != "none"
		a, err := n.ask(http.MethodGet, "/kv/"+damagedKey(i)+"?raw", nil)
		switch {
		case err != nil, a.status == http.StatusInternalServerError, a.status == http.StatusServiceUnavailable:
		case a.status == http.StatusOK && string(a.body) == damagedWant(i):
		case told: // it says that it has not got all, or that something is wrong
		default:
			n.t.Errorf("%s: it answers a read of %s with %s, and says nothing", what, damagedKey(i), a)
			return
		}
	}
}

// hasEverything reads all keys.
func (n *node) hasEverything(what string) {
	n.t.Helper()
	for i := range damagedKeys {
		var a answer
		var err error
		if _, ok := poll(10*time.Second, func() bool { // a record that is damaged comes from the peer when it is met
			a, err = n.ask(http.MethodGet, "/kv/"+damagedKey(i)+"?raw", nil)
			return err == nil && a.status == http.StatusOK
		}); !ok || string(a.body) != damagedWant(i) {
			n.t.Errorf("%s: %s is %s %v, though roots are equal", what, damagedKey(i), a, err)
			return
		}
	}
}
