package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// Reading through. A node that has what is recent serves clients while the older
// records are still on their way. A key that it has no record of, not even that
// of a deletion, may be among those, so it asks its source for it. Whatever comes
// is shown to the client and not merged: the copy brings it in its turn. Without
// an answer nothing is said of the key, least of all that it is absent.

// lookup is a client's question that waits for the source.
type lookup struct {
	request RequestID
	session uint64
	key     string
	source  ReplicaID
	boot    Boot
	until   Millis
}

// onLookup asks the source of the copy for a key.
func (n *Node) onLookup(in Lookup) {
	p := n.peer(n.copy.source)
	switch {
	case !n.transfer.Active():
		n.emit(Done{in.Request, CommandResult{Complete: true}})
	case n.cfg.Mutant.Is(keyspace.MutantLocalMiss):
		n.emit(Done{in.Request, CommandResult{}})
	case n.stage() != StagePartial || n.copy.pin == 0 || !n.hasSource():
		n.emit(Done{in.Request, CommandResult{Refused: RefusedSyncing}})
	case len(n.lookups) >= lookupsMax:
		n.emit(Done{in.Request, CommandResult{Refused: RefusedOverloaded}})
	default:
		n.lastLookup++
		n.lookups = append(n.lookups, lookup{
			in.Request, n.lastLookup, in.Key, p.Replica, p.Boot, n.now.Mono + lookupTimeout,
		})
		n.stats.Lookups++
		n.send(p, ClassControl, Get{n.lastLookup, in.Key})
		n.armBy(timerLookup, lookupTimeout)
	}
}

// onLookupDue gives up on questions that were not answered in time. By now this
// node may have all by itself.
func (n *Node) onLookupDue() {
	due := func(l lookup) bool { return l.until <= n.now.Mono }
	for _, l := range n.lookups {
		if due(l) {
			n.emit(Done{l.request, n.notFromSource()})
		}
	}
	n.lookups = slices.DeleteFunc(n.lookups, due)
	if len(n.lookups) > 0 {
		n.armBy(timerLookup, n.lookups[0].until-n.now.Mono)
	}
}

func (n *Node) notFromSource() CommandResult {
	if !n.transfer.Active() {
		return CommandResult{Complete: true}
	}
	return CommandResult{Refused: RefusedSyncing}
}

// onGet reads a key for a peer that copies from here.
func (n *Node) onGet(p *peer, m Get) {
	if m.Key == "" || len(m.Key) > keyspace.KeyBytesMax {
		n.stats.DroppedMalformed++
		return
	}
	r := pendingRead{kind: readKey, peer: p.Replica, boot: p.Boot, round: m.Session}
	n.read(r, func(op OpID) Effect { return ReadKey{op, m.Key} })
}

func (n *Node) onKeyRead(in KeyRead) {
	r, p := n.finish(in.Op)
	if p == nil {
		return
	}
	got := Got{Session: r.round, Entries: in.Entries}
	if in.Damaged {
		got.Refused = RefusedSyncing // there is something, and nobody can tell what
	}
	n.send(p, ClassBulk, got)
}

// onGot answers the client with what the source has.
func (n *Node) onGot(p *peer, m Got) {
	i := slices.IndexFunc(n.lookups, func(l lookup) bool {
		return l.session == m.Session && l.source == p.Replica && l.boot == p.Boot
	})
	if i < 0 {
		if !n.onConsulted(p, m) {
			n.stats.DroppedStale++
		}
		return
	}
	l := n.lookups[i]
	if len(m.Entries) > 1 || malformed(m.Entries) || len(m.Entries) == 1 && m.Entries[0].Key != l.key {
		n.stats.DroppedMalformed++
		return
	}
	n.lookups = slices.Delete(n.lookups, i, i+1)
	result := CommandResult{Refused: m.Refused}
	if m.Refused != RefusedNot {
		result = n.notFromSource()
	} else if len(m.Entries) == 1 {
		result.Found = &m.Entries[0]
	}
	n.emit(Done{l.request, result})
}
