package statemachine

import (
	"strconv"

	"kvs/statemachine/keyspace"
)

// The one-line forms below are the language of traces: complete enough that two
// runs with equal lines did the same, short enough to read. They append to a
// buffer, because simulators print millions of them.

// Printable is what prints on one line: every input, effect, message and event.
type Printable interface {
	// Append appends the line to b, without a newline.
	Append(b []byte) []byte
}

// Print returns the line of p.
func Print(p Printable) string { return string(p.Append(nil)) }

func open(b []byte, name string) []byte { return append(append(b, name...), '(') }

func word(b []byte, s string) []byte { return append(append(b, ' '), s...) }

func flag(b []byte, set bool, name string) []byte {
	if set {
		return word(b, name)
	}
	return b
}

func num[T ~int | ~int64 | ~uint8 | ~uint32 | ~uint64](b []byte, n T) []byte {
	return strconv.AppendInt(append(b, ' '), int64(n), 10)
}

func entries(b []byte, es []Entry) []byte {
	b = append(b, " ["...)
	for i := range es {
		if i > 0 {
			b = append(b, ' ')
		}
		if es[i].Tombstone() {
			b = append(b, '-')
		}
		b = append(append(b, es[i].Key...), '@')
		b = append(es[i].Dot.Append(b), '=')
		b = es[i].Ver.Append(b)
	}
	return append(b, ']')
}

// Append prints the input.
func (Tick) Append(b []byte) []byte     { return append(b, "Tick"...) }
func (i PeerUp) Append(b []byte) []byte { return append(i.Hello.Append(open(b, "PeerUp")), ')') }
func (i Reached) Append(b []byte) []byte {
	return append(i.Peer.Append(append(append(open(b, "Reached"), i.Addr...), ' ')), ')')
}
func (i PeerDown) Append(b []byte) []byte { return append(i.Peer.Append(open(b, "PeerDown")), ')') }
func (i Received) Append(b []byte) []byte {
	b = append(i.From.Append(open(b, "Received")), ' ')
	b = append(i.Boot.Append(b), ' ')
	return append(i.Msg.Append(b), ')')
}
func (i ClientWrites) Append(b []byte) []byte {
	b = open(b, "ClientWrites")
	for _, w := range i.Writes {
		b = word(append(num(b, w.Request), ':'), w.Write.Key)
		if len(w.Write.If) > 0 {
			b = append(b, " if"...)
		}
	}
	return append(b, ')')
}
func (i Synced) Append(b []byte) []byte {
	return append(i.VV.Append(append(num(open(b, "Synced"), i.Batch), ' ')), ')')
}
func (i Applied) Append(b []byte) []byte {
	b = append(num(open(b, "Applied"), i.Result.Batch), ' ')
	b = append(i.Result.VV.Append(b), ' ')
	return append(i.Result.Sum.Append(b), ')')
}
func (i DigestRead) Append(b []byte) []byte {
	b = num(open(b, "DigestRead"), i.Op)
	for _, s := range i.Sums {
		if !s.IsZero() {
			b = s.Append(append(b, ' '))
		}
	}
	return append(b, ')')
}
func (i LeafRead) Append(b []byte) []byte {
	return append(num(num(open(b, "LeafRead"), i.Op), len(i.Leaves)), ')')
}
func (i DotsRead) Append(b []byte) []byte {
	b = entries(num(open(b, "DotsRead"), i.Op), i.Page.Entries)
	return append(i.Page.VV.Append(append(b, ' ')), ')')
}
func (i RecordsRead) Append(b []byte) []byte {
	return append(entries(num(open(b, "RecordsRead"), i.Op), i.Entries), ')')
}
func (i Damaged) Append(b []byte) []byte { return append(append(open(b, "Damaged"), i.Key...), ')') }

// Append prints the input.
func (i CopyRead) Append(b []byte) []byte {
	b = word(entries(num(open(b, "CopyRead"), i.Op), i.Page.Entries), i.Page.To)
	return append(i.Page.VV.Append(append(b, ' ')), ')')
}

// Append prints the command.
func (i SetMode) Append(b []byte) []byte {
	b = num(open(b, "SetMode"), i.Request)
	if i.ReadOnly {
		b = word(b, "read-only")
	}
	return append(b, ')')
}
func (i SetConfig) Append(b []byte) []byte {
	t := i.Tuning
	b = num(open(b, "SetConfig"), i.Request)
	for _, n := range [...]Millis{
		t.GossipMin, t.GossipMax, t.Sync, t.Catchup, t.FailedAfter, t.RemovedAfter, t.MaxSkew, t.Throttle, t.FetchDelay,
	} {
		b = num(b, n)
	}
	return append(flag(num(b, t.Revisions), t.ReadOnly, "read-only"), ')')
}
func (i SyncNow) Append(b []byte) []byte {
	return append(i.Peer.Append(append(num(open(b, "SyncNow"), i.Request), ' ')), ')')
}
func (i Leave) Append(b []byte) []byte { return append(num(open(b, "Leave"), i.Request), ')') }
func (i Forget) Append(b []byte) []byte {
	return append(i.Member.Append(append(num(open(b, "Forget"), i.Request), ' ')), ')')
}
func (i Diff) Append(b []byte) []byte {
	return append(i.Peer.Append(append(num(open(b, "Diff"), i.Request), ' ')), ')')
}

// Append prints the input.
func (i Lookup) Append(b []byte) []byte {
	return append(word(num(open(b, "Lookup"), i.Request), i.Key), ')')
}
func (i Await) Append(b []byte) []byte {
	return append(num(num(open(b, "Await"), i.Request), len(i.Session.Marks)), ')')
}
func (i PeerRead) Append(b []byte) []byte {
	return append(num(word(num(open(b, "PeerRead"), i.Request), i.Key), i.N), ')')
}
func (i KeyRead) Append(b []byte) []byte {
	return append(flag(entries(num(open(b, "KeyRead"), i.Op), i.Entries), i.Damaged, "damaged"), ')')
}

// Append prints the effect.
func (e Dial) Append(b []byte) []byte { return append(append(open(b, "Dial"), e.Addr...), ')') }
func (e Disconnect) Append(b []byte) []byte {
	return append(word(e.Peer.Append(open(b, "Disconnect")), e.Reason.String()), ')')
}
func (e Send) Append(b []byte) []byte {
	return append(e.Msg.Append(append(e.To.Append(open(b, "Send")), ' ')), ')')
}
func (e Apply) Append(b []byte) []byte {
	b = num(open(b, "Apply"), e.Batch.ID)
	b = entries(num(word(b, "writes"), len(e.Batch.Writes)), e.Batch.Entries)
	if e.Batch.Claim != nil {
		b = e.Batch.Claim.VV.Append(word(b, "claim="))
	}
	if e.Batch.Adopt != nil {
		b = e.Batch.Adopt.Cluster.Append(word(b, "adopt="))
	}
	return append(walks(b, e.Batch), ')')
}
func (e ReadDigest) Append(b []byte) []byte {
	return append(num(num(num(num(open(b, "ReadDigest"), e.Op), e.Level), len(e.Index)), e.AsOf), ')')
}
func (e ReadLeaf) Append(b []byte) []byte {
	return append(num(num(num(open(b, "ReadLeaf"), e.Op), len(e.Leaves)), e.AsOf), ')')
}
func (e ReadDots) Append(b []byte) []byte {
	b = append(num(open(b, "ReadDots"), e.Op), ' ')
	return append(e.After.Append(append(e.Not.Append(b), ' ')), ')')
}
func (e ReadRecords) Append(b []byte) []byte {
	return append(num(num(open(b, "ReadRecords"), e.Op), len(e.Keys)), ')')
}
func (e ReadKey) Append(b []byte) []byte {
	return append(word(num(open(b, "ReadKey"), e.Op), e.Key), ')')
}
func (e ReadCopy) Append(b []byte) []byte {
	b = word(num(open(b, "ReadCopy"), e.Op), e.Phase.String())
	return append(word(b, e.After), ')')
}
func (e Restart) Append(b []byte) []byte { return append(b, "Restart"...) }
func (e Respond) Append(b []byte) []byte {
	b = word(num(open(b, "Respond"), e.Request), e.Result.Refused.String())
	return append(e.Result.Version.Append(append(b, ' ')), ')')
}
func (e Stored) Append(b []byte) []byte { return append(num(open(b, "Stored"), e.Request), ')') }
func (e Done) Append(b []byte) []byte {
	b = word(num(open(b, "Done"), e.Request), e.Result.Refused.String())
	return append(num(num(b, len(e.Result.Peers)), len(e.Result.Differences)), ')')
}
func (e Notify) Append(b []byte) []byte { return append(e.Event.Append(open(b, "Notify")), ')') }

// String names the reason in words that a person can act on.
func (r Refusal) String() string {
	names := [...]string{
		"accepted", "read-only", "overloaded", "timestamps exhausted", "other cluster",
		"no common protocol version", "older start of a known replica", "member table full",
		"syncing", "leaving", "node_id is in use by an older member", "unknown peer", "timed out",
		"not to itself", "evicted", "durable writes are lost", "auth_enabled differs", "clocks too far apart",
		"condition not met",
	}
	if int(r) >= len(names) {
		return "unknown" // a later version's
	}
	return names[r]
}

// Append prints the message.
func (m Hello) Append(b []byte) []byte {
	b = append(m.Cluster.Append(open(b, "Hello")), ' ')
	return append(m.Member.Append(b), ')')
}
func (m Welcome) Append(b []byte) []byte {
	return append(m.Cluster.Append(open(b, "Welcome")), ')')
}
func (m Table) Append(b []byte) []byte {
	b = open(b, "Table")
	for i := range m.Members {
		b = append(m.Members[i].Append(b), ' ')
	}
	return append(b, ')')
}
func (m Digest) Append(b []byte) []byte {
	b = append(m.VV.Append(open(b, "Digest")), ' ')
	b = num(m.Sum.Append(b), m.Wall)
	if m.Epoch != (keyspace.Epoch{}) {
		b = num(append(b, " pushed"...), m.Pushed)
	}
	if !m.Base.IsEmpty() {
		b = m.Base.Append(append(b, " base "...))
	}
	if m.Async {
		b = m.Durable.Append(append(b, " durable "...))
	}
	return append(b, ')')
}
func (m Push) Append(b []byte) []byte {
	name := "Push"
	if m.Relayed {
		name = "Relay"
	}
	return append(entries(open(b, name), m.Entries), ')')
}
func (m Ack) Append(b []byte) []byte {
	b = m.Have.Append(open(b, "Ack"))
	if m.Unsynced > 0 {
		b = num(append(b, " unsynced"...), m.Unsynced)
	}
	return append(b, ')')
}
func (m Need) Append(b []byte) []byte {
	b = append(num(open(b, "Need"), m.Session), ' ')
	return append(m.After.Append(append(m.Not.Append(b), ' ')), ')')
}
func (m Delta) Append(b []byte) []byte {
	b = append(num(open(b, "Delta"), m.Session), ' ')
	b = entries(m.After.Append(b), m.Entries)
	b = m.VV.Append(append(b, ' '))
	if m.Holes {
		b = word(b, "holes")
	}
	return append(b, ')')
}
func (m Compare) Append(b []byte) []byte {
	b = num(num(open(b, "Compare"), m.Round), m.Level)
	return append(num(num(b, len(m.Nodes)), m.AsOf), ')')
}
func (m LeafList) Append(b []byte) []byte {
	b = num(num(open(b, "LeafList"), m.Round), len(m.Leaves))
	return append(num(b, len(m.Items)), ')')
}
func (m Items) Append(b []byte) []byte {
	b = entries(num(open(b, "Items"), m.Round), m.Entries)
	return append(num(b, len(m.Want)), ')')
}
func (m Get) Append(b []byte) []byte {
	return append(word(num(open(b, "Get"), m.Session), m.Key), ')')
}
func (m Got) Append(b []byte) []byte {
	b = entries(num(open(b, "Got"), m.Session), m.Entries)
	return append(flag(b, m.Refused != RefusedNot, "refused"), ')')
}

// Append prints the message.
func (m Reports) Append(b []byte) []byte {
	b = num(open(b, "Reports"), len(m.Have))
	for i := range m.Reports {
		r := &m.Reports[i]
		b = r.VV.Append(num(r.Replica.Append(append(b, ' ')), r.N))
	}
	return append(b, ')')
}
func (m AskRetired) Append(b []byte) []byte {
	return append(num(num(open(b, "AskRetired"), m.Hash), m.From), ')')
}
func (m RetiredList) Append(b []byte) []byte {
	return append(num(num(open(b, "RetiredList"), m.From), len(m.Streams)), ')')
}
func (m Refuse) Append(b []byte) []byte {
	return append(word(m.Replica.Append(open(b, "Refuse")), m.Reason.String()), ')')
}
func (m Open) Append(b []byte) []byte { return append(num(open(b, "Open"), m.Session), ')') }
func (m Opened) Append(b []byte) []byte {
	b = num(num(open(b, "Opened"), m.Session), m.Pin)
	return append(m.Floor.Append(append(m.VV.Append(append(b, ' ')), ' ')), ')')
}
func (m Fetch) Append(b []byte) []byte {
	b = word(num(open(b, "Fetch"), m.Session), m.Phase.String())
	return append(word(b, m.After), ')')
}
func (m Chunk) Append(b []byte) []byte {
	b = word(entries(num(open(b, "Chunk"), m.Session), m.Entries), m.To)
	return append(m.VV.Append(append(b, ' ')), ')')
}

// Append prints the member entry.
func (m Member) Append(b []byte) []byte {
	b = append(m.Replica.Append(b), '=')
	b = append(append(b, m.Name...), '@')
	b = append(append(b, m.Addr...), '/')
	b = m.Boot.Append(append(num(b, m.Joined), ' '))
	b = num(num(b, m.Incarnation), m.Heartbeat)
	if m.Standing != keyspace.Active {
		b = word(b, m.Standing.String())
	}
	if m.Stage != StageComplete {
		b = num(word(b, "stage"), m.Stage)
	}
	return b
}

// Append prints the event.
func (e MemberChanged) Append(b []byte) []byte {
	return append(word(e.Member.Append(open(b, "MemberChanged")), e.State.String()), ')')
}
func (e Departed) Append(b []byte) []byte {
	return append(e.Member.Append(open(b, "Departed")), ')')
}
func (e Rejoining) Append(b []byte) []byte {
	return append(word(open(b, "Rejoining"), e.Reason.String()), ')')
}
func (e CopyChanged) Append(b []byte) []byte {
	return append(word(e.Source.Append(open(b, "CopyChanged")), e.Phase.String()), ')')
}
func (SettledAlone) Append(b []byte) []byte { return append(b, "SettledAlone"...) }
func (e Unplaced) Append(b []byte) []byte   { return append(num(open(b, "Unplaced"), e.Records), ')') }
func (e ClusterChosen) Append(b []byte) []byte {
	return append(e.Cluster.Append(open(b, "ClusterChosen")), ')')
}
func (e PeerRefused) Append(b []byte) []byte {
	return append(word(e.Peer.Append(open(b, "PeerRefused")), e.Reason.String()), ')')
}
func (e CaughtUp) Append(b []byte) []byte {
	return append(num(e.Source.Append(open(b, "CaughtUp")), e.Entries), ')')
}
func (e Diverged) Append(b []byte) []byte { return append(e.Peer.Append(open(b, "Diverged")), ')') }
func (e Repaired) Append(b []byte) []byte {
	return append(num(e.Peer.Append(open(b, "Repaired")), e.Records), ')')
}

// Append prints the event.
func (e RecordDamaged) Append(b []byte) []byte {
	return append(append(open(b, "RecordDamaged"), e.Key...), ')')
}
func (e RecordMended) Append(b []byte) []byte {
	return append(append(open(b, "RecordMended"), e.Key...), ')')
}
func (e DataLost) Append(b []byte) []byte {
	return append(loss(open(b, "DataLost"), e.Loss), ')')
}
func (e LossMended) Append(b []byte) []byte {
	return append(loss(e.Peer.Append(open(b, "LossMended")), e.Loss), ')')
}

func loss(b []byte, l keyspace.Loss) []byte { return num(num(word(b, l.Kind.String()), l.From), l.To) }

// walks prints what a batch does beside writes and entries.
func walks(b []byte, batch *keyspace.Batch) []byte {
	if batch.Turn {
		b = word(b, "turn")
	}
	if batch.Purge != nil {
		b = batch.Purge.Frontier.Append(word(b, "purge="))
	}
	if batch.Chunk != nil {
		b = word(word(b, "chunk="+batch.Chunk.Phase.String()), batch.Chunk.To)
	}
	if batch.Transfer != nil {
		b = word(b, "transfer="+batch.Transfer.Phase.String())
	}
	if batch.Rejoin {
		b = word(b, "rejoin")
	}
	return b
}
