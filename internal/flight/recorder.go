package flight

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"unsafe"

	"kvs/statemachine"
)

const (
	// blockBytes is when a block of steps goes to the disk, and blockAge when a
	// smaller one does: what a killed process leaves is not older.
	blockBytes                     = 256 << 10
	blockAge   statemachine.Millis = 250
	// queueMax and pendingMax bound what waits for the disk, in blocks and bytes;
	// a checkpoint goes on top. Beyond that steps are lost.
	queueMax   = 256
	pendingMax = 16 << 20
	// pause is how long nothing is recorded after a loss, at least.
	pause statemachine.Millis = 10_000
	// checkpointOver is more than the blocks of a checkpoint add to it.
	checkpointOver = 4 << 10
)

// BytesMin is the smallest ring that is sure to take a checkpoint of a node whose
// memory of fresh writes is full.
const BytesMin = 64 << 20

// Options of a Recorder.
type Options struct {
	Dir     string // of its own; made if it is not there
	Bytes   int64  // that all segments may take; at least BytesMin in production
	Node    string // who records, for people
	Version string // of the program, for people
	// Room says that the disk has room for more, in the eyes of its owner; nil: it
	// has.
	Room   func() bool
	Logger *slog.Logger
}

// Header begins a segment.
type Header struct {
	Core    string `json:"core"`    // fingerprint of the core's types
	Version string `json:"version"` // of the program
	Node    string `json:"node"`
	Run     string `json:"run"`   // drawn at the start of the process
	First   uint64 `json:"first"` // steps of the run before this segment, recorded or not
}

// Recorder records the steps of one node. Step, Flush and Close belong to the
// goroutine that steps; Recording and Stats to anybody. A nil Recorder records nothing.
type Recorder struct {
	options Options
	run     string
	steps   uint64 // of the run
	w       writer // steps of the segment
	hash    writer // effects
	at      statemachine.Time
	flushed statemachine.Millis // when the last block went
	state   int                 // bytes of the last checkpoint
	size    int64               // of the segment, what waits included
	whole   int64               // at which it is full
	began   bool                // a segment is open
	lost    bool                // said that steps are lost
	resume  statemachine.Millis // not before

	queue   chan item
	pending atomic.Int64 // bytes in queue
	broken  atomic.Pointer[error]
	done    chan struct{}
	disk    ring
	block   []byte // of writeAll

	recorded, missed atomic.Uint64
	bytes            atomic.Int64
}

// item is one thing for the goroutine that writes.
type item struct {
	head []byte // begins a segment, whose checkpoint are the data
	data []byte
	done chan<- struct{} // closed once it is written, nil if nobody waits
}

// Stats says how much was recorded.
type Stats struct {
	Recorded, Missed uint64 // steps of this run
	Bytes            int64  // on the disk
}

// Open begins a run. Errors of the disk come later, and stop the recording alone.
func Open(o Options) *Recorder {
	r := newRecorder(o)
	go r.writeAll()
	return r
}

func newRecorder(o Options) *Recorder {
	var run [8]byte
	_, _ = rand.Read(run[:]) // never fails
	m := newMasker()
	r := &Recorder{
		options: o, run: hex.EncodeToString(run[:]),
		w: writer{masker: m}, hash: writer{masker: m, hashes: true},
		queue: make(chan item, queueMax), done: make(chan struct{}),
		disk: ring{dir: o.Dir, most: o.Bytes},
	}
	r.bytes.Store(r.disk.bytes())
	return r
}

// Step steps the node and records what it was told and what it asks for.
func (r *Recorder) Step(n *statemachine.Node, at statemachine.Time, in statemachine.Input) []statemachine.Effect {
	if r == nil {
		return n.Step(at, in)
	}
	on := r.ready(n, at)
	if on {
		r.input(at, in)
	}
	effects := n.Step(at, in)
	r.steps++
	if !on {
		r.missed.Add(1)
		return effects
	}
	r.effects(effects)
	r.recorded.Add(1)
	if len(r.w.b) >= blockBytes || at.Mono-r.flushed >= blockAge {
		r.flush(nil)
	}
	return effects
}

// ready says that this step is to be recorded, and begins the segment that it
// takes: it is the moment between two steps.
func (r *Recorder) ready(n *statemachine.Node, at statemachine.Time) bool {
	r.at = at
	if r.broken.Load() != nil && r.began {
		r.lose("the disk fails", *r.broken.Load())
	}
	switch {
	case r.began && r.size+int64(len(r.w.b)) < r.whole:
		return true
	case !r.began && (at.Mono < r.resume || r.pending.Load() > 0):
		return false
	}
	r.begin(n)
	return r.began
}

// begin writes a checkpoint.
func (r *Recorder) begin(n *statemachine.Node) {
	if r.began {
		if r.flush(nil); !r.began {
			return
		}
	}
	if r.full() {
		r.lose(noRoom())
		return
	}
	r.w = writer{masker: r.w.masker, boxes: r.w.boxes, b: make([]byte, 0, r.state+r.state/8)}
	theLayout().node.put(&r.w, unsafe.Pointer(n))
	head, err := json.Marshal(Header{
		Core: theLayout().fingerprint, Version: r.options.Version, Node: r.options.Node, Run: r.run, First: r.steps,
	})
	if err = errors.Join(err, r.w.err); err != nil {
		r.lose("the core cannot be recorded", err)
		return
	}
	i := item{head: head, data: r.w.b}
	r.w.b = make([]byte, 0, blockBytes+blockBytes/4)
	r.state, r.size = len(i.data), int64(len(i.data)+len(head))+checkpointOver
	// A quarter of the ring, or more if the checkpoint is large, but with the step that
	// goes beyond it not more than half.
	r.whole = min(max(r.options.Bytes/4, 4*r.size), r.options.Bytes/2-r.options.Bytes/16)
	if r.size >= r.whole {
		r.lose("a checkpoint does not fit; raise flight_recorder_mb", fmt.Errorf("%d bytes", r.size))
		return
	}
	r.broken.Store(nil)
	if !r.offer(i) {
		r.lose(tooSlow())
		return
	}
	r.began, r.flushed = true, r.at.Mono
	if r.lost {
		r.lost = false
		r.options.Logger.Info("the flight recorder goes on", "missed", r.missed.Load())
	}
}

// lose gives up on the segment. Somebody hears of it once, until it goes on.
func (r *Recorder) lose(why string, err error) {
	if !r.lost {
		r.options.Logger.Warn("the flight recorder loses steps", "why", why, "error", err, "dir", r.options.Dir)
	}
	r.lost, r.began, r.resume = true, false, r.at.Mono+pause
	r.w.b = r.w.b[:0]
}

func tooSlow() (string, error) {
	return "the disk is too slow", fmt.Errorf("more than %d bytes wait for it", pendingMax)
}

func (r *Recorder) input(at statemachine.Time, in statemachine.Input) {
	r.w.b = binary.AppendVarint(r.w.b, int64(at.Mono))
	r.w.b = binary.AppendVarint(r.w.b, int64(at.Wall))
	theLayout().input.put(&r.w, unsafe.Pointer(&in))
}

// effects writes a mark for each.
func (r *Recorder) effects(effects []statemachine.Effect) {
	r.w.b = binary.AppendUvarint(r.w.b, uint64(len(effects)))
	for i := range effects {
		r.w.b = r.hash.mark(&effects[i]).append(r.w.b)
	}
	if err := errors.Join(r.w.err, r.hash.err); err != nil {
		r.lose("the core cannot be recorded", err)
	}
}

// Mark is what a recording keeps of an effect.
type Mark struct {
	Number int // its kind
	Hash   uint32
}

func (m Mark) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(m.Number)), m.Hash)
}

// mark hashes an effect with everything in it.
func (w *writer) mark(e *statemachine.Effect) Mark {
	w.b = w.b[:0]
	theLayout().effect.put(w, unsafe.Pointer(e))
	return Mark{int(w.b[0]), crc32.Checksum(w.b, castagnoli)}
}

// Flush writes what was recorded until now, and calls back once it is on its way
// to the disk; nobody waits for a disk that syncs.
func (r *Recorder) Flush(done chan<- struct{}) {
	if r == nil || !r.began {
		close(done)
		return
	}
	r.flush(done)
}

func (r *Recorder) flush(done chan<- struct{}) {
	i := item{done: done}
	if len(r.w.b) > 0 {
		i.data = r.w.b
		r.w.b = make([]byte, 0, blockBytes+blockBytes/4)
	}
	r.w.b, r.flushed = r.w.b[:0], r.at.Mono
	r.size += int64(len(i.data)) + blockHeadBytes
	switch {
	case r.full():
		r.lose(noRoom())
	case r.pending.Load() > pendingMax || !r.offer(i):
		r.lose(tooSlow())
	default:
		return
	}
	if done != nil {
		close(done)
	}
}

func (r *Recorder) full() bool { return r.options.Room != nil && !r.options.Room() }

func noRoom() (string, error) {
	return "the disk is nearly full", errors.New("what room is left is for data")
}

// offer hands something to the disk, if it has room.
func (r *Recorder) offer(i item) bool {
	size := int64(len(i.data))
	r.pending.Add(size)
	select {
	case r.queue <- i:
		return true
	default:
		r.pending.Add(-size)
		return false
	}
}

// writeAll is the goroutine that writes.
func (r *Recorder) writeAll() {
	defer close(r.done)
	for i := range r.queue {
		if err := r.write(i); err != nil {
			r.broken.Store(&err)
			_ = r.disk.close() // what failed already fails again
		}
		r.pending.Add(-int64(len(i.data)))
		if i.done != nil {
			close(i.done)
		}
	}
}

func (r *Recorder) write(i item) error {
	if i.head != nil {
		return r.writeCheckpoint(i)
	}
	if r.disk.file == nil || len(i.data) == 0 {
		return nil // of a segment that failed
	}
	return r.append(kindSteps, i.data)
}

func (r *Recorder) writeCheckpoint(i item) error {
	if err := r.disk.begin(); err != nil {
		return err
	}
	r.bytes.Store(r.disk.bytes())
	err := r.append(kindHeader, i.head)
	for state := i.data; len(state) > 0 && err == nil; {
		piece := state[:min(len(state), pieceBytes)]
		err = r.append(kindState, piece)
		state = state[len(piece):]
	}
	if err != nil {
		err = errors.Join(err, os.Remove(r.disk.file.Name())) // it holds nothing that can be read
	}
	return err
}

func (r *Recorder) append(k kind, payload []byte) error {
	r.block = appendBlock(r.block[:0], k, payload)
	r.bytes.Add(int64(len(r.block)))
	return r.disk.write(r.block)
}

// Close writes what there is and ends. A step that did not return is recorded too.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	if r.began && len(r.w.b) > 0 {
		r.flush(nil)
	}
	close(r.queue)
	<-r.done
	return r.disk.close()
}

// Recording reads all that is on the disk as one recording. The oldest segments
// may go while it is read; it has what is left then.
func (r *Recorder) Recording() (io.ReadCloser, error) {
	numbers, err := r.disk.segments()
	return &collection{ring: &r.disk, numbers: numbers}, err
}

// Stats says how much was recorded so far.
func (r *Recorder) Stats() Stats {
	if r == nil {
		return Stats{}
	}
	return Stats{Recorded: r.recorded.Load(), Missed: r.missed.Load(), Bytes: r.bytes.Load()}
}
