package keyspace

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// The digest tree has a fixed shape: 64 nodes of 64 nodes of 64 leaves.
const (
	fanout     = 64
	leafBits   = 18
	LeafCount  = fanout * fanout * fanout
	LevelRoot  = 0 // one node, the sum of all
	LevelTop   = 1 // 64 nodes
	LevelInner = 2 // 4,096 nodes
	LevelLeaf  = 3 // 262,144 leaves
)

// Leaf numbers a leaf of the digest tree.
type Leaf uint32

// Sum is an element of the group (Z/2^64)^2 in which digests add up. Addition,
// unlike exclusive or, does not cancel an entry that was counted twice.
type Sum struct {
	Hi uint64 `cbor:"1,keyasint,omitempty"`
	Lo uint64 `cbor:"2,keyasint,omitempty"`
}

// Plus adds two sums.
func (s Sum) Plus(o Sum) Sum { return Sum{s.Hi + o.Hi, s.Lo + o.Lo} }

// Minus subtracts o.
func (s Sum) Minus(o Sum) Sum { return Sum{s.Hi - o.Hi, s.Lo - o.Lo} }

// IsZero says that nothing is counted.
func (s Sum) IsZero() bool { return s == Sum{} }

// Append prints the first four bytes.
func (s Sum) Append(b []byte) []byte {
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], s.Hi)
	return hex.AppendEncode(b, sum[:4])
}

// String prints the first four bytes.
func (s Sum) String() string { return string(s.Append(nil)) }

func (s Sum) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, s.Hi), s.Lo)
}

func sumOf(b []byte) Sum {
	return Sum{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:16])}
}

// Tree is the digest of all visible records. Every node is the sum of the
// digests below it, so one changed record costs one addition a level.
type Tree struct {
	total  Sum
	top    [fanout]Sum
	inner  [fanout * fanout]Sum
	leaves [fanout * fanout]*[fanout]Sum // allocated when first touched
}

// Add adds delta to a leaf and to all nodes above it.
func (t *Tree) Add(l Leaf, delta Sum) {
	page := t.leaves[l/fanout]
	if page == nil {
		page = new([fanout]Sum)
		t.leaves[l/fanout] = page
	}
	page[l%fanout] = page[l%fanout].Plus(delta)
	t.inner[l/fanout] = t.inner[l/fanout].Plus(delta)
	t.top[l/(fanout*fanout)] = t.top[l/(fanout*fanout)].Plus(delta)
	t.total = t.total.Plus(delta)
}

// Node returns the sum of one node. level is LevelRoot to LevelLeaf, and index
// below LevelWidth(level).
func (t *Tree) Node(level int, index uint32) Sum {
	switch level {
	case LevelRoot:
		return t.total
	case LevelTop:
		return t.top[index]
	case LevelInner:
		return t.inner[index]
	}
	page := t.leaves[index/fanout]
	if page == nil {
		return Sum{}
	}
	return page[index%fanout]
}

// leafSet is a set of leaves.
type leafSet struct {
	words [LeafCount / 64]uint64
	least int // no word before this one has any
}

func (s *leafSet) add(l Leaf) {
	s.words[l/64] |= 1 << (l % 64)
	s.least = min(s.least, int(l/64))
}

// take removes the first leaf.
func (s *leafSet) take() (l Leaf, ok bool) {
	for ; s.least < len(s.words); s.least++ {
		if w := s.words[s.least]; w != 0 {
			s.words[s.least] = w & (w - 1)
			return Leaf(64*s.least + bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}

// LevelWidth is the number of nodes of a level.
func LevelWidth(level int) uint32 { return 1 << (6 * level) }

// Root is the public root: SHA-256 over the 64 sums of the top level.
func (t *Tree) Root() [32]byte {
	var b [fanout * 16]byte
	for i, s := range t.top {
		binary.BigEndian.PutUint64(b[16*i:], s.Hi)
		binary.BigEndian.PutUint64(b[16*i+8:], s.Lo)
	}
	return sha256.Sum256(b[:])
}
