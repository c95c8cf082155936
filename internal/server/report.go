package server

import (
	"context"
	"log/slog"

	"kvs/statemachine"
)

// report words an event of the core for the log.
func report(log *slog.Logger, e statemachine.Event) {
	switch e := e.(type) {
	case statemachine.MemberChanged:
		level := slog.LevelInfo
		if e.State != statemachine.MemberAlive {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "member "+e.State.String(),
			"member", e.Member.Name, "address", e.Member.Addr, "replica", e.Member.Replica.String())
	case statemachine.ClockSkewed:
		if e.Clamped {
			log.Warn("clock skewed: stamps are held back", "ahead_ms", int64(e.Ahead))
		} else {
			log.Info("clock no longer skewed", "ahead_ms", int64(e.Ahead))
		}
	case statemachine.ReachChanged:
		log.Debug("member "+e.Reach.String(), "member", e.Member.Name, "address", e.Member.Addr,
			"replica", e.Member.Replica.String())
	case statemachine.ClusterChosen:
		text := "joined cluster"
		if e.Minted {
			text = "founded cluster"
		}
		log.Info(text, "cluster", e.Cluster.String())
	case statemachine.PeerRefused:
		log.Warn("peer refused", "reason", e.Reason.String(), "member", e.Peer.Name,
			"address", e.Peer.Addr, "replica", e.Peer.Replica.String())
	case statemachine.CaughtUp:
		log.Debug("caught up", "source", e.Source.String(), "entries", e.Entries)
	case statemachine.Diverged:
		log.Warn("claims equal, data different: scrubbing", "peer", e.Peer.String())
	case statemachine.Repaired:
		log.Warn("records repaired by a scrub", "peer", e.Peer.String(), "records", e.Records)
	}
}
