package httpapi

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// fakeStore is a Store over a sorted slice. Its time is a counter.
type fakeStore struct {
	mu      sync.Mutex
	records []Record
	clock   int64
	writes  []Write
	fail    error   // What every call returns, if not nil.
	remote  *Record // What View finds beside the records.
	panics  bool
	budget  int // Records a Walk may look at; 0 is no bound.
	walks   int
	onWrite func(Write) // runs before a write is looked at

	afterWrite func()
}

func (f *fakeStore) find(key string) (int, bool) {
	return slices.BinarySearchFunc(f.records, key, func(r Record, key string) int {
		return cmp.Compare(r.Key, key)
	})
}

func (f *fakeStore) View(key string, visit func(Record)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("the store has a bug")
	}
	if f.fail != nil {
		return f.fail
	}
	i, ok := f.find(key)
	if !ok && f.remote != nil && f.remote.Key == key {
		visit(*f.remote)
		return nil
	}
	if !ok {
		return ErrNotFound
	}
	visit(f.records[i])
	return nil
}

func (f *fakeStore) Walk(w Walk, visit func(Record) (string, bool)) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.walks++; f.fail != nil {
		return "", f.fail
	}
	left := slices.DeleteFunc(slices.Clone(f.records), func(r Record) bool {
		return r.Key < w.Start || w.End != "" && r.Key >= w.End
	})
	if w.Back {
		slices.Reverse(left)
	}
	leap := ""
	seen := 0
	for _, r := range left {
		if leap != "" && (w.Back && r.Key >= leap || !w.Back && r.Key < leap) {
			continue
		}
		if f.budget > 0 && seen == f.budget {
			return w.from(r.Key), nil
		}
		seen++
		more := false
		if leap, more = visit(r); !more {
			return "", nil
		}
	}
	return "", nil
}

func (f *fakeStore) Write(w Write) (Written, error) {
	if f.afterWrite != nil {
		defer func() { f.afterWrite() }()
	}
	if f.onWrite != nil {
		f.onWrite(w)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return Written{}, f.fail
	}
	if i, ok := f.find(w.Key); !f.permits(w, i, ok) {
		return f.there(i, ok), ErrPrecondition
	}
	f.clock++
	w.Value = slices.Clone(w.Value)
	f.writes = append(f.writes, w)
	r := Record{Key: w.Key, Timestamp: 1672531200000 + f.clock, Data: w.Value}
	r.UUID[15] = byte(f.clock)
	if w.TTL > 0 {
		r.ExpiresAt = r.Timestamp + int64(w.TTL)
	}
	i, existed := f.find(w.Key)
	switch {
	case existed && w.Delete:
		f.records = slices.Delete(f.records, i, i+1)
	case existed:
		f.records[i] = r
	case !w.Delete:
		f.records = slices.Insert(f.records, i, r)
	}
	return Written{UUID: r.UUID, Timestamp: r.Timestamp, Existed: existed}, nil
}

func (f *fakeStore) Recent(w Walk, visit func(Record) bool) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return "", f.fail
	}
	places := map[string]Record{}
	for _, r := range f.records {
		places[PlaceOf(r.Timestamp, r.Key)] = r
	}
	left := slices.Sorted(maps.Keys(places))
	if w.Back {
		slices.Reverse(left)
	}
	for i, place := range left {
		switch {
		case place < w.Start || w.End != "" && place >= w.End:
		case f.budget > 0 && i%f.budget == f.budget-1 && place != w.Start && w.from(place) != w.End:
			return w.from(place), nil
		case !visit(places[place]):
			return "", nil
		}
	}
	return "", nil
}

func (f *fakeStore) WriteAll(ws []Write) (out []Fate) {
	for _, w := range ws {
		done, err := f.Write(w)
		out = append(out, Fate{done, err})
	}
	return out
}

// permits judges the conditions of a write in plain words.
func (f *fakeStore) permits(w Write, i int, exists bool) bool {
	for _, m := range w.If {
		listed := exists && (m.Any || slices.Contains(m.Versions, f.records[i].UUID))
		if listed == m.Not {
			return false
		}
	}
	return true
}

func (f *fakeStore) there(i int, exists bool) Written {
	if !exists {
		return Written{}
	}
	return Written{UUID: f.records[i].UUID, Existed: true}
}

func (f *fakeStore) Digest() (Digest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := Digest{Keys: int64(len(f.records)), AsOf: 1672531200000, Algorithm: "test-1"}
	d.Root[0] = 0xab
	return d, f.fail
}

// fakeCluster is a cluster of two.
type fakeCluster struct{ unready, syncing, partial bool }

func (f fakeCluster) Syncing() bool { return f.syncing }

func (f fakeCluster) Partial() bool { return f.partial }

func (fakeCluster) Members() []Member {
	rtt, skew := int64(0), int64(-7)
	return []Member{
		{ID: "node-alpha", Address: "192.168.1.10:8080", LastSeen: 1672531200000,
			JoinedTimestamp: 1672530000000, State: "alive", Incarnation: 3, Version: "0.1.0", Replica: "0a",
			Reach: "reachable", RTT: &rtt, Skew: &skew},
		{ID: `node "b"`, Address: "[::1]:8081", LastSeen: 1, JoinedTimestamp: 2, State: "failed", Reach: "unreachable"},
	}
}

func (f fakeCluster) Health() Health {
	h := Health{Status: "ok", Mode: "normal", MemberCount: 2, NodeID: "node-alpha", Durability: "always", Joined: true,
		ClusterID: "c1", Ready: !f.unready}
	if f.unready {
		h.Status, h.Reasons = "degraded", []string{"disk: full", "clock: skewed"}
	}
	return h
}

// fakeOperator notes what it is asked, and fails if told.
type fakeOperator struct {
	calls []string
	fail  error
}

func (f *fakeOperator) note(format string, args ...any) error {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.fail
}

func (f *fakeOperator) SetMode(readOnly bool) error { return f.note("mode %v", readOnly) }

func (f *fakeOperator) SyncStatus() (SyncStatus, error) {
	s := SyncStatus{Peer: Peer{"a", "0a"}, Mode: "normal", Digest: Digest{Keys: 7, AsOf: 8}, Durability: "async", Unsynced: 2, DurableSeq: 3, Converged: true}
	s.Peers = []PeerStatus{{
		Peer: Peer{`b"`, "0b"}, Address: "[::1]:8081", State: "alive", Connected: true, Missing: 1,
		Lacking: 2, Bytes: 3, OldestMs: 4, EqualRoot: true, Digested: 5, Scrubbed: 6,
	}, {}}
	s.Collection = Collection{
		Tombstones: 7, Expiring: 8, BlockedBy: []Peer{{"", "0c"}}, BlockedSince: 9, Pins: 1,
	}
	s.Copy = Copy{Phase: "rest", Reconcile: true}
	return s, f.note("status")
}

func (f *fakeOperator) SyncNow(peer string) ([]Peer, error) {
	return []Peer{{"b", "0b"}, {"c", "0c"}}, f.note("now %s", peer)
}

func (f *fakeOperator) Diff(peer string, names bool) (Diff, error) {
	d := Diff{Peer: Peer{"b", "0b"}, More: true}
	d.Differences = []Difference{{Hash: 0xabc, Here: true, Key: `k"`}, {Hash: 1 << 63, There: true}}
	return d, f.note("diff %s %v", peer, names)
}

func (f *fakeOperator) Leave(all, force bool) (Left, error) {
	return Left{Drained: true, AcknowledgedBy: []Peer{{"b", "0b"}}}, f.note("leave %v %v", all, force)
}

func (f *fakeOperator) Forget(member string, force bool) error {
	return f.note("forget %s %v", member, force)
}

// rig is a server on an in-memory listener.
type rig struct {
	t     *testing.T
	store *fakeStore
	op    *fakeOperator
	ln    *fasthttputil.InmemoryListener

	server *Server
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, store: &fakeStore{}, op: &fakeOperator{}, ln: fasthttputil.NewInmemoryListener()}
	o := Options{Store: r.store, Cluster: fakeCluster{}, Operator: r.op, Version: "0.1.0"}
	if change != nil {
		change(&o)
	}
	s := New(o)
	r.server = s
	done := make(chan error, 1)
	go func() { done <- s.Serve(r.ln) }()
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("shutdown: %v", err)
		}
		r.ln.Close()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

// answer is a response, detached from fasthttp's pools.
type answer struct {
	status int
	body   string
	header map[string]string
	closed bool
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// problem is the slug of a problem, "" for anything else.
func (a answer) problem() string {
	if a.header["Content-Type"] != "application/problem+json" {
		return ""
	}
	return strings.TrimPrefix(between(a.body, `"code":"`, `"`), "/problems/")
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// raw sends bytes on a new connection and reads one answer.
func (r *rig) raw(method, request string) answer {
	r.t.Helper()
	answers := r.pipeline(method, request, 1)
	if len(answers) == 0 {
		r.t.Fatalf("no answer to %.200q", request)
	}
	return answers[0]
}

// pipeline sends bytes on a new connection and reads up to limit answers.
func (r *rig) pipeline(method, request string, limit int) []answer {
	r.t.Helper()
	conn, err := r.ln.Dial()
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = conn.Write([]byte(request)) }()
	in := bufio.NewReader(conn)
	var answers []answer
	for len(answers) < limit {
		var resp fasthttp.Response
		resp.SkipBody = method == "HEAD"
		if resp.Read(in) != nil {
			break
		}
		a := answer{status: resp.StatusCode(), body: string(resp.Body()), header: map[string]string{}}
		for k, v := range resp.Header.All() {
			a.header[string(k)] = string(v)
		}
		a.closed = resp.ConnectionClose()
		answers = append(answers, a)
		if a.closed {
			break
		}
	}
	return answers
}

// do sends a well-formed request with a raw target, and holds the answer against the
// API's description.
func (r *rig) do(method, target, body string, headers ...string) answer {
	r.t.Helper()
	a := r.send(method, target, body, headers...)
	r.described(method, strings.TrimPrefix(target, "http://kvs"), a)
	return a
}

// send is do without the description: for errors that no node gives at that place.
func (r *rig) send(method, target, body string, headers ...string) answer {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: kvs\r\n", method, target)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" || method == "PUT" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return r.raw(method, b.String())
}
