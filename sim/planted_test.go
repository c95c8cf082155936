package sim

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Goal: the oracles that look at one host notice what they are there for.
// Method: a calm cluster that has written for a while passes each of them; then
// a memory that contradicts the host is planted, and they must fail.
func TestPlantedContradictionsAreNoticed(t *testing.T) {
	cases := []struct {
		oracle string
		plant  func(w *World, h *host)
	}{
		{"expiry", func(w *World, h *host) { // a greater version has expired before
			for key, rec := range w.visible(h) {
				v := rec.hdr.Ver
				v.TS++
				h.witness.expired(key, v)
			}
			w.expiry(h)
		}},
		{"expiry", func(w *World, h *host) { // the client wanted it gone by now
			for i := range w.model.writes {
				w.model.writes[i].until = epoch
			}
			w.expiry(h)
		}},
		{"restart", func(w *World, h *host) { // it had reported one tombstone more
			h.image.figures.tombs++
			h.crash()
			h.start()
		}},
		{"restart", func(w *World, h *host) { // it had known one member more
			h.image.members[keyspace.ReplicaID{1}] = keyspace.Member{}
			h.crash()
			h.start()
		}},
		{"quiet", func(w *World, h *host) { // a client goes on writing
			w.queue.push(w.now+quietAfter+1_000, w.clients.request)
			w.quiet()
		}},
		{"quiet", func(w *World, h *host) { // a host says more often than it may how it stands
			h.tweak = func(c *statemachine.Config) { c.Replication = 20 }
			h.crash()
			h.start()
			w.quiet()
		}},
	}
	for i, c := range cases {
		opt := Calm(1, 3)
		opt.Duration = 20_000
		w := newWorld(opt)
		w.begin()
		w.until(30_000)
		h := w.hosts[0]
		w.expiry(h)
		w.loads(h)
		h.crash()
		h.start()
		w.until(40_000)
		h = w.hosts[1]
		if w.failure != nil {
			t.Fatalf("without a plant: %v", w.failure)
		}
		if c.plant(w, h); w.failure == nil || w.failure.Oracle != c.oracle {
			t.Errorf("case %d: %v, want %s", i, w.failure, c.oracle)
		}
	}
}
