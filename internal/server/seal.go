package server

import (
	"time"

	"kvs/internal/auth"
)

// Cursors of listings that leave keys out are sealed, since they may name one of
// those. The key is a record like those of users: a listing that one node began goes
// on at any other.

// drawSealingKey makes the cluster's key where there is none. Where two nodes do so at
// once, the later key counts, and cursors of the other end. What fails is done again
// the next time, and until then this node seals with its own.
func (g *guard) drawSealingKey(now time.Time) {
	if g.sealer.Load() == nil {
		_ = g.claim(sealAt, auth.NewSealingKey(now), "")
	}
}

// Seal encrypts what a client carries for the nodes.
func (g *guard) Seal(plain []byte) []byte {
	if s := g.sealer.Load(); s != nil {
		return s.Seal(plain)
	}
	return g.own.Seal(plain)
}

// Unseal reads what a node of the cluster has sealed.
func (g *guard) Unseal(sealed []byte) ([]byte, bool) {
	if s := g.sealer.Load(); s != nil {
		if plain, ok := s.Unseal(sealed); ok {
			return plain, true
		}
	}
	return g.own.Unseal(sealed)
}
