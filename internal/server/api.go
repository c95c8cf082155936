package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// scanMax bounds the records that one range request looks at, tombstones
// included; what is left is for the next page.
const scanMax = 20_000

// behindAfter is for how long a node may lack what a peer has before it says so.
const behindAfter keyspace.Millis = 2_000

// digestAlgorithm names what GET /sync/merkle/root returns, for people who want
// to compute it themselves.
const digestAlgorithm = "sha256 over the 64 top sums of a 64x64x64 tree of keyed 128-bit digests"

// api is the node as the HTTP layer sees it.
type api struct {
	store      *storage.Store
	driver     *driver
	defaultTTL time.Duration
	idle       sync.Pool // of *pendingWrite
}

// View reads straight from the store, past the core and its queues; a miss of a
// node without the older records goes on to its source.
func (a *api) View(key string, visit func(httpapi.Record)) error {
	partial := a.Partial() // before the store is read: a node only becomes complete
	here, err := a.viewHere(key, visit)
	if partial && !here && err == httpapi.ErrNotFound {
		return a.viewAtSource(key, visit)
	}
	return err
}

// viewHere is View of this node alone. here says that the store has a record of
// the key, be it of a deletion.
func (a *api) viewHere(key string, visit func(httpapi.Record)) (here bool, err error) {
	live := false
	now := wall()
	here, err = a.store.View(key, func(rec keyspace.Record) {
		if live = rec.Live(now); live {
			visit(record(key, rec))
		}
	})
	switch {
	case err != nil:
		return here, storeError(err)
	case !here || !live:
		return here, httpapi.ErrNotFound
	}
	return here, nil
}

// Range walks live records in key order. While the older ones are still on their
// way it refuses to: a listing without them looks like any other, and whoever
// takes it for all there is goes wrong, for instance by deleting what else they
// have. Other members list everything.
func (a *api) Range(start, end string, visit func(httpapi.Record) bool) (next string, err error) {
	if a.Partial() {
		return "", httpapi.ErrIncomplete
	}
	now := wall()
	seen := 0
	err = a.store.Range(start, end, func(key string, rec keyspace.Record) bool {
		if seen++; seen > scanMax {
			next = key
			return false
		}
		return !rec.Live(now) || visit(record(key, rec))
	})
	return next, storeError(err)
}

// Write goes through the core, which groups it with what else is under way.
func (a *api) Write(w httpapi.Write) (httpapi.Written, error) {
	p, ok := a.idle.Get().(*pendingWrite)
	if !ok {
		p = &pendingWrite{done: make(chan struct{}, 1)}
	}
	p.last = false
	p.write = keyspace.Write{
		Key: w.Key, Value: slices.Clone(w.Value), Delete: w.Delete, TTL: a.ttl(w),
	}
	if err := a.driver.write(p); err != nil {
		return httpapi.Written{}, err // the core may still hold p
	}
	out := httpapi.Written{
		UUID: p.result.Version.UUID, Timestamp: int64(p.result.Version.TS), Existed: p.result.Existed,
	}
	p.write = keyspace.Write{}
	a.idle.Put(p)
	return out, nil
}

func (a *api) ttl(w httpapi.Write) keyspace.Millis {
	switch {
	case w.Delete || w.TTL == httpapi.TTLNever:
		return 0
	case w.TTL == httpapi.TTLDefault:
		return millis(a.defaultTTL)
	}
	return keyspace.Millis(w.TTL)
}

// Digest is the root of the digest tree.
func (a *api) Digest() (httpapi.Digest, error) {
	root, live, err := a.store.Digest()
	return httpapi.Digest{
		Root: root, Keys: int64(live), AsOf: int64(wall()), Algorithm: digestAlgorithm,
	}, storeError(err)
}

// Members lists the members view.
func (a *api) Members() []httpapi.Member {
	status := a.driver.status.Load()
	out := make([]httpapi.Member, 0, len(status.Members))
	for _, m := range status.Members {
		row := httpapi.Member{
			ID: m.Name, Address: m.Addr, LastSeen: int64(m.Seen), JoinedTimestamp: int64(m.Joined),
			State: m.State.String(), Incarnation: m.Boot.Count + m.Incarnation,
			Replica: m.Replica.Hex(),
		}
		if m.Self {
			row.LastSeen, row.Version = int64(wall()), Version
		}
		out = append(out, row)
	}
	return out
}

// Health describes the node from its published status.
func (a *api) Health() httpapi.Health {
	s := a.driver.status.Load()
	h := httpapi.Health{
		Status: "ok", Mode: s.Mode.String(), MemberCount: len(s.Members), NodeID: s.Hello.Member.Name,
		Joined: s.Identity.Cluster != keyspace.ClusterID{},
		Ready:  s.Mode == statemachine.ModeNormal || s.Mode == statemachine.ModeReadOnly,
	}
	if h.Joined {
		h.ClusterID = keyspace.ReplicaID(s.Identity.Cluster).Hex()
	} else {
		h.Status = "degraded"
		h.Reasons = append(h.Reasons, "not joined: none of seed_nodes has answered for a cluster yet")
	}
	switch s.Mode {
	case statemachine.ModeSyncing:
		h.Reasons = append(h.Reasons, "syncing: the data of the cluster is on its way")
	case statemachine.ModeLeft:
		h.Reasons = append(h.Reasons, "leaving: this node takes no writes any more")
	}
	if a.Partial() {
		h.Reasons = append(h.Reasons, "partial: older records are on their way; what is not here yet is read "+
			"from the member that they come from, and ranges are refused")
	}
	if s.Loss.Kind != keyspace.LossNone {
		h.Status = "degraded"
		h.Reasons = append(h.Reasons, fmt.Sprintf("data_dir has lost durable writes (batches %d to %d); "+
			"what other members have of them comes back once they are connected", s.Loss.From, s.Loss.To))
	}
	if v := a.store.Verification(); v.Wrong > 0 {
		h.Status = "degraded"
		h.Reasons = append(h.Reasons, fmt.Sprintf("the verifier has found damage in %d places of data_dir "+
			"since the start; check the disk", v.Wrong))
	}
	if s.Damaged > 0 {
		h.Status = "degraded"
		h.Reasons = append(h.Reasons, fmt.Sprintf("%d stored records are damaged and no connected member "+
			"has given them yet; reading them fails, writing or deleting them helps", s.Damaged))
	}
	if s.Clamped {
		h.Status = "degraded"
		h.Reasons = append(h.Reasons, "clock: skewed, "+strconv.FormatInt(int64(s.Skew), 10)+
			" ms ahead of the other members: stamps are held back")
	}
	for _, m := range s.NameConflict {
		h.Mode, h.Status = "read-only", "degraded"
		h.Reasons = append(h.Reasons, "node_id "+m.Name+" is in use by an older member at "+m.Addr+
			": read-only until it is gone, or this node has another node_id")
	}
	for _, m := range s.Members {
		if !m.Connected && m.State != statemachine.MemberAlive {
			h.Status = "degraded"
			h.Reasons = append(h.Reasons, "member "+m.Name+" at "+m.Addr+" has "+m.State.String())
		}
	}
	for _, m := range s.Members {
		if late := wall() - m.BehindSince; m.BehindSince > 0 && late >= behindAfter {
			h.Status = "degraded"
			h.Reasons = append(h.Reasons, fmt.Sprintf("behind: lacks %d writes that %s has had for %d s",
				m.Missing, m.Name, late/1000))
		}
	}
	for _, r := range s.Refused {
		h.Status = "degraded"
		h.Reasons = append(h.Reasons, "peer "+r.Peer.Name+" at "+r.Peer.Addr+" is refused: "+r.Reason.String())
	}
	return h
}

func record(key string, rec keyspace.Record) httpapi.Record {
	return httpapi.Record{
		Key: key, UUID: rec.Ver.UUID, Timestamp: int64(rec.Ver.TS), ExpiresAt: int64(rec.Expires),
		Data: rec.Value,
	}
}

func wall() keyspace.Millis { return keyspace.Millis(time.Now().UnixMilli()) }

// storeError translates what the store reports.
func storeError(err error) error {
	switch {
	case errors.Is(err, storage.ErrDamaged):
		return httpapi.ErrDamaged
	case errors.Is(err, storage.ErrClosed):
		return httpapi.ErrClosed
	}
	return err
}
