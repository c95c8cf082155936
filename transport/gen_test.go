package transport

import (
	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// genMessage draws a message of a kind within the bounds of the protocol.
func genMessage(t *rapid.T, kind statemachine.Kind) statemachine.Message {
	switch kind {
	case statemachine.KindHello:
		return statemachine.Hello{
			ProtocolMin: genUint32(t), ProtocolMax: genUint32(t),
			Cluster: keyspace.ClusterID(gen16(t)), Replica: gen16(t), Boot: genBoot(t),
			Member: genMember(t),
		}
	case statemachine.KindWelcome:
		w := statemachine.Welcome{Cluster: keyspace.ClusterID(gen16(t))}
		r := gen16(t)
		copy(w.Digest[7:], r[:])
		return w
	case statemachine.KindTable:
		return statemachine.Table{Members: genSlice(t, 5, genMember)}
	case statemachine.KindDigest:
		return statemachine.Digest{
			VV: genVV(t), Sum: keyspace.Sum{Hi: genUint64(t), Lo: genUint64(t)},
			Wall: keyspace.Millis(rapid.Int64().Draw(t, "wall")),
		}
	case statemachine.KindPush:
		return statemachine.Push{
			Entries: genSlice(t, 5, genEntry), Relayed: rapid.Bool().Draw(t, "relayed"),
		}
	case statemachine.KindAck:
		return statemachine.Ack{Have: genVV(t)}
	case statemachine.KindNeed:
		return statemachine.Need{Session: genUint64(t), Not: genVV(t), After: genDot(t)}
	case statemachine.KindDelta:
		return statemachine.Delta{
			Session: genUint64(t), After: genDot(t), Entries: genSlice(t, 5, genEntry),
			Last: genDot(t), Done: rapid.Bool().Draw(t, "done"), VV: genVV(t),
		}
	case statemachine.KindCompare:
		level := rapid.IntRange(0, 3).Draw(t, "level")
		return statemachine.Compare{
			Round: genUint64(t), Level: level,
			Nodes: genSlice(t, 20, func(t *rapid.T) statemachine.TreeNode {
				index := rapid.Uint32Range(0, 1<<(6*level)-1).Draw(t, "index")
				return statemachine.TreeNode{Index: index, Sum: genUint64(t), Theirs: genUint64(t)}
			}),
			Answer: rapid.Bool().Draw(t, "answer"),
			Retry:  keyspace.Millis(rapid.Int64().Draw(t, "retry")),
			AsOf:   keyspace.Minute(genUint64(t)),
		}
	case statemachine.KindLeafList:
		return statemachine.LeafList{
			Round: genUint64(t),
			Leaves: genSlice(t, 5, func(t *rapid.T) keyspace.Leaf {
				return keyspace.Leaf(rapid.Uint32Range(0, keyspace.LeafCount-1).Draw(t, "leaf"))
			}),
			Items: genSlice(t, 20, func(t *rapid.T) statemachine.LeafItem {
				return statemachine.LeafItem{Key: genKeyHash(t), Digest: genUint64(t)}
			}),
			More: rapid.Bool().Draw(t, "more"),
		}
	case statemachine.KindItems:
		return statemachine.Items{
			Round: genUint64(t), Entries: genSlice(t, 5, genEntry),
			Want: genSlice(t, 20, genKeyHash), Answer: rapid.Bool().Draw(t, "answer"),
		}
	}
	return genRosterMessage(t, kind)
}

// genRosterMessage draws what replicas say of the roster and of copies.
func genRosterMessage(t *rapid.T, kind statemachine.Kind) statemachine.Message {
	switch kind {
	case statemachine.KindReports:
		return statemachine.Reports{
			Have:    genSlice(t, 5, genReportID),
			Reports: genSlice(t, 3, genReport),
		}
	case statemachine.KindRefuse:
		return statemachine.Refuse{
			Replica: gen16(t), Boot: genBoot(t), Reason: statemachine.Refusal(rapid.Byte().Draw(t, "reason")),
		}
	case statemachine.KindAskRetired:
		return statemachine.AskRetired{Hash: genUint64(t), From: rapid.Int().Draw(t, "from")}
	case statemachine.KindRetiredList:
		return statemachine.RetiredList{
			Hash: genUint64(t), From: rapid.Int().Draw(t, "from"),
			Streams: genSlice(t, 5, func(t *rapid.T) keyspace.RetiredStream {
				d := genDot(t)
				return keyspace.RetiredStream{Stream: d.Stream, Head: d.Seq}
			}),
		}
	case statemachine.KindOpen:
		return statemachine.Open{Session: genUint64(t)}
	case statemachine.KindOpened:
		return statemachine.Opened{Session: genUint64(t), Pin: genUint64(t), VV: genVV(t), Floor: genVV(t)}
	case statemachine.KindFetch:
		return statemachine.Fetch{
			Session: genUint64(t), Pin: genUint64(t), Phase: keyspace.Phase(rapid.Byte().Draw(t, "phase")),
			After: rapid.StringN(0, 50, 1000).Draw(t, "after"),
		}
	case statemachine.KindChunk:
		return statemachine.Chunk{
			Session: genUint64(t), Entries: genSlice(t, 5, genEntry),
			To: rapid.StringN(0, 50, 1000).Draw(t, "to"), Done: rapid.Bool().Draw(t, "done"),
			VV: genVV(t), Voids: genVV(t),
		}
	}
	return genProbe(t, kind)
}

// genLookup draws what a copy and its source say of one key.
func genLookup(t *rapid.T, kind statemachine.Kind) statemachine.Message {
	switch kind {
	case statemachine.KindGet:
		return statemachine.Get{Session: genUint64(t), Key: rapid.StringN(0, 50, 1000).Draw(t, "key")}
	case statemachine.KindGot:
		return statemachine.Got{
			Session: genUint64(t), Entries: genSlice(t, 1, genEntry),
			Refused: statemachine.Refusal(rapid.Byte().Draw(t, "refused")),
		}
	}
	panic("no generator for this kind")
}

// genProbe draws a message of the failure detector.
func genProbe(t *rapid.T, kind statemachine.Kind) statemachine.Message {
	switch kind {
	case statemachine.KindPing:
		return statemachine.Ping{
			Seq: genUint64(t), Origin: gen16(t), Suspect: rapid.Bool().Draw(t, "suspect"),
			Incarnation: genUint64(t),
		}
	case statemachine.KindPingAck:
		return statemachine.PingAck{
			Seq: genUint64(t), Origin: gen16(t), Target: gen16(t),
			Wall: keyspace.Millis(rapid.Int64().Draw(t, "wall")),
		}
	case statemachine.KindPingReq:
		return statemachine.PingReq{Seq: genUint64(t), Target: gen16(t)}
	case statemachine.KindGraft:
		return statemachine.Graft{}
	case statemachine.KindPrune:
		return statemachine.Prune{}
	case statemachine.KindSuspicion:
		return statemachine.Suspicion{
			Replica: gen16(t), Boot: genBoot(t), Incarnation: genUint64(t), By: gen16(t),
		}
	}
	return genLookup(t, kind)
}

func genReportID(t *rapid.T) statemachine.ReportID {
	return statemachine.ReportID{Replica: gen16(t), Boot: genBoot(t), N: genUint64(t)}
}

func genReport(t *rapid.T) statemachine.Report {
	return statemachine.Report{
		Replica: gen16(t), Boot: genBoot(t), N: genUint64(t), VV: genVV(t),
		Roster: genSlice(t, 4, func(t *rapid.T) statemachine.RosterLine {
			return statemachine.RosterLine{
				Replica: gen16(t), Boot: genBoot(t), Standing: keyspace.Standing(rapid.Byte().Draw(t, "standing")),
			}
		}),
	}
}

func genSlice[T any](t *rapid.T, most int, one func(*rapid.T) T) []T {
	var out []T
	for range rapid.IntRange(0, most).Draw(t, "count") {
		out = append(out, one(t))
	}
	return out
}

func genUint32(t *rapid.T) uint32 { return rapid.Uint32().Draw(t, "uint32") }
func genUint64(t *rapid.T) uint64 { return rapid.Uint64().Draw(t, "uint64") }

func genKeyHash(t *rapid.T) keyspace.KeyHash { return keyspace.KeyHash(genUint64(t)) }

func gen16(t *rapid.T) (r keyspace.ReplicaID) {
	copy(r[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	return r
}

func genBoot(t *rapid.T) keyspace.Boot {
	r := gen16(t)
	return keyspace.Boot{Count: genUint64(t), Random: [8]byte(r[:8])}
}

func genMember(t *rapid.T) statemachine.Member {
	text := rapid.StringN(0, -1, 255)
	return statemachine.Member{
		Replica: gen16(t), Name: text.Draw(t, "name"), Addr: text.Draw(t, "addr"),
		Joined: keyspace.Millis(rapid.Int64Range(0, int64(keyspace.TimestampMax)-1).Draw(t, "joined")),
		Boot:   genBoot(t), Incarnation: genUint64(t), Heartbeat: genUint64(t),
	}
}

func genDot(t *rapid.T) keyspace.Dot {
	r := gen16(t)
	return keyspace.Dot{
		Stream: keyspace.Stream{Replica: gen16(t), Epoch: keyspace.Epoch(r[:8])},
		Seq:    keyspace.Seq(rapid.Uint64Range(1, 1<<48-1).Draw(t, "seq")),
	}
}

func genVV(t *rapid.T) (v keyspace.VV) {
	for range rapid.IntRange(0, 4).Draw(t, "streams") {
		s := genDot(t).Stream
		for range rapid.IntRange(1, 20).Draw(t, "dots") {
			seq := rapid.Uint64Range(1, 60).Draw(t, "seq")
			v.Add(keyspace.Dot{Stream: s, Seq: keyspace.Seq(seq)})
		}
	}
	return v
}

func genEntry(t *rapid.T) statemachine.Entry {
	key := rapid.StringN(1, 50, 1000).Draw(t, "key")
	value := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")
	if rapid.Bool().Draw(t, "tombstone") {
		value = nil
	}
	return entryAt(genDot(t), key, value)
}
