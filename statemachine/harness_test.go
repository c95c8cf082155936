package statemachine_test

import (
	"fmt"
	"slices"
	"strings"

	"kvs/sim/disk"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// epoch is the wall time at which every test begins.
const epoch statemachine.Millis = 1_700_000_000_000

// failer is what testing.T and rapid.T have in common, as far as it is used.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

var cluster = keyspace.Adoption{
	Cluster: keyspace.ClusterID{0xc1}, Digest: keyspace.DigestKey{0xd1},
}

// id is the replica that tests call by one letter.
func id(name byte) statemachine.ReplicaID { return statemachine.ReplicaID{name} }

// store is a keyspace on the simulator's disk.
type store struct {
	name  byte
	run   byte
	disk  *disk.Disk
	state *keyspace.State
	snap  keyspace.Snapshot
}

// newStore opens an empty store, which belongs to no cluster yet.
func newStore(name byte) *store {
	s := &store{name: name, disk: disk.New()}
	s.open()
	return s
}

func (s *store) open() {
	s.run++
	s.state, s.snap = keyspace.Open(s.disk.Update, keyspace.Birth{
		Replica: keyspace.ReplicaID{s.name, s.run - 1}, Epoch: keyspace.Epoch{s.run, s.name}, Boot: [8]byte{s.run},
	}, keyspace.MutantNone)
}

func (s *store) execute(b *keyspace.Batch) *keyspace.Applied {
	return s.state.Execute(s.disk.Update, b)
}

// adopt makes the store a member of the tests' cluster, and reopens it.
func (s *store) adopt() *store {
	a := cluster
	s.execute(&keyspace.Batch{Now: epoch, Join: epoch, Adopt: &a})
	s.disk.View(func(r keyspace.Reader) { s.snap = s.state.Snapshot(r) })
	return s
}

// put writes one value a key and returns the entries.
func (s *store) put(keys ...string) []keyspace.Entry {
	b := &keyspace.Batch{Now: epoch}
	for _, k := range keys {
		b.Writes = append(b.Writes, keyspace.Write{Key: k, Value: []byte("of " + k)})
	}
	out := s.execute(b)
	es := make([]keyspace.Entry, len(keys))
	for i, o := range out.Outcomes {
		es[i] = keyspace.Entry{Key: keys[i], Header: o.Header, Value: b.Writes[i].Value}
	}
	return es
}

func (s *store) vv() keyspace.VV { return keyspace.LoadVV(s.disk.Reader()) }

// has says which value is stored, "" for none or a tombstone.
func (s *store) has(key string) string {
	rec, ok := keyspace.DecodeRecord(s.disk.Reader().Get(keyspace.DataKey(key)))
	if !ok || rec.Tombstone() {
		return ""
	}
	return string(rec.Value)
}

// host is a node with its store. What it asks of the store waits in work until
// a test lets it happen.
type host struct {
	*store
	t    failer
	cfg  statemachine.Config
	node *statemachine.Node
	now  statemachine.Time
	work []statemachine.Effect
}

// newHost starts a node on a store. A nil change leaves the defaults.
func newHost(t failer, s *store, change func(*statemachine.Config)) *host {
	cfg := statemachine.DefaultConfig()
	cfg.Seed = [32]byte{s.name}
	cfg.Mint.Cluster, cfg.Mint.Digest = keyspace.ClusterID{s.name}, keyspace.DigestKey{s.name}
	cfg.Name, cfg.Addr = string(s.name), string(s.name)+":1"
	if change != nil {
		change(&cfg)
	}
	h := &host{store: s, t: t, cfg: cfg, now: statemachine.Time{Wall: epoch}}
	h.node = statemachine.New(cfg, s.snap)
	return h
}

// member starts a node that belongs to the tests' cluster, and lets it settle.
func member(t failer, name byte, change func(*statemachine.Config)) *host {
	h := newHost(t, newStore(name).adopt(), change)
	h.tick(0)
	h.settle()
	return h
}

// restart ends the process without warning and starts it again.
func (h *host) restart() {
	h.disk.Crash(0)
	h.store.open()
	h.node, h.work = statemachine.New(h.cfg, h.snap), nil
	h.now.Mono = 0
	h.tick(0)
}

// step feeds one input. It returns the effects as they print and as they are.
func (h *host) step(in statemachine.Input) []statemachine.Effect {
	statemachine.Print(in)
	out := slices.Clone(h.node.Step(h.now, in))
	for _, e := range out {
		statemachine.Print(e)
		switch e.(type) {
		case statemachine.Apply, statemachine.StoreRead:
			h.work = append(h.work, e)
		}
	}
	return out
}

// tick lets so much time pass and ticks.
func (h *host) tick(after statemachine.Millis) []statemachine.Effect {
	h.now.Mono += after
	h.now.Wall += after
	return h.step(statemachine.Tick{})
}

// finish lets the store carry out its oldest task.
func (h *host) finish() []statemachine.Effect {
	task := h.work[0]
	h.work = h.work[1:]
	switch task := task.(type) {
	case statemachine.Apply:
		return h.step(statemachine.Applied{Result: h.execute(task.Batch)})
	case statemachine.StoreRead:
		hasher := keyspace.NewHasher(h.state.DigestKey())
		return h.step(statemachine.Answer(h.disk.Reader(), h.state, hasher, task))
	}
	panic("not work of a store: " + statemachine.Print(task))
}

// settle lets the store carry out everything.
func (h *host) settle() (out []statemachine.Effect) {
	for len(h.work) > 0 {
		out = append(out, h.finish()...)
	}
	return out
}

// hello is the greeting of a peer that exists only in a test.
func hello(name byte, change func(*statemachine.Hello)) statemachine.Hello {
	h := statemachine.Hello{
		ProtocolMin: 1, ProtocolMax: 1, Cluster: cluster.Cluster, Replica: id(name),
		Boot: statemachine.Boot{Count: 1},
		Member: statemachine.Member{
			Name: string(name), Addr: string(name) + ":1", Joined: epoch,
		},
	}
	if change != nil {
		change(&h)
	}
	return h
}

// meet connects a peer of the same cluster that exists only in a test.
func (h *host) meet(name byte) []statemachine.Effect {
	return append(h.step(statemachine.PeerUp{Hello: hello(name, nil)}), h.settle()...)
}

// hear feeds a message of such a peer.
func (h *host) hear(name byte, m statemachine.Message) []statemachine.Effect {
	return h.step(statemachine.Received{From: id(name), Boot: statemachine.Boot{Count: 1}, Msg: m})
}

// write feeds writes of clients, numbered from first.
func (h *host) write(first statemachine.RequestID, keys ...string) []statemachine.Effect {
	var in statemachine.ClientWrites
	for i, k := range keys {
		in.Writes = append(in.Writes, statemachine.ClientWrite{
			Request: first + statemachine.RequestID(i),
			Write:   keyspace.Write{Key: k, Value: []byte("of " + k)},
		})
	}
	return h.step(in)
}

// brief prints an effect as tests compare it: what, how many, to whom.
func brief(e statemachine.Effect) string {
	switch e := e.(type) {
	case statemachine.Dial:
		return "dial " + e.Addr
	case statemachine.Disconnect:
		return fmt.Sprintf("disconnect %c: %v", e.Peer[0], e.Reason)
	case statemachine.Send:
		return fmt.Sprintf("%s to %c", briefMessage(e.Msg), e.To[0])
	case statemachine.Respond:
		return fmt.Sprintf("respond %d: %v", e.Request, e.Result.Refused)
	case statemachine.Notify:
		return strings.TrimPrefix(fmt.Sprintf("%T", e.Event), "statemachine.")
	case statemachine.Apply:
		return briefBatch(e.Batch)
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", e), "statemachine.")
}

func briefMessage(m statemachine.Message) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", m), "statemachine.")
	switch m := m.(type) {
	case statemachine.Push:
		return fmt.Sprintf("%s %d", name, len(m.Entries))
	case statemachine.Delta:
		return fmt.Sprintf("%s %d", name, len(m.Entries))
	case statemachine.Table:
		return fmt.Sprintf("%s %d", name, len(m.Members))
	}
	return name
}

func briefBatch(b *keyspace.Batch) string {
	out := "apply"
	for _, part := range []struct {
		name string
		n    int
	}{{"writes", len(b.Writes)}, {"entries", len(b.Entries)}, {"members", len(b.Members)}} {
		if part.n > 0 {
			out += fmt.Sprintf(" %d %s", part.n, part.name)
		}
	}
	if b.Claim != nil {
		out += " claim"
	}
	if b.Adopt != nil {
		out += " adoption"
	}
	return out
}

// want compares effects, in order, with what is expected.
func want(t failer, got []statemachine.Effect, expect ...string) {
	t.Helper()
	var lines []string
	for _, e := range got {
		lines = append(lines, brief(e))
	}
	if !slices.Equal(lines, expect) {
		t.Fatalf("effects:\n\t%s\nwant:\n\t%s",
			strings.Join(lines, "\n\t"), strings.Join(expect, "\n\t"))
	}
}

// sends returns the messages of one type among effects.
func sends[M statemachine.Message](effects []statemachine.Effect) (out []M) {
	for _, e := range effects {
		if s, ok := e.(statemachine.Send); ok {
			if m, ok := s.Msg.(M); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

// events returns the notices of one type among effects.
func events[E statemachine.Event](effects []statemachine.Effect) (out []E) {
	for _, e := range effects {
		if n, ok := e.(statemachine.Notify); ok {
			if ev, ok := n.Event.(E); ok {
				out = append(out, ev)
			}
		}
	}
	return out
}
