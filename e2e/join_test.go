package e2e

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	servesWithin = time.Minute     // a joining node takes writes
	joinsWithin  = 3 * time.Minute // and has everything
	settles      = 10 * time.Second
	slowdownMax  = 3 // of the source's p99 while it is copied from
)

// copying is how a node says its copy stands.
type copying struct {
	Mode    string `json:"mode"`
	Replica string `json:"replica"`
	Root    string `json:"root"`
	Keys    int    `json:"keys"`
	Copy    struct {
		Phase string `json:"phase"`
	} `json:"copy"`
}

func (n *node) copying() (c copying) {
	n.fetch("/sync/status", &c)
	return c
}

// awaitKeys waits until a copy has brought so many records and goes on.
func (n *node) awaitKeys(count int) copying {
	n.t.Helper()
	var c copying
	eventually(n.t, servesWithin, n.name+" has a part of the records", func() bool {
		c = n.copying()
		return c.Keys >= count
	})
	if c.Copy.Phase == "none" {
		n.t.Fatalf("%s has all %d records: too late to disturb it", n.name, c.Keys)
	}
	return c
}

// awaitCopied waits until a node takes writes, then until its copy is complete,
// and says how long each took since began.
func (n *node) awaitCopied(began time.Time) (serves, complete time.Duration) {
	n.t.Helper()
	eventually(n.t, servesWithin, n.name+" takes writes", func() bool {
		c := n.copying()
		return c.Mode == "normal" && c.Keys > 0 // it has met the cluster
	})
	serves = time.Since(began)
	eventually(n.t, joinsWithin, n.name+" has everything", func() bool { return n.copying().Copy.Phase == "none" })
	return serves, time.Since(began)
}

// source is the one of nodes that n copies from, by its log.
func (n *node) source(nodes []*node) *node {
	n.t.Helper()
	lines := n.stderr.lines()
	for i := len(lines) - 1; i >= 0; i-- {
		for _, o := range nodes {
			if strings.Contains(lines[i], "copy of the cluster's data") &&
				strings.Contains(lines[i], `"source":"`+o.replica()[:8]+`"`) {
				return o
			}
		}
	}
	n.t.Fatalf("%s does not say whom it copies from", n.name)
	return nil
}

// TestRigJoin lets nodes join a cluster with many records, one after the other:
// the first undisturbed, with a light load on its source; the second loses its
// source in the middle; the third is killed itself in the middle.
func TestRigJoin(t *testing.T) {
	measuring(t)
	count := *rigRecords
	a := start(t, "a")
	took := a.load(count)
	t.Logf("loaded %d records in %v, %d a second", count, took.Round(time.Millisecond), perSecond(count, took))
	b := joinUnderLoad(t, a, count)
	c := joinWithoutItsSource(t, []*node{a, b}, count)
	joinKilled(t, []*node{a, b, c}, count)
}

func perSecond(count int, took time.Duration) int { return int(float64(count) / took.Seconds()) }

func joinUnderLoad(t *testing.T, a *node, count int) *node {
	t.Helper()
	a.pin(t, 0)
	l := startLightLoad(a)
	always(t, settles, "it runs", a.running)
	before := l.end(t)

	b := newNodeIn(t, otherDisk(t), "b", seeds(a))
	l = startLightLoad(a)
	began := time.Now()
	b.launch()
	b.pin(t, 1)
	serves, complete := b.awaitCopied(began)
	during := l.end(t)
	eventually(t, settles, "roots are equal", func() bool { return sameRoot([]*node{a, b}) })
	t.Logf("joined: serves after %v, has everything after %v, %d records a second", serves.Round(time.Millisecond),
		complete.Round(time.Millisecond), perSecond(count, complete))
	t.Logf("the source's PUT at 50 a second: p50 %v, p99 %v before; p50 %v, p99 %v, most %v during",
		percentile(before, 50), percentile(before, 99), percentile(during, 50), percentile(during, 99),
		percentile(during, 100))
	if p := percentile(during, 99); p > slowdownMax*percentile(before, 99) {
		t.Errorf("the source's p99 was %v, and %v during the copy: more than %d times", percentile(before, 99), p,
			slowdownMax)
	}
	return b
}

// otherDisk is a directory for a node that shares no disk with the others, if there is
// another disk: nodes of one cluster do not.
func otherDisk(t *testing.T) string {
	t.Helper()
	if *rigApart == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(*rigApart, "join")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// pin keeps a node to one processor, if the nodes are to be measured apart.
func (n *node) pin(t *testing.T, processor int) {
	t.Helper()
	if *rigApart == "" {
		return
	}
	pid := strconv.Itoa(n.cmd.Process.Pid)
	if out, err := exec.Command("taskset", "-a", "-cp", strconv.Itoa(processor), pid).CombinedOutput(); err != nil {
		t.Fatalf("pin %s to processor %d: %v %s", n.name, processor, err, out)
	}
}

func joinWithoutItsSource(t *testing.T, nodes []*node, count int) *node {
	t.Helper()
	c := newNode(t, "c", seeds(nodes...))
	began := time.Now()
	c.launch()
	c.awaitServing()
	was := c.awaitKeys(count / 4)
	source := c.source(nodes)
	source.kill()
	t.Logf("killed source %s at %d records, phase %s", source.name, was.Keys, was.Copy.Phase)
	serves, complete := c.awaitCopied(began)
	if is := c.copying(); is.Replica != was.Replica {
		t.Error("it has started over as another replica")
	}
	source.start()
	all := append([]*node{c}, nodes...)
	eventually(t, joinsWithin, "roots are equal", func() bool { return sameRoot(all) })
	t.Logf("serves after %v, has everything after %v, with another source", serves.Round(time.Millisecond),
		complete.Round(time.Millisecond))
	return c
}

func joinKilled(t *testing.T, nodes []*node, count int) {
	t.Helper()
	d := newNode(t, "d", seeds(nodes...))
	began := time.Now()
	d.launch()
	d.awaitServing()
	was := d.awaitKeys(count / 2)
	d.kill()
	d.start()
	is := d.copying()
	t.Logf("killed at %d records in phase %s; starts with %d in phase %s", was.Keys, was.Copy.Phase, is.Keys,
		is.Copy.Phase)
	if is.Keys < was.Keys || is.Replica != was.Replica {
		t.Errorf("it begins again: was %+v, is %+v", was, is)
	}
	_, complete := d.awaitCopied(began)
	all := append([]*node{d}, nodes...)
	eventually(t, joinsWithin, "roots are equal", func() bool { return sameRoot(all) })
	t.Logf("has everything after %v, the kill and the start included", complete.Round(time.Millisecond))
}
