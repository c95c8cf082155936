package transport

import (
	"fmt"
	"unicode/utf8"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// checkBounds holds a message against the bounds of the protocol. It runs on
// both ends: a message that the receiver would take as malformed, and close the
// connection for, must fail at its sender instead.
func checkBounds(m statemachine.Message) error {
	switch m := m.(type) {
	case statemachine.Hello:
		if err := atMost("bytes of cluster name", len(m.ClusterName), statemachine.NameBytesMax); err != nil {
			return err
		}
		if err := atMost("seeds", len(m.Seeds), statemachine.HelloSeedsMax); err != nil {
			return err
		}
		return checkMember(&m.Member)
	case statemachine.Digest:
		return checkMember(&m.Self)
	case statemachine.Table:
		return checkTable(m)
	case statemachine.Push:
		return atMost("entries", len(m.Entries), entriesMax)
	case statemachine.Delta:
		return atMost("entries", len(m.Entries), entriesMax)
	case statemachine.Compare:
		return checkCompare(m)
	case statemachine.LeafList:
		return checkLeafList(m)
	case statemachine.Items:
		if err := atMost("wishes", len(m.Want), itemsMax); err != nil {
			return err
		}
		return atMost("entries", len(m.Entries), entriesMax)
	case statemachine.Chunk:
		return atMost("entries", len(m.Entries), entriesMax)
	case statemachine.Get:
		return atMost("bytes of key", len(m.Key), keyspace.KeyBytesMax)
	case statemachine.Got:
		return atMost("entries", len(m.Entries), 1)
	case statemachine.Reports:
		return checkReports(m)
	}
	return nil
}

// checkContent holds what a peer sent against the rules of a record. Only the
// receiver pays for it: the sender's records come from its own store.
func checkContent(m statemachine.Message) error {
	switch m := m.(type) {
	case statemachine.Push:
		return checkEntries(m.Entries)
	case statemachine.Delta:
		return checkEntries(m.Entries)
	case statemachine.Items:
		return checkEntries(m.Entries)
	case statemachine.Chunk:
		return checkEntries(m.Entries)
	case statemachine.Got:
		return checkEntries(m.Entries)
	}
	return nil
}

func checkReports(m statemachine.Reports) error {
	if err := atMost("names of reports", len(m.Have), statemachine.RosterMax); err != nil {
		return err
	}
	for i := range m.Reports {
		if err := atMost("replicas of a report", len(m.Reports[i].Roster), statemachine.RosterMax); err != nil {
			return err
		}
	}
	return atMost("reports", len(m.Reports), statemachine.MembersMax)
}

func checkEntries(es []statemachine.Entry) error {
	for i := range es {
		if !es[i].Valid() {
			return fmt.Errorf("entry %d: %w", i, ErrMalformed)
		}
	}
	return nil
}

func checkTable(m statemachine.Table) error {
	if err := atMost("members", len(m.Members), statemachine.RosterMax); err != nil {
		return err
	}
	for i := range m.Members {
		if err := checkMember(&m.Members[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkMember(m *statemachine.Member) error {
	switch {
	case !utf8.ValidString(m.Name), !utf8.ValidString(m.Addr):
		return fmt.Errorf("member %s: text is not UTF-8: %w", m.Replica, ErrMalformed)
	case m.Joined < 0, m.Joined >= keyspace.TimestampMax:
		return fmt.Errorf("member %s: joined at %d: %w", m.Replica, m.Joined, ErrMalformed)
	}
	if err := atMost("bytes of name", len(m.Name), statemachine.NameBytesMax); err != nil {
		return err
	}
	return atMost("bytes of address", len(m.Addr), statemachine.AddrBytesMax)
}

// checkCompare also keeps indexes within their level, so that nobody behind it
// reads beyond the tree.
func checkCompare(m statemachine.Compare) error {
	if m.Level < keyspace.LevelRoot || m.Level > keyspace.LevelLeaf {
		return fmt.Errorf("level %d: %w", m.Level, ErrMalformed)
	}
	if err := atMost("nodes", len(m.Nodes), nodesMax); err != nil {
		return err
	}
	width := keyspace.LevelWidth(m.Level)
	for _, n := range m.Nodes {
		if n.Index >= width {
			return fmt.Errorf("node %d of level %d: %w", n.Index, m.Level, ErrMalformed)
		}
	}
	return nil
}

func checkLeafList(m statemachine.LeafList) error {
	if err := atMost("leaves", len(m.Leaves), leavesMax); err != nil {
		return err
	}
	for _, l := range m.Leaves {
		if l >= keyspace.LeafCount {
			return fmt.Errorf("leaf %d: %w", l, ErrMalformed)
		}
	}
	return atMost("items", len(m.Items), itemsMax)
}

func atMost(what string, n, limit int) error {
	if n > limit {
		return fmt.Errorf("%d %s, at most %d: %w", n, what, limit, ErrMalformed)
	}
	return nil
}
