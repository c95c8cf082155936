package server

import (
	"context"
	"log/slog"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
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
	case statemachine.Departed:
		log.Warn("replica "+e.Member.Standing.String(), "member", e.Member.Name,
			"replica", e.Member.Replica.String())
	case statemachine.Rejoining:
		log.Warn("starting over as a new replica: this one's place is gone; writes that nobody "+
			"else has come along", "reason", e.Reason.String())
	case statemachine.CopyChanged:
		log.Info("copy of the cluster's data", "phase", e.Phase.String(), "source", e.Source.String())
	case statemachine.SettledAlone:
		log.Warn("no node to copy from: going on with what is here")
	case statemachine.Unplaced:
		log.Error("writes of an earlier life lie below what was purged meanwhile; they are in the "+
			"log of losers", "records", e.Records)
	case statemachine.CaughtUp:
		log.Debug("caught up", "source", e.Source.String(), "entries", e.Entries)
	case statemachine.Diverged:
		log.Warn("claims equal, data different: scrubbing", "peer", e.Peer.String())
	case statemachine.RecordDamaged:
		log.Error("a stored record is damaged: asking other members", "key", e.Key)
	case statemachine.RecordMended:
		log.Warn("a damaged record was replaced by another member's", "key", e.Key)
	case statemachine.DataLost:
		if e.Loss.Kind == keyspace.LossUnsynced {
			log.Warn("asking the first member that answers for what was not synced before the machine was restarted")
			return
		}
		log.Error("the store has lost durable writes", "loss", e.Loss.Kind.String(),
			"from_batch", e.Loss.From, "to_batch", e.Loss.To)
	case statemachine.LossMended:
		log.Warn("took back what a peer had of the lost writes", "peer", e.Peer.String(),
			"from_batch", e.Loss.From, "to_batch", e.Loss.To)
	case statemachine.Repaired:
		log.Warn("records repaired by a scrub", "peer", e.Peer.String(), "records", e.Records)
	}
}
