package sim

import (
	"kvs/sim/disk"
	"kvs/statemachine/keyspace"
)

// disaster takes a host down and changes its disk: to an empty one, to an old
// copy of itself, or to a copy of another host's.
func (f *faults) disaster() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	if len(f.w.hosts) < 2 || h.doomed {
		return
	}
	kind := f.rng.IntN(3)
	o := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	if kind == 1 && h.backup == nil || kind == 2 && (o == h || o.run == 0) {
		return
	}
	switch kind {
	case 0:
		f.w.act(ActWipe, of(h), f.outage())
	case 1:
		sidecar := f.rng.IntN(2) == 0
		f.w.act(ActSetBack, of(h), truth(sidecar), f.outage())
	case 2:
		f.w.act(ActClone, of(h, o), f.outage())
	}
}

// outage draws for how long a host is down whose disk is changed.
func (f *faults) outage() int64 {
	return int64(1 + exponential(f.rng, max(f.w.opt.DownFor, 1_000)))
}

// wipe gives a host an empty disk.
func (f *faults) wipe(h *host, down Millis) {
	f.ruin(h, MarkWiped, down, func() { h.disk, h.known = disk.New(), keyspace.Watermark{} })
}

// setBack gives a host an old copy of its disk; its sidecar is as old, or is the newer
// one, and tells.
func (f *faults) setBack(h *host, sidecar bool, down Millis) {
	if h.backup == nil {
		return
	}
	f.ruin(h, MarkSetBack, down, func() {
		h.disk, h.fallen = h.backup.Clone(), true
		if sidecar {
			h.known = h.sidecar
		}
	})
}

// clone gives a host a copy of another's disk.
func (f *faults) clone(h, o *host, down Millis) {
	if o == h || o.run == 0 {
		return
	}
	f.ruin(h, MarkCloned, down, func() {
		h.disk, h.fallen, o.fallen = o.disk.Durable(), true, true
		h.known = o.known
	})
}

// ruin takes a host down, changes its disk, and starts it again after a while.
func (f *faults) ruin(h *host, m Mark, down Millis, change func()) {
	if len(f.w.hosts) < 2 {
		return // nobody could ever have what it loses
	}
	if h.up {
		h.crash()
	}
	had := f.w.model.held(h)
	change()
	f.w.film.reread(h)
	h.set, h.reseeded = true, true
	f.w.mark(m)
	f.w.count.disasters++
	f.w.model.forfeit(had)
	f.w.queue.push(f.w.now+down, func() {
		if !h.up {
			h.start()
		}
	})
}

// empty gives a host that is down an empty disk.
func (f *faults) empty(h *host) {
	had := f.w.model.held(h)
	h.disk, h.known = disk.New(), keyspace.Watermark{}
	h.set, h.reseeded = true, true
	f.w.model.forfeit(had)
}

// backUp copies the disk of a host, as it would be after a loss of power.
func (f *faults) backUp() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	if h.run > 0 {
		f.w.act(ActBackUp, of(h))
	}
}

// claimed is what the host's disk claims.
func (h *host) claimed() keyspace.VV { return keyspace.LoadVV(h.disk.Reader()) }

// holds says that a write is on the host's disk, or a greater version of its key.
func (h *host) holds(wr *issued) bool {
	rec, ok := keyspace.DecodeRecord(h.disk.Reader().Get(keyspace.DataKey(wr.key)))
	return ok && !beats(wr.ver, rec.Ver)
}

// keeps says that a write is on the host's disk, or was and gave way: then the
// disk claims it. A claim of a dot that was given up proves nothing.
func (h *host) keeps(wr *issued, claims keyspace.VV) bool {
	return !wr.void && claims.Contains(wr.dot) || h.holds(wr)
}

// held lists the writes that a host keeps.
func (m *model) held(h *host) (had []int) {
	claims := h.claimed()
	for i := range m.writes {
		if h.keeps(&m.writes[i], claims) {
			had = append(had, i)
		}
	}
	return had
}

// forfeit finds the writes that no disk keeps any more after one was changed. That one of them was purged means nothing from then on.
func (m *model) forfeit(had []int) {
	var claims []keyspace.VV
	for _, h := range m.w.hosts {
		claims = append(claims, h.claimed())
	}
	for _, i := range had {
		wr := &m.writes[i]
		kept := false
		for i, h := range m.w.hosts {
			kept = kept || h.keeps(wr, claims[i])
		}
		if !kept {
			m.lost[wr.ver] = true
		}
	}
}
