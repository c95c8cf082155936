package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"kvs/sim"
)

// writesApart is how far apart two writes of one key are at least, in ms, if it is known which
// of them is the newer, whatever the machine is busy with.
const writesApart = 100

// TestScriptsComeToTheSame (B23) plays scripts of operations and faults twice: on
// simulated nodes and on three processes, whose links are cut by relays, which are killed
// with kill -9 and stopped. In the end all nodes of either kind are equal, and both kinds
// show the same value under each key, or nothing. Of writes that are too close to each
// other to say which is the newer, either kind shows any.
func TestScriptsComeToTheSame(t *testing.T) {
	long(t)
	files, err := filepath.Glob("../sim/testdata/differential/*.sim")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { comesToTheSame(t, file) })
	}
}

func comesToTheSame(t *testing.T, file string) {
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s, err := sim.ReadScript(in)
	if err != nil {
		t.Fatal(err)
	}
	simulated, r := s.Shown()
	if r.Failure != nil {
		t.Fatal(r.Failure)
	}
	newest := newestWrites(s.Acts)
	if count := len(writesOf(s.Acts)); r.Writes != count {
		t.Fatalf("the simulator acknowledged %d of %d writes", r.Writes, count)
	}
	w := startWired(t, s.Options.Nodes)
	w.play(s.Acts)
	took, data := awaitEqual(t, w.nodes, 30*time.Second)
	processes := writesShown(t, data)
	t.Logf("equal %v after the script: %d keys of %d are there", took.Round(time.Millisecond), len(processes), len(newest))
	for key, open := range newest {
		a, b := simulated[key], processes[key]
		if len(open) == 1 && a != b || !slices.Contains(open, a) || !slices.Contains(open, b) {
			t.Errorf("%s: write %d in the simulator, write %d on processes, 0 for absent; want of %d", key, a, b, open)
		}
	}
}

// writesShown is which write each key shows.
func writesShown(t *testing.T, data map[string]item) map[string]uint64 {
	t.Helper()
	out := map[string]uint64{}
	for key, i := range data {
		n, err := strconv.ParseUint(string(i.Data), 10, 64)
		if err != nil {
			t.Errorf("%s is no write of the script: %s", key, i.Data)
		}
		out[key] = n
	}
	return out
}

// TestRelaysCutLinks: what a node writes that is cut off reaches nobody until the cut ends,
// and then everybody; the others go on together.
func TestRelaysCutLinks(t *testing.T) {
	long(t)
	w := startWired(t, 3)
	a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
	a.put("before", "1")
	eventually(t, visibleWithin, "all have what was written before", func() bool { return b.shows("before", "1") && c.shows("before", "1") })
	ways := []way{{0, 1}, {1, 0}, {0, 2}, {2, 0}}
	for _, y := range ways {
		w.cut(y, 1)
	}
	a.put("k", "1")
	b.put("l", "2")
	eventually(t, visibleWithin, "the others are together", func() bool { return c.shows("l", "2") })
	always(t, time.Second, "the one that is cut off is apart", func() bool { return b.lacks("k") && c.lacks("k") && a.lacks("l") })
	for _, y := range ways {
		w.cut(y, -1)
	}
	awaitEqual(t, w.nodes, 10*time.Second)
	if !a.shows("l", "2") || !c.shows("k", "1") {
		t.Error("they are equal, and not all that was written is there")
	}
}

// scripted is one write of a script, by its number.
type scripted struct {
	number     uint64
	at         sim.Millis
	host       int
	key        string
	deletes    bool
	ttl        time.Duration
	absentThen bool // it shows nothing in the end
}

// writesOf lists the writes of a script in their order. The end of a script is later than
// any of their times to live, an hour apart.
func writesOf(acts []sim.Act) (out []scripted) {
	for i := range acts {
		a := &acts[i]
		if a.Kind != sim.ActWrite {
			continue
		}
		for args := a.Args; len(args) > 0; args = args[4:] {
			ttl := time.Duration(args[3]) * time.Millisecond
			out = append(out, scripted{
				number: uint64(len(out) + 1), at: a.At, host: a.Hosts[0], key: fmt.Sprintf("k%d", args[0]),
				deletes: args[1] != 0, ttl: ttl, absentThen: args[1] != 0 || ttl > 0 && ttl < time.Hour,
			})
		}
	}
	return out
}

// newestWrites is, by key, what it may show: the number of its last write, 0 for absent,
// and of those that are too close to it.
func newestWrites(acts []sim.Act) map[string][]uint64 {
	writes, newest := writesOf(acts), map[string][]uint64{}
	for i := range writes {
		last := i
		for k := i; k < len(writes); k++ {
			if writes[k].key == writes[i].key {
				last = k
			}
		}
		if writes[last].at-writes[i].at >= writesApart {
			continue
		}
		shows := writes[i].number
		if writes[i].absentThen {
			shows = 0
		}
		newest[writes[i].key] = append(newest[writes[i].key], shows)
	}
	return newest
}

// step is what is done at a time of a script.
type step struct {
	at sim.Millis
	do func()
}

// play does to the nodes what a script says, when it says so after its first act. Writes
// of one time are made at once.
func (w *wiring) play(acts []sim.Act) {
	w.t.Helper()
	var steps []step
	for all := writesOf(acts); len(all) > 0; {
		k := 1
		for k < len(all) && all[k].at == all[0].at {
			k++
		}
		now := all[:k]
		steps = append(steps, step{now[0].at, func() {
			each(w.t, len(now), func(i int) error { return w.write(&now[i]) })
		}})
		all = all[k:]
	}
	for i := range acts {
		steps = append(steps, w.fault(&acts[i])...)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	began := time.Now()
	for _, s := range steps {
		due := began.Add(time.Duration(s.at-steps[0].at) * time.Millisecond)
		if late := time.Since(due); late > 0 {
			began = began.Add(late) // what follows keeps its distance
		}
		eventually(w.t, max(time.Until(due), 0)+time.Second, "it is time", func() bool { return !time.Now().Before(due) })
		s.do()
	}
}

// fault is what a fault of a script begins and ends with.
func (w *wiring) fault(a *sim.Act) []step {
	h := a.Hosts[0]
	n, until := w.nodes[h], func(arg int) sim.Millis { return a.At + sim.Millis(a.Args[arg]) }
	switch a.Kind {
	case sim.ActWrite:
		return nil
	case sim.ActCut:
		there, back, both := way{h, a.Hosts[1]}, way{a.Hosts[1], h}, a.Args[0] == 0
		cut := func(by int) {
			w.cut(there, by)
			if both {
				w.cut(back, by)
			}
		}
		return []step{{a.At, func() { cut(1) }}, {until(1), func() { cut(-1) }}}
	case sim.ActCrash:
		return []step{{a.At, n.kill}, {until(0), func() { n.start() }}}
	case sim.ActPause:
		return []step{{a.At, n.pause}, {until(0), n.resume}}
	}
	w.t.Fatalf("%v cannot be done to a process", a)
	return nil
}

// write makes one write, or says why it was not taken.
func (w *wiring) write(o *scripted) error {
	n, method := w.nodes[o.host], http.MethodPut
	path, body := "/kv/"+o.key, strconv.AppendUint(nil, o.number, 10)
	switch {
	case o.deletes:
		method, body = http.MethodDelete, nil
	case o.ttl > 0:
		path += "?ttl=" + o.ttl.String()
	}
	a, err := n.ask(method, path, body)
	if err == nil && a.status != http.StatusOK && a.status != http.StatusCreated && a.status != http.StatusNoContent {
		err = fmt.Errorf("write %d, %s %s on %s: %s", o.number, method, path, n.name, a)
	}
	return err
}
