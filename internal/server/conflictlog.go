package server

import (
	"log/slog"
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// conflictsTold is how often a node says at the level info that conflicts were settled;
// each of them is a line at the level debug.
const conflictsTold = time.Second

// conflictLog tells of conflicts that were settled. It is the store's committer's.
type conflictLog struct {
	log   *slog.Logger
	told  time.Time
	count int // since
}

// tell logs what a batch has met. status names the members.
func (l *conflictLog) tell(met []keyspace.Conflict, status *statemachine.Status) {
	for i := range met {
		c := &met[i]
		l.log.Debug("conflict", "key", c.Key, "rule", c.Rule().String(),
			"winner", c.Winner.Ver.UUID.String(), "from", peerName(status, c.Winner.Dot.Stream.Replica),
			"loser", c.Loser.Ver.UUID.String(), "of", peerName(status, c.Loser.Dot.Stream.Replica))
	}
	l.count += len(met)
	if now := time.Now(); l.count > 0 && now.Sub(l.told) >= conflictsTold {
		l.log.Info("conflicts settled", "count", l.count, "see", "GET /conflicts")
		l.told, l.count = now, 0
	}
}
