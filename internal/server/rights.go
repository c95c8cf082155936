package server

import (
	"hash/maphash"
	"maps"
	"sync/atomic"

	"kvs/internal/auth"
)

// rightsShards is in how many maps rights are kept: a change copies one of them.
const rightsShards = 1024

// rights are the ACLs by path. They are read without a lock, at every request, and
// changed by one at a time.
type rights struct {
	seed   maphash.Seed
	shards [rightsShards]atomic.Pointer[map[string]auth.ACL]
}

func newRights() *rights {
	r := &rights{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].Store(&map[string]auth.ACL{})
	}
	return r
}

func (r *rights) shard(path string) *atomic.Pointer[map[string]auth.ACL] {
	return &r.shards[maphash.String(r.seed, path)%rightsShards]
}

func (r *rights) at(path string) (acl auth.ACL, ok bool) {
	acl, ok = (*r.shard(path).Load())[path]
	return acl, ok
}

func (r *rights) set(path string, acl auth.ACL) {
	s := r.shard(path)
	next := maps.Clone(*s.Load())
	next[path] = acl
	s.Store(&next)
}

func (r *rights) drop(path string) {
	s := r.shard(path)
	if _, ok := (*s.Load())[path]; ok {
		next := maps.Clone(*s.Load())
		delete(next, path)
		s.Store(&next)
	}
}
