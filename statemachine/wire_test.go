package statemachine_test

import "kvs/statemachine"

// wire connects hosts in virtual time: messages arrive at once and in order,
// unless drop takes them.
type wire struct {
	t      failer
	hosts  []*host
	queue  []packet
	drop   func(p packet) bool
	events []statemachine.Event
	done   []statemachine.Done
	// applied sees every batch before it is carried out.
	applied func(h *host, e statemachine.Apply)
}

type packet struct {
	from, to byte
	boot     statemachine.Boot
	msg      statemachine.Message
}

func newWire(t failer, hosts ...*host) *wire { return &wire{t: t, hosts: hosts} }

func (w *wire) host(name byte) *host {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// take collects what a step of a host has caused.
func (w *wire) take(h *host, effects []statemachine.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case statemachine.Send:
			w.queue = append(w.queue, packet{h.name, e.To[0], h.snap.Identity.Boot, e.Msg})
		case statemachine.Notify:
			w.events = append(w.events, e.Event)
		case statemachine.Done:
			w.done = append(w.done, e)
		}
	}
}

// connect lets two hosts meet, and lets everything happen that follows.
func (w *wire) connect(a, b byte) {
	ha, hb := w.host(a), w.host(b)
	toA, toB := hb.node.Hello(), ha.node.Hello()
	w.take(ha, ha.step(statemachine.PeerUp{Hello: toA}))
	w.take(hb, hb.step(statemachine.PeerUp{Hello: toB}))
	w.run()
}

func (w *wire) disconnect(a, b byte) {
	w.take(w.host(a), w.host(a).step(statemachine.PeerDown{Peer: id(b)}))
	w.take(w.host(b), w.host(b).step(statemachine.PeerDown{Peer: id(a)}))
	w.run()
}

// run delivers and carries out everything that is under way.
func (w *wire) run() {
	for steps := 0; ; steps++ {
		if steps > 100_000 {
			w.t.Fatalf("the cluster never comes to rest")
		}
		busy := false
		for _, h := range w.hosts {
			if len(h.work) > 0 {
				if e, ok := h.work[0].(statemachine.Apply); ok && w.applied != nil {
					w.applied(h, e)
				}
				w.take(h, h.finish())
				busy = true
			}
		}
		if !busy && len(w.queue) == 0 {
			return
		}
		w.deliver()
	}
}

func (w *wire) deliver() {
	if len(w.queue) == 0 {
		return
	}
	p := w.queue[0]
	w.queue = w.queue[1:]
	h := w.host(p.to)
	if h == nil || w.drop != nil && w.drop(p) {
		return
	}
	w.take(h, h.step(statemachine.Received{From: id(p.from), Boot: p.boot, Msg: p.msg}))
}

// pass lets time go by for all hosts, tick by tick as each is due.
func (w *wire) pass(d statemachine.Millis) {
	for end := w.hosts[0].now.Mono + d; w.hosts[0].now.Mono < end; {
		next := end
		for _, h := range w.hosts {
			next = min(next, max(h.node.Deadline(), h.now.Mono+1))
		}
		for _, h := range w.hosts {
			if step := next - h.now.Mono; h.node.Deadline() <= next {
				w.take(h, h.tick(step))
			} else {
				h.now.Mono += step
				h.now.Wall += step
			}
		}
		w.run()
	}
}

// wantEqual checks that all hosts claim and hold the same.
func (w *wire) wantEqual() {
	w.t.Helper()
	first := w.hosts[0].node.Status()
	for _, h := range w.hosts[1:] {
		s := h.node.Status()
		if !s.VV.Equal(first.VV) || s.Sum != first.Sum || s.Live != first.Live {
			w.t.Fatalf("%c: %v %v over %d, %c: %v %v over %d", w.hosts[0].name, first.VV, first.Sum,
				first.Live, h.name, s.VV, s.Sum, s.Live)
		}
	}
}
