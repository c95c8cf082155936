package server

import (
	"encoding/base64"
	"sync"
	"time"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// hashes remembers the short names of streams. A node meets a stream once in a while,
// and asks for its name with every session.
type hashes struct{ known sync.Map } // keyspace.Stream to keyspace.StreamHash

func (h *hashes) of(s keyspace.Stream) keyspace.StreamHash {
	if v, ok := h.known.Load(s); ok {
		return v.(keyspace.StreamHash)
	}
	hash := s.Hash()
	h.known.Store(s, hash)
	return hash
}

// session is an httpapi.Session.
type session struct {
	api  *api
	seen keyspace.Session
}

// Session implements httpapi.Sessions.
func (a *api) Session(token []byte) (httpapi.Session, error) {
	s := &session{api: a}
	if len(token) == 0 {
		return s, nil
	}
	b := make([]byte, base64.RawURLEncoding.DecodedLen(len(token)))
	n, err := base64.RawURLEncoding.Strict().Decode(b, token)
	if err != nil {
		return nil, httpapi.ErrSession
	}
	seen, ok := keyspace.ParseSession(b[:n], a.feed.identity().Cluster)
	if !ok {
		return nil, httpapi.ErrSession
	}
	s.seen = seen
	return s, nil
}

// Await implements httpapi.Session. Most sessions have seen nothing that is not here.
func (s *session) Await(wait time.Duration) error {
	if s.api.feed.reached().Shows(&s.seen, s.api.feed.hashes.of) {
		return nil
	}
	_, err := s.api.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.Await{Request: r, Session: s.seen, Wait: millis(wait)}
	})
	return err
}

// Saw implements httpapi.Session.
func (s *session) Saw(m httpapi.Mark, timestamp int64) {
	s.seen.Saw(dotOf(m), keyspace.Millis(timestamp), s.api.feed.hashes.of)
}

// SawAbsent implements httpapi.Session.
func (s *session) SawAbsent(key string) {
	_, _ = s.api.store.View(key, func(rec keyspace.Record) { // an error means nothing to add
		s.seen.Saw(rec.Dot, rec.Ver.TS, s.api.feed.hashes.of)
	})
}

// Stamp implements httpapi.Session.
func (s *session) Stamp() int64 { return int64(s.seen.Stamp) }

// Append implements httpapi.Session.
func (s *session) Append(dst []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, s.seen.Append(nil, s.api.feed.identity().Cluster))
}

// Consult implements httpapi.Sessions.
func (a *api) Consult(key string, n int, wait time.Duration) error {
	_, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.PeerRead{Request: r, Key: key, N: n, Wait: millis(wait)}
	})
	return err
}

func markOf(d keyspace.Dot) (m httpapi.Mark) {
	copy(m.Stream[:16], d.Stream.Replica[:])
	copy(m.Stream[16:], d.Stream.Epoch[:])
	m.Number = uint64(d.Seq)
	return m
}

func dotOf(m httpapi.Mark) keyspace.Dot {
	return keyspace.Dot{
		Stream: keyspace.Stream{Replica: keyspace.ReplicaID(m.Stream[:16]), Epoch: keyspace.Epoch(m.Stream[16:])},
		Seq:    keyspace.Seq(m.Number),
	}
}
