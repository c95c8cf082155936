package server

import (
	"cmp"
	"encoding/hex"
	"slices"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// order is one command of an operator on its way through the core.
type order struct {
	build  func(statemachine.RequestID) statemachine.Input
	result statemachine.CommandResult
	done   chan struct{} // closed when result is set
}

// command hands one command to the core and waits until it is carried out or
// refused.
func (d *driver) command(build func(statemachine.RequestID) statemachine.Input) (statemachine.CommandResult, error) {
	o := &order{build: build, done: make(chan struct{})}
	select {
	case <-d.closing:
		return o.result, httpapi.ErrClosed
	default:
	}
	select {
	case d.ordered <- o:
	default:
		return o.result, httpapi.ErrOverloaded
	}
	select {
	case <-o.done:
	case <-d.stopped:
		return statemachine.CommandResult{}, httpapi.ErrClosed
	}
	if o.result.Refused != statemachine.RefusedNot {
		return o.result, refusal(o.result.Refused)
	}
	return o.result, nil
}

// take gives a command to the core, unless too many are under way.
func (d *driver) take(o *order) {
	if len(d.orders) == ordersMax {
		o.result.Refused = statemachine.RefusedOverloaded
		close(o.done)
		return
	}
	d.request++
	d.orders[d.request] = o
	d.step(o.build(d.request))
}

// finish answers a command.
func (d *driver) finish(e statemachine.Done) {
	o := d.orders[e.Request]
	delete(d.orders, e.Request)
	o.result = e.Result
	d.finished = append(d.finished, o)
}

// Syncing says that the node takes over the data of its cluster.
func (a *api) Syncing() bool { return a.driver.status.Load().Mode == statemachine.ModeSyncing }

// SetMode switches the writes of clients off or on. The status shows it when it
// returns.
func (a *api) SetMode(readOnly bool) error {
	_, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.SetMode{Request: r, ReadOnly: readOnly}
	})
	return err
}

// SyncNow begins to compare with one peer or with all.
func (a *api) SyncNow(peer string) ([]httpapi.Peer, error) {
	var id keyspace.ReplicaID
	if peer != "" {
		row, err := a.member(peer)
		if err != nil {
			return nil, err
		}
		id = row.Replica
	}
	result, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.SyncNow{Request: r, Peer: id}
	})
	return named(a.driver.status.Load(), result.Peers), err
}

// Diff compares with a peer.
func (a *api) Diff(peer string, names bool) (httpapi.Diff, error) {
	row, err := a.member(peer)
	if err != nil {
		return httpapi.Diff{}, err
	}
	result, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.Diff{Request: r, Peer: row.Replica}
	})
	if err != nil {
		return httpapi.Diff{}, err
	}
	out := httpapi.Diff{Peer: peerOf(row), More: result.More}
	hashes := make([]keyspace.KeyHash, len(result.Differences))
	for i, d := range result.Differences {
		hashes[i] = d.Hash
		out.Differences = append(out.Differences, httpapi.Difference{
			Hash: uint64(d.Hash), Here: d.Here, There: d.There,
		})
	}
	if !names {
		return out, nil
	}
	keys, err := a.store.Names(hashes)
	if err != nil {
		return httpapi.Diff{}, storeError(err)
	}
	for i := range keys {
		out.Differences[i].Key = keys[i]
	}
	return out, nil
}

// Leave takes this node out of its cluster.
func (a *api) Leave(all, force bool) (httpapi.Left, error) {
	result, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.Leave{Request: r, All: all, Force: force}
	})
	return httpapi.Left{
		Drained: len(result.Peers) > 0, AcknowledgedBy: named(a.driver.status.Load(), result.Peers),
	}, err
}

// Forget evicts a member.
func (a *api) Forget(member string, force bool) error {
	id, ok := replicaID(member)
	if !ok {
		row, err := a.member(member)
		if err != nil {
			return err
		}
		id = row.Replica
	}
	_, err := a.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.Forget{Request: r, Member: id, Force: force}
	})
	return err
}

// replicaID reads the 32 digits of a replica id. It may be of one that is long
// gone from the members view.
func replicaID(text string) (id keyspace.ReplicaID, ok bool) {
	b, err := hex.DecodeString(text)
	return id, err == nil && copy(id[:], b) == len(id) && len(b) == len(id)
}

// SyncStatus describes how far the members are apart.
func (a *api) SyncStatus() (httpapi.SyncStatus, error) {
	s, err := a.driver.look()
	if err != nil {
		return httpapi.SyncStatus{}, err
	}
	digest, err := a.Digest()
	if err != nil {
		return httpapi.SyncStatus{}, err
	}
	now := a.wall()
	out := httpapi.SyncStatus{
		Mode: s.Mode.String(), Digest: digest, Converged: true,
		Durability: durability(s), Unsynced: s.VV.CountBeyond(s.Durable), DurableSeq: uint64(s.Durable.Head(s.Stream)),
	}
	for i := range s.Members {
		m := &s.Members[i]
		if m.Self {
			out.Peer = peerOf(m)
			continue
		}
		row := httpapi.PeerStatus{
			Peer: peerOf(m), Address: m.Addr, State: m.State.String(), Connected: m.Connected,
			Missing: m.Missing, Lacking: m.Lacks, Bytes: m.UnackedBytes, EqualRoot: m.EqualRoot,
			Digested: int64(m.Digested), Scrubbed: int64(m.Compared),
		}
		if m.BehindSince > 0 {
			row.OldestMs = int64(max(now-m.BehindSince, 0))
		}
		out.Converged = out.Converged && row.Connected && row.EqualRoot && row.Missing == 0 && row.Lacking == 0
		out.Peers = append(out.Peers, row)
	}
	out.Converged = out.Converged && s.Mode != statemachine.ModeSyncing && !s.Transfer.Active()
	out.Copy = httpapi.Copy{Phase: s.Transfer.Phase.String(), Reconcile: s.Transfer.Reconcile}
	out.Collection = httpapi.Collection{
		Tombstones: s.Tombstones, Expiring: s.Expiring, Pins: s.Pins, BlockedBy: named(s, s.Blocked),
	}
	if len(s.Blocked) > 0 {
		out.Collection.BlockedSince = int64(s.BlockedAt)
	}
	slices.SortStableFunc(out.Peers, func(x, y httpapi.PeerStatus) int { return cmp.Compare(x.ID, y.ID) })
	return out, nil
}

// member finds the one row of the members view that a name or a replica id
// means.
func (a *api) member(name string) (*statemachine.MemberView, error) {
	s := a.driver.status.Load()
	var found []*statemachine.MemberView
	for i := range s.Members {
		m := &s.Members[i]
		if m.Replica.Hex() == name {
			return m, nil
		}
		if m.Name == name {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return nil, httpapi.ErrPeerUnknown
	case 1:
		return found[0], nil
	}
	several := &httpapi.AmbiguousError{}
	for _, m := range found {
		several.Replicas = append(several.Replicas, m.Replica.Hex())
	}
	return nil, several
}

// named puts names to replicas.
func named(s *statemachine.Status, ids []keyspace.ReplicaID) []httpapi.Peer {
	out := make([]httpapi.Peer, len(ids))
	for i, id := range ids {
		out[i].Replica = id.Hex()
		for k := range s.Members {
			if s.Members[k].Replica == id {
				out[i].ID = s.Members[k].Name
			}
		}
	}
	return out
}

func peerOf(m *statemachine.MemberView) httpapi.Peer {
	return httpapi.Peer{ID: m.Name, Replica: m.Replica.Hex()}
}
