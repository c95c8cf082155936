package server

import (
	"hash/maphash"
	"sync/atomic"
	"unique"

	"kvs/internal/auth"
)

// rightsBucketsMin is the size of an empty table, a power of two.
const rightsBucketsMin = 1024

// rights are the ACLs by path: a hash table that is read without a lock, at every
// request, and changed by one at a time. There may be one for every key, so a look
// has to touch little memory: a bucket, an entry, and the path of that entry.
//
// Invariant: an entry that somebody can reach never changes. A change puts a new
// chain in its bucket, growth a new table in its place: who reads sees all of the
// state before or all of that after.
type rights struct {
	seed  maphash.Seed
	count int // of those who change it
	table atomic.Pointer[rightsTable]
}

// rightsTable has at least a bucket for two paths.
type rightsTable []atomic.Pointer[rightsEntry]

// rightsEntry is a path and its ACL, which all paths with the same one share: most
// owners have many keys.
type rightsEntry struct {
	hash uint64
	path string
	acl  unique.Handle[auth.ACL]
	next *rightsEntry
}

func newRights() *rights {
	r := &rights{seed: maphash.MakeSeed()}
	t := make(rightsTable, rightsBucketsMin)
	r.table.Store(&t)
	return r
}

func (t rightsTable) bucket(hash uint64) *atomic.Pointer[rightsEntry] {
	return &t[hash&uint64(len(t)-1)]
}

// at finds the ACL that was set at a path.
func (r *rights) at(path string) (auth.ACL, bool) {
	hash := maphash.String(r.seed, path)
	for e := r.table.Load().bucket(hash).Load(); e != nil; e = e.next {
		if e.hash == hash && e.path == path {
			return e.acl.Value(), true
		}
	}
	return auth.ACL{}, false
}

func (r *rights) set(path string, acl auth.ACL) {
	if r.count == 2*len(*r.table.Load()) {
		r.grow()
	}
	hash := maphash.String(r.seed, path)
	b := r.table.Load().bucket(hash)
	rest, found := b.Load().without(path)
	if !found {
		r.count++
	}
	b.Store(&rightsEntry{hash, path, unique.Make(acl), rest})
}

func (r *rights) drop(path string) {
	b := r.table.Load().bucket(maphash.String(r.seed, path))
	if rest, found := b.Load().without(path); found {
		r.count--
		b.Store(rest)
	}
}

// without is a chain that lacks a path; those before it are copied.
func (e *rightsEntry) without(path string) (rest *rightsEntry, found bool) {
	switch {
	case e == nil:
		return nil, false
	case e.path == path:
		return e.next, true
	}
	if rest, found = e.next.without(path); !found {
		return e, false
	}
	return &rightsEntry{e.hash, e.path, e.acl, rest}, true
}

// grow doubles the table.
func (r *rights) grow() {
	old := *r.table.Load()
	next := make(rightsTable, 2*len(old))
	for i := range old {
		for e := old[i].Load(); e != nil; e = e.next {
			b := next.bucket(e.hash)
			b.Store(&rightsEntry{e.hash, e.path, e.acl, b.Load()})
		}
	}
	r.table.Store(&next)
}
