package sim

import (
	"strconv"
	"strings"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// put lets a client write, or delete if the value is empty.
func (h *host) put(key, value string) {
	write := keyspace.Write{Key: key, Value: []byte(value), Delete: value == ""}
	c := h.w.clients
	c.next++
	c.open[c.next] = request{host: h, at: h.w.now, write: write}
	c.waiting = append(c.waiting, c.next)
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{Request: c.next, Write: write}}})
}

// returning is a cluster of which one host comes back after everything that it
// knew was deleted and forgotten.
type returning struct {
	*World
	t    *testing.T
	last *host // the one that comes back
}

func newReturning(t *testing.T, hosts, running int, horizon Millis) *returning {
	t.Helper()
	opt := Calm(1, hosts)
	opt.Core.Collect, opt.Core.Retention, opt.Core.Horizon = 500, 2_000, horizon
	opt.Duration = never
	w := newWorld(opt)
	for _, h := range w.hosts[:running] {
		w.queue.push(1, h.start)
	}
	w.queue.push(1_000, w.inspect)
	w.until(15_000)
	r := &returning{w, t, w.hosts[running-1]}
	for i := range 40 {
		w.hosts[0].put("k"+strconv.Itoa(i), "1")
	}
	w.until(20_000)
	return r
}

// deleteAll deletes every key on the first host and waits until the others do not
// even remember that.
func (r *returning) deleteAll() {
	r.t.Helper()
	for i := range 40 {
		r.hosts[0].put("k"+strconv.Itoa(i), "")
	}
	r.until(r.now + 60_000)
	for _, h := range r.hosts {
		if h != r.last && h.up && len(h.records()) > 0 {
			r.t.Fatalf("host %d still has %d records", h.index, len(h.records()))
		}
	}
}

// ends lets all hosts become one, and looks for what was deleted.
func (r *returning) ends(live ...string) {
	r.t.Helper()
	r.settle()
	if r.failure != nil {
		r.t.Fatal(r.failure)
	}
	for _, h := range r.hosts {
		got := h.records()
		for _, key := range live {
			if rec, ok := got[key]; !ok || rec.hdr.Tombstone() {
				r.t.Errorf("host %d has lost %s", h.index, key)
			}
			delete(got, key)
		}
		for key, rec := range got {
			if !rec.hdr.Tombstone() {
				r.t.Errorf("host %d shows %s again", h.index, key)
			}
		}
	}
}

// Goal: a host that was away for longer than every timer brings what it alone has
// written, and nothing of what was deleted meanwhile.
func TestReturnAfterEveryTimer(t *testing.T) {
	r := newReturning(t, 3, 3, 20_000)
	for _, h := range r.hosts[:2] {
		r.net.sever(h, r.last)
		r.net.sever(r.last, h)
	}
	r.last.put("early", "1") // may be older than its own forgotten delete, for all that is known later
	was := r.last.id
	r.deleteAll()
	r.last.put("late", "1")
	r.until(r.now + 1_000)
	r.last.crash()
	r.ends("late")
	logged := 0
	for k := range r.last.disk.Reader().Ascend([]byte("r"), []byte("s")) {
		if strings.Contains(string(k), "early") {
			logged++
		}
	}
	if logged != 1 {
		t.Errorf("the log of losers has %d versions of a write that nobody could take over", logged)
	}
	if r.last.id == was {
		t.Error("it came back as the replica that was given up")
	}
}

// Goal: a disk that is set back to a time before the deletes brings nothing back.
func TestReturnOfAnOldDisk(t *testing.T) {
	for _, sidecar := range []bool{false, true} { // of the time of the copy, too
		r := newReturning(t, 3, 3, 0)
		h := r.last
		h.backup, h.sidecar = h.disk.Durable(), h.known
		r.deleteAll()
		h.crash()
		h.disk, h.fallen, h.set, h.reseeded = h.backup.Clone(), true, true, true
		if sidecar {
			h.known = h.sidecar
		}
		h.start()
		r.ends()
	}
}

// Goal: a copy of a disk that starts beside its original, after what it holds was
// deleted and forgotten, brings nothing back.
func TestReturnOfAClone(t *testing.T) {
	r := newReturning(t, 4, 3, 0)
	clone, of := r.hosts[3], r.last
	clone.disk, clone.known = of.disk.Durable(), of.known
	clone.fallen, of.fallen, clone.set, clone.reseeded = true, true, true, true
	r.deleteAll()
	clone.start()
	r.until(r.now + 20_000)
	r.ends()
	if clone.id == of.id {
		t.Error("the two are still one replica")
	}
}
