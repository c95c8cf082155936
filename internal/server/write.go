package server

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"kvs/httpapi"
	"kvs/statemachine/keyspace"
)

// Write goes through the core, which groups it with what else is under way.
func (a *api) Write(w httpapi.Write) (httpapi.Written, error) {
	if err := a.mayWrite(w); err != nil {
		return httpapi.Written{}, err
	}
	p := a.pending(w)
	return a.settle(p, a.driver.write(p))
}

// WriteAll hands several writes to the core at once, so that they share a batch as far
// as they fit.
func (a *api) WriteAll(ws []httpapi.Write) []httpapi.Fate {
	fates := make([]httpapi.Fate, len(ws))
	var ps []*pendingWrite
	var of []int // the fate of each
	for i, w := range ws {
		if fates[i].Err = a.mayWrite(w); fates[i].Err == nil {
			ps, of = append(ps, a.pending(w)), append(of, i)
		}
	}
	if len(ps) == 0 {
		return fates
	}
	ps[0].with = ps[1:]
	refused := a.driver.submit(ps[0])
	for k, p := range ps {
		err := refused
		if err == nil {
			err = a.driver.await(p)
		}
		fates[of[k]].Written, fates[of[k]].Err = a.settle(p, err)
	}
	return fates
}

// mayWrite refuses a value that the disk has no room for, and a condition on a key whose
// record may still be on its way here.
func (a *api) mayWrite(w httpapi.Write) error {
	if err := a.driver.space.takes(w); err != nil {
		return err
	}
	if len(w.If) == 0 || !a.Partial() {
		return nil
	}
	if here, err := a.viewHere(w.Key, func(httpapi.Record) {}); !here {
		return cmp.Or(unlessNotFound(err), httpapi.ErrIncomplete)
	}
	return nil
}

// pending is a write in the form of the core, with bytes of its own.
func (a *api) pending(w httpapi.Write) *pendingWrite {
	p, ok := a.idle.Get().(*pendingWrite)
	if !ok {
		p = &pendingWrite{done: make(chan struct{}, 1)}
	}
	p.last = false
	p.write = keyspace.Write{
		Key: w.Key, Value: slices.Clone(w.Value), Delete: w.Delete, TTL: a.ttl(w),
		If: matches(w.If), Seen: keyspace.Millis(w.Seen),
	}
	p.acks, p.wait = w.Acks, millis(w.Wait)
	if a.trail != nil && w.Actor != "" {
		p.write.Note = noteOf(w.Actor, w.Value, w.Delete)
	}
	return p
}

// settle says what became of a write, and keeps its memory for another one.
func (a *api) settle(p *pendingWrite, err error) (httpapi.Written, error) {
	if err != nil && err != httpapi.ErrPrecondition {
		return httpapi.Written{}, err // the core may still hold p
	}
	out := httpapi.Written{
		UUID: p.result.Version.UUID, Timestamp: int64(p.result.Version.TS), Existed: p.result.Existed,
		Mark: markOf(p.result.Dot), Copies: p.result.Copies, Short: p.result.Short,
	}
	p.write, p.with = keyspace.Write{}, nil
	a.idle.Put(p)
	return out, err
}

// unlessNotFound drops the error that says no more than that nothing is there.
func unlessNotFound(err error) error {
	if errors.Is(err, httpapi.ErrNotFound) {
		return nil
	}
	return err
}

func matches(ms []httpapi.Match) (out []keyspace.Match) {
	for _, m := range ms {
		k := keyspace.Match{Any: m.Any, Not: m.Not}
		for _, v := range m.Versions {
			k.Versions = append(k.Versions, v)
		}
		out = append(out, k)
	}
	return out
}

func (a *api) ttl(w httpapi.Write) keyspace.Millis {
	switch {
	case w.Delete || w.TTL == httpapi.TTLNever:
		return 0
	case w.TTL == httpapi.TTLDefault:
		return millis(time.Duration(a.defaultTTL.Load()))
	}
	return keyspace.Millis(w.TTL)
}
