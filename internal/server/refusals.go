package server

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"kvs/httpapi"
)

// refusalsMax bounds the callers whose refusals are counted apart in one interval;
// those of all others are counted together. A caller without a token is one.
const refusalsMax = 256

// otherActors stands for those beyond refusalsMax.
const otherActors = "others"

// refusals gathers refused requests, so that a flood of them becomes one entry in
// an interval, whatever it asks for, and not one each.
type refusals struct {
	mu      sync.Mutex
	counted map[refused]*refusedCount
}

// refused is what refusals are told apart by.
type refused struct{ actor, result string }

type refusedCount struct {
	first httpapi.Event
	count uint64
}

// add counts one.
func (r *refusals) add(e httpapi.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := refused{e.Actor, e.Result}
	c := r.counted[k]
	if c == nil && len(r.counted) >= refusalsMax {
		k.actor, e.Actor = otherActors, otherActors
		c = r.counted[k]
	}
	if c == nil {
		if r.counted == nil {
			r.counted = make(map[refused]*refusedCount)
		}
		c = &refusedCount{first: e}
		r.counted[k] = c
	}
	c.count++
}

// take returns an event for each kind, in a fixed order: the first of it, with the
// number of all in its result.
func (r *refusals) take() (out []httpapi.Event) {
	r.mu.Lock()
	counted := r.counted
	r.counted = nil
	r.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(counted), func(a, b refused) int {
		return slices.Compare([]string{a.actor, a.result}, []string{b.actor, b.result})
	})
	for _, k := range keys {
		e := counted[k].first
		if n := counted[k].count; n > 1 {
			e.Result = fmt.Sprintf("%s, %d times", e.Result, n)
		}
		out = append(out, e)
	}
	return out
}
