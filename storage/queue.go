package storage

import (
	"encoding/binary"
	"sync/atomic"

	"kvs/statemachine/keyspace"
)

// A journal is queued with the batches that it is about: in the same transaction,
// so that a crash leaves both or neither. Somebody else moves it to where it stays,
// and says so with Moved; the record then goes with a later transaction. The newest
// record is never deleted: it is what remembers how far the numbers have come.

// Journal turns writes of one transaction, with what became of them, into the record
// that is queued with it, and says how many entries that is; 0 queues nothing. The
// entries have the numbers from first on; now is the wall time of the batch. It runs
// before the writes are durable, so it must not make anything known.
type Journal func(first uint64, now keyspace.Millis, writes []keyspace.Write, outcomes []keyspace.Outcome) (record []byte, entries int)

// queueDropsMax bounds the records that one transaction deletes: more than it adds,
// so that a queue which has grown gets shorter.
const queueDropsMax = 64

// countBytes is the number of entries, in front of a queued record.
const countBytes = 4

// queue is what is queued.
type queue struct {
	next  uint64   // number of the next entry; the writer's
	kept  []uint64 // the first numbers of the records that are stored; the writer's
	moved atomic.Uint64
	// durable is the number of the next entry, of what is committed.
	durable atomic.Uint64
	orders  chan queueOrder
}

// queueOrder is a record that comes without a batch.
type queueOrder struct {
	build func(first uint64) (record []byte, entries int)
	done  chan struct{}
}

// load finds out what is queued.
func (q *queue) load(r keyspace.Reader) {
	q.next = 1
	for key, value := range r.Ascend(keyspace.QueueKey(0), keyspace.QueueEnd()) {
		first, count, ok := parseQueued(key, value)
		if !ok { // ReadQueue leaves it out; its numbers are not given again
			count = keyspace.BatchWritesMax
		}
		q.kept = append(q.kept, first)
		q.next = first + count
	}
	q.durable.Store(q.next)
	if len(q.kept) > 0 {
		q.moved.Store(q.kept[0] - 1)
	}
}

func parseQueued(key, value []byte) (first, count uint64, ok bool) {
	first = binary.BigEndian.Uint64(key[1:])
	if len(value) <= countBytes { // as keyspace.Damaged is
		return first, 0, false
	}
	return first, uint64(binary.BigEndian.Uint32(value)), true
}

// add puts a record into a transaction, and deletes from it what was moved.
func (q *queue) add(t *tx, record []byte, entries int) {
	value := make([]byte, countBytes, countBytes+len(record))
	binary.BigEndian.PutUint32(value, uint32(entries))
	t.Set(keyspace.QueueKey(q.next), append(value, record...))
	q.kept = append(q.kept, q.next)
	q.next += uint64(entries)
	moved := q.moved.Load()
	for range queueDropsMax {
		if len(q.kept) < 2 || q.kept[1] > moved+1 {
			return
		}
		t.Delete(keyspace.QueueKey(q.kept[0]))
		q.kept = q.kept[1:]
	}
}

// journalBatch queues what the journal says of the writes of a batch from the given
// one on, as far as they have an outcome.
func (s *Store) journalBatch(t *stagedTx, b *keyspace.Batch, a *keyspace.Applied, from int) {
	to := min(len(b.Writes), len(a.Outcomes))
	if s.journal == nil || from >= to {
		return
	}
	record, entries := s.journal(s.queue.next, b.Now, b.Writes[from:to], a.Outcomes[from:to])
	if entries > 0 {
		s.queue.add(&t.tx, record, entries)
	}
}

// carryOutOrder queues a record in a transaction of its own.
func (s *Store) carryOutOrder(o queueOrder) {
	t := s.pipeline.begin()
	record, entries := o.build(s.queue.next)
	s.queue.add(&t.tx, record, entries)
	s.pipeline.pass(&staged{
		txn: t.txn, writes: t.writes, digest: s.digestNow(), queued: s.queue.next, told: o.done,
	})
}

// Queue queues a record that belongs to no batch, as build returns it: at least one
// entry. The channel is closed once it is durable; after a failure or Close it
// never is.
func (s *Store) Queue(build func(first uint64) (record []byte, entries int)) <-chan struct{} {
	o := queueOrder{build, make(chan struct{})}
	select {
	case s.queue.orders <- o:
	case <-s.quit:
	}
	return o.done
}

// Queued is the number of the next entry: all before it are durable.
func (s *Store) Queued() uint64 { return s.queue.durable.Load() }

// Moved says that the entries up to a number are kept elsewhere, durably.
func (s *Store) Moved(last uint64) { s.queue.moved.Store(last) }

// MovedAtStart is the last entry that was not queued any more when the store was
// opened; 0 if it is not known that there was one.
func (s *Store) MovedAtStart() uint64 { return s.movedAtStart }

// ReadQueue visits the queued records that are durable, from that with number from on, in order,
// until visit returns false, which must not keep record. One that is damaged is left
// out: the numbers of its entries are missing.
func (s *Store) ReadQueue(from uint64, visit func(first uint64, record []byte) bool) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	end := keyspace.QueueKey(s.queue.durable.Load())
	return guard(func() {
		s.engine.view(func(r keyspace.Reader) {
			for key, value := range r.Ascend(keyspace.QueueKey(from), end) {
				first, _, ok := parseQueued(key, value)
				if !ok {
					s.log.Error("queued audit entries are damaged and lost; check the disk",
						"data_dir", s.dir, "entry", first)
					continue
				}
				if !visit(first, value[countBytes:]) {
					return
				}
			}
		})
	})
}
