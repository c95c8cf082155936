package sim

import (
	"testing"

	"kvs/statemachine"
	"kvs/transport"
)

// Goal: comparing equal data costs next to nothing: one exchange, at most 1 KiB
// on the wire, and not one record.
// Method: 3 hosts at rest, for long enough that scrubs come by their interval;
// every message of theirs is counted as the transport encodes it.
func TestScrubOfEqualDataIsCheap(t *testing.T) {
	opt := Calm(1, 3)
	opt.Duration = 30_000
	opt.Core.Sync = 10_000
	w := newWorld(opt)
	w.begin()
	w.until(opt.Duration)
	w.settle()
	messages, bytes := 0, 0
	before := w.scrubs()
	w.net.overhear = func(m statemachine.Message) {
		switch m.(type) {
		case statemachine.Compare:
			frame, err := transport.Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			messages++
			bytes += len(frame)
		case statemachine.LeafList, statemachine.Items, statemachine.Push, statemachine.Delta:
			t.Errorf("%s although nothing differs", statemachine.Print(m))
		}
	}
	w.until(w.now + 600_000)
	scrubs := w.scrubs() - before
	if scrubs < 150 || messages != 2*scrubs || bytes > 1024*scrubs {
		t.Errorf("%d scrubs, %d messages, %d bytes", scrubs, messages, bytes)
	}
	t.Logf("%d bytes a scrub", bytes/max(scrubs, 1))
}

// scrubs is how many all hosts have begun.
func (w *World) scrubs() (n int) {
	for _, h := range w.hosts {
		n += int(h.node.Status().Stats.Scrubs)
	}
	return n
}
