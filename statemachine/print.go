package statemachine

import (
	"strconv"
	"strings"
)

// The one-line forms below are the language of traces: complete enough that two
// runs with equal lines did the same, short enough to read.

// line joins a name and its parts.
func line(name string, parts ...string) string {
	return name + "(" + strings.Join(parts, " ") + ")"
}

func num[T ~int | ~int64 | ~uint8 | ~uint32 | ~uint64](n T) string {
	return strconv.FormatInt(int64(n), 10)
}

func entries(es []Entry) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range es {
		if i > 0 {
			b.WriteByte(' ')
		}
		if es[i].Tombstone() {
			b.WriteByte('-')
		}
		b.WriteString(es[i].Key)
		b.WriteByte('@')
		b.WriteString(es[i].Dot.String())
		b.WriteByte('=')
		b.WriteString(es[i].Ver.String())
	}
	b.WriteByte(']')
	return b.String()
}

// String prints the input on one line.
func (Tick) String() string       { return "Tick" }
func (i PeerUp) String() string   { return line("PeerUp", i.Hello.String()) }
func (i Reached) String() string  { return line("Reached", i.Addr, i.Peer.String()) }
func (i PeerDown) String() string { return line("PeerDown", i.Peer.String()) }
func (i Received) String() string {
	return line("Received", i.From.String(), i.Boot.String(), i.Msg.String())
}
func (i ClientWrites) String() string {
	parts := make([]string, len(i.Writes))
	for j, w := range i.Writes {
		parts[j] = num(w.Request) + ":" + w.Write.Key
	}
	return line("ClientWrites", parts...)
}
func (i Applied) String() string {
	return line("Applied", num(i.Result.Batch), i.Result.VV.String(), i.Result.Sum.String())
}
func (i DigestRead) String() string { return line("DigestRead", num(i.Op), num(len(i.Sums))) }
func (i LeafRead) String() string   { return line("LeafRead", num(i.Op), num(len(i.Leaves))) }
func (i DotsRead) String() string {
	return line("DotsRead", num(i.Op), entries(i.Page.Entries), i.Page.VV.String())
}
func (i RecordsRead) String() string { return line("RecordsRead", num(i.Op), entries(i.Entries)) }

// String prints the effect on one line.
func (e Dial) String() string { return line("Dial", e.Addr) }
func (e Disconnect) String() string {
	return line("Disconnect", e.Peer.String(), e.Reason.String())
}
func (e Send) String() string { return line("Send", e.To.String(), e.Msg.String()) }
func (e Apply) String() string {
	b := e.Batch
	parts := []string{num(b.ID), "writes=" + num(len(b.Writes)), entries(b.Entries)}
	if b.Claim != nil {
		parts = append(parts, "claim="+b.Claim.VV.String())
	}
	if b.Adopt != nil {
		parts = append(parts, "adopt="+b.Adopt.Cluster.String())
	}
	return line("Apply", parts...)
}
func (e ReadDigest) String() string {
	return line("ReadDigest", num(e.Op), num(e.Level), num(len(e.Index)))
}
func (e ReadLeaf) String() string { return line("ReadLeaf", num(e.Op), num(len(e.Leaves))) }
func (e ReadDots) String() string {
	return line("ReadDots", num(e.Op), e.Not.String(), e.After.String())
}
func (e ReadRecords) String() string { return line("ReadRecords", num(e.Op), num(len(e.Keys))) }
func (e Respond) String() string {
	return line("Respond", num(e.Request), e.Result.Refused.String(), e.Result.Version.String())
}
func (e Notify) String() string { return line("Notify", e.Event.String()) }

// String names the reason in words that a person can act on.
func (r Refusal) String() string {
	return [...]string{
		"accepted", "read-only", "overloaded", "timestamps exhausted", "other cluster",
		"no common protocol version", "older start of a known replica", "member table full",
	}[r]
}

// String prints the message on one line.
func (m Hello) String() string {
	return line("Hello", m.Cluster.String(), m.Replica.String(), m.Boot.String(), m.Member.String())
}
func (m Welcome) String() string { return line("Welcome", m.Cluster.String()) }
func (m Member) String() string {
	return m.Replica.String() + "=" + m.Name + "@" + m.Addr + "/" + num(m.Joined) + "/" +
		m.Boot.String() + "/" + num(m.Incarnation) + "." + num(m.Heartbeat)
}
func (m Table) String() string {
	parts := make([]string, len(m.Members))
	for i := range m.Members {
		parts[i] = m.Members[i].String()
	}
	return line("Table", parts...)
}
func (m Digest) String() string { return line("Digest", m.VV.String(), m.Sum.String(), num(m.Wall)) }
func (m Push) String() string   { return line("Push", entries(m.Entries)) }
func (m Ack) String() string    { return line("Ack", m.Have.String()) }
func (m Need) String() string {
	return line("Need", num(m.Session), m.Not.String(), m.After.String())
}
func (m Delta) String() string {
	return line("Delta", num(m.Session), m.After.String(), entries(m.Entries), m.VV.String())
}
func (m Compare) String() string {
	return line("Compare", num(m.Round), num(m.Level), num(len(m.Nodes)))
}
func (m LeafList) String() string {
	return line("LeafList", num(m.Round), num(len(m.Leaves)), num(len(m.Items)))
}
func (m Items) String() string {
	return line("Items", num(m.Round), entries(m.Entries), num(len(m.Want)))
}
