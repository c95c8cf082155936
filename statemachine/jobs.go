package statemachine

import "kvs/statemachine/keyspace"

// jobKind says what a job was for, and so what happens once it is durable.
type jobKind uint8

const (
	jobIdentity jobKind = iota // facts about this replica and its peers
	jobClient                  // writes of clients
	jobPush                    // fresh writes of a peer
	jobDelta                   // one chunk of a delta
	jobItems                   // records from a scrub
	jobTurn                    // expired records leave the digest
	jobPurge                   // one step of a round of collection
	jobTransfer                // a copy begins, or goes on with another source
	jobCopy                    // one chunk of a copy
	jobRejoin                  // this life ends
	jobConsult                 // what a peer has of a key that a client reads
)

// job is a change that waits to become part of a batch. Jobs are applied in the
// order of their arrival; several fit one batch, so that one flush of the disk
// serves many.
type job struct {
	kind    jobKind
	peer    ReplicaID
	session uint64 // of a delta or scrub
	relayed bool   // of a push: not by its origin

	writes  []ClientWrite
	entries []Entry
	claim   *keyspace.Claim
	adopt   *keyspace.Adoption
	join    Millis
	members []keyspace.Member
	whole   bool     // a proven loss is mended
	forsake []string // damaged keys whose replacements stand

	view     VV // of a scrub's records
	purge    *keyspace.Purge
	transfer *keyspace.Transfer
	chunk    *keyspace.Chunk
	retire   []keyspace.RetiredStream
	rejoin   bool
	restore  bool
}

// alone says that the job makes a batch by itself: what follows depends on its
// outcome, or it walks over the store.
func (j *job) alone() bool {
	switch j.kind {
	case jobTurn, jobPurge, jobTransfer, jobCopy, jobRejoin, jobItems:
		return true
	}
	return j.adopt != nil
}

// count is how many places the job takes of a batch's BatchWritesMax.
func (j *job) count() int { return len(j.writes) + len(j.entries) }

func (j *job) bytes() int {
	size := 0
	for i := range j.writes {
		size += keyspace.Size(j.writes[i].Write.Key, j.writes[i].Write.Value)
	}
	for i := range j.entries {
		size += j.entries[i].Size()
	}
	return size
}

// malformed says that entries of a peer do not fit one batch, or have dots that
// nothing can have. No peer that keeps to the bounds sends such.
func malformed(entries []Entry) bool {
	j := job{entries: entries}
	for i := range entries {
		if !entries[i].Dot.Valid() {
			return true
		}
	}
	return len(entries) > keyspace.BatchWritesMax ||
		len(entries) > 1 && j.bytes() > keyspace.BatchBytesMax
}

// jobs is the queue in front of the store.
type jobs struct {
	waiting []job
	bytes   int
	flying  []flight // handed to the store, oldest first
	taken   uint64   // jobs ever enqueued
	done    uint64   // of these, those that are durable
	last    BatchID
}

// flight is a batch under way, with the jobs that it is made of.
type flight struct {
	id   BatchID
	jobs []job
}

// room says that the queue takes another job. Bounds: jobsMax, jobBytesMax.
func (q *jobs) room() bool { return len(q.waiting) < jobsMax && q.bytes < jobBytesMax }

// enqueue adds a job. Callers ask room first, adoptions aside: of those there is
// one in the life of a replica, or as many as peers offer one at that moment.
func (n *Node) enqueue(j job) {
	n.jobs.waiting = append(n.jobs.waiting, j)
	n.jobs.taken++
	n.jobs.bytes += j.bytes()
}

// pumpJobs hands batches to the store while it has a free place.
func (n *Node) pumpJobs() {
	if n.unsaved && n.jobs.room() {
		n.saveMembers()
	}
	for len(n.jobs.flying) < batchesMax && len(n.jobs.waiting) > 0 {
		taken := n.takeJobs()
		n.jobs.last++
		n.jobs.flying = append(n.jobs.flying, flight{n.jobs.last, taken})
		n.emit(Apply{n.batch(n.jobs.last, taken)})
	}
}

// takeJobs removes as many jobs from the front as make one batch.
func (n *Node) takeJobs() []job {
	q := &n.jobs
	k, count, size := 0, 0, 0
	for k < len(q.waiting) {
		j := &q.waiting[k]
		full := count+j.count() > keyspace.BatchWritesMax || size+j.bytes() > keyspace.BatchBytesMax
		if k > 0 && (full || !joins(&q.waiting[k-1], j)) {
			break
		}
		k++
		count += j.count()
		size += j.bytes()
	}
	taken := append([]job(nil), q.waiting[:k]...)
	clear(q.waiting[:k])
	q.waiting = q.waiting[k:]
	q.bytes -= size
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return taken
}

// joins says that b may follow a in one batch: a claim ends a batch, and some
// keep to themselves.
func joins(a, b *job) bool { return a.claim == nil && !a.alone() && !b.alone() }

// batch assembles the transaction that carries out the jobs.
func (n *Node) batch(id BatchID, jobs []job) *keyspace.Batch {
	b := &keyspace.Batch{ID: id, Now: n.wall(), MaxSkew: n.cfg.MaxSkew, Revisions: uint32(n.cfg.Revisions)}
	if n.noteClock(); n.clamped {
		n.stats.ClampedBatches++
	}
	for i := range jobs {
		j := &jobs[i]
		for k := range j.writes {
			b.Writes = append(b.Writes, j.writes[k].Write)
		}
		b.Entries = append(b.Entries, j.entries...)
		b.Repair = b.Repair || j.kind == jobItems
		b.Members = append(b.Members, j.members...)
		if j.claim != nil {
			b.Claim = j.claim
		}
		if j.adopt != nil {
			b.Adopt = j.adopt
		}
		b.Join = max(b.Join, j.join)
		b.Turn = b.Turn || j.kind == jobTurn
		b.Retire = append(b.Retire, j.retire...)
		b.Rejoin = b.Rejoin || j.rejoin
		b.Restore = b.Restore || j.restore
		if j.alone() {
			b.View, b.Purge, b.Transfer, b.Chunk = j.view, j.purge, j.transfer, j.chunk
		}
		b.Whole = b.Whole || j.whole
		b.Forsake = append(b.Forsake, j.forsake...)
	}
	return b
}

// onApplied learns what the store now holds, and lets every job of the batch
// take its course.
func (n *Node) onApplied(a *keyspace.Applied) {
	assertf(len(n.jobs.flying) > 0 && n.jobs.flying[0].id == a.Batch,
		"batch %d applied out of turn", a.Batch)
	done := n.jobs.flying[0]
	n.jobs.flying = n.jobs.flying[1:]
	n.jobs.done += uint64(len(done.jobs))
	assertf(a.VV.Covers(n.vv), "the vector shrank from %v to %v", n.vv, a.VV)
	n.vv, n.sum, n.live = a.VV, a.Sum, a.Live
	if !n.cfg.Async || n.cfg.Mutant.Is(keyspace.MutantVolatile) {
		n.durable, n.synced = a.VV, a.Batch
	}
	n.floor, n.tombstones, n.expiring = a.Floor, a.Tombstones, a.Expiring
	n.asOf, n.past = a.AsOf, a.Past
	n.stats.AheadVersions += a.Ahead
	n.onIdentity(a)
	n.reachGoal()
	n.onTransfer(a.Transfer)
	n.endAwaits()
	writes, entries := a.Outcomes, a.Outcomes[countWrites(done.jobs):]
	for i := range done.jobs {
		j := &done.jobs[i]
		nw, ne := len(j.writes), len(j.entries)
		n.onDone(j, writes[:nw], entries[:ne], a)
		writes, entries = writes[nw:], entries[ne:]
	}
	n.pumpPush()
}

func countWrites(jobs []job) int {
	count := 0
	for i := range jobs {
		count += len(jobs[i].writes)
	}
	return count
}

func (n *Node) onDone(j *job, writes, entries []keyspace.Outcome, a *keyspace.Applied) {
	for i := range entries {
		if entries[i].Kind != keyspace.Refused {
			n.onReadable(j.entries[i].Key, false)
		}
	}
	switch j.kind {
	case jobClient:
		n.onWritten(j, writes)
	case jobPush:
		n.onPushed(j, entries)
	case jobDelta:
		n.onChunkApplied(j, a)
	case jobItems:
		n.onItemsApplied(j, entries)
	case jobTurn:
		n.onTurned(a)
	case jobPurge:
		n.onPurged(a)
	case jobTransfer, jobCopy:
		n.onCopied(j, a)
	case jobRejoin:
		n.onRejoin()
	case jobConsult:
		n.consulted(j.session)
	}
}

// onClientWrites takes a group of writes of clients.
func (n *Node) onClientWrites(ws []ClientWrite) {
	if why := n.refuses(); why != RefusedNot {
		n.refuse(ws, why)
		return
	}
	n.enqueue(job{kind: jobClient, writes: ws})
}

// refuses says why no client write is taken now, RefusedNot if one is.
func (n *Node) refuses() Refusal {
	switch {
	case n.leaving.running, n.self.Standing != keyspace.Active:
		return RefusedLeaving
	case n.ending, n.stage().syncing(), n.relearning():
		return RefusedSyncing
	case n.readOnly:
		return RefusedReadOnly
	case n.nameTaken() != nil:
		return RefusedName
	case !n.jobs.room():
		return RefusedOverloaded
	}
	return RefusedNot
}

// onSetMode switches client writes off or on.
func (n *Node) onSetMode(in SetMode) {
	n.readOnly = in.ReadOnly
	n.emit(Done{in.Request, CommandResult{}})
}

func (n *Node) refuse(ws []ClientWrite, why Refusal) {
	for i := range ws {
		n.emit(Respond{ws[i].Request, WriteResult{Refused: why}})
	}
}

// onWritten answers the clients, and puts the writes into the push ring.
func (n *Node) onWritten(j *job, outcomes []keyspace.Outcome) {
	for i := range j.writes {
		w, o := &j.writes[i], &outcomes[i]
		switch o.Kind {
		case keyspace.Refused:
			n.emit(Respond{w.Request, WriteResult{Refused: RefusedClock}})
			continue
		case keyspace.Unmet:
			n.emit(Respond{w.Request, WriteResult{Refused: RefusedCondition, Version: o.Prev, Existed: o.Existed}})
			continue
		}
		n.onReadable(w.Write.Key, true)
		n.ring.add(Entry{Key: w.Write.Key, Header: o.Header, Value: w.Write.Value})
		result := WriteResult{Version: o.Header.Ver, Dot: o.Header.Dot, Existed: o.Existed}
		if w.Acks == 0 {
			n.emit(Respond{w.Request, result})
			continue
		}
		n.emit(Stored{w.Request})
		n.awaitCopies(w, o.Header.Dot.Seq, result)
	}
}
