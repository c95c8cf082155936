package sim

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// filmedMax bounds how much of each kind a film holds. When there is more, every
// second of it is given up, and of what follows too.
const filmedMax = 30_000

// Film is what was seen of a run: enough to draw it, not to repeat it. What happens may
// be shown to a nil Film, which is blind.
type Film struct {
	Nodes   int
	End     Millis
	Acts    []Act
	Flights []Flight // messages, by when they arrived or were lost
	Spans   []Span
	Scenes  []Scene // by time
	Changes []Change
	Failure *Failure

	// All that there were, of which the film may hold a part.
	Messages, Records, Done, Scened int

	last  map[int]Scene // of each host
	stand map[holding]Change
	open  map[Span]int // where the spans are that have not ended; never ranged over but to end all
}

// Flight is one message.
type Flight struct {
	From, To int
	Message  statemachine.Kind
	Sent, At Millis // and when it arrived, or was lost
	Drop     Drop   // why it did not arrive; "" it did
}

// Span is something that lasts.
type Span struct {
	Kind     SpanKind
	From, To int // hosts; the same where one is concerned
	At, End  Millis
}

// SpanKind says what lasts.
type SpanKind string

// The kinds of spans.
const (
	SpanDown  SpanKind = "down"
	SpanStill SpanKind = "still"
	SpanCut   SpanKind = "cut" // of one direction
)

// Scene is how a host stands from some time on.
type Scene struct {
	At   Millis
	Host int
	Root uint64 // the first half of the digest of all its records
	Live uint64
	Mode string
}

// Change is a record that a host has made durable.
type Change struct {
	At      Millis
	Host    int
	Key     string // "" the host has forgotten all of them
	Version string // "" it is there no more
	Deleted bool
}

// holding is a record of a host.
type holding struct {
	host int
	key  string
}

// Film plays a world and films it.
func (s *Script) Film() (*Film, Result) { return filmed(s.Options, s.world()) }

// FilmRun is Run, filmed.
func FilmRun(opt Options) (*Film, Result) { return filmed(opt, newWorld(opt)) }

func filmed(opt Options, w *World) (*Film, Result) {
	f := newFilm(opt.Nodes)
	w.film = f
	r := guard(opt, func() *World { return w })
	f.end(w, r)
	return f, r
}

func newFilm(nodes int) *Film {
	return &Film{Nodes: nodes, last: map[int]Scene{}, stand: map[holding]Change{}, open: map[Span]int{}}
}

// end ends what still lasts when a run is over.
func (f *Film) end(w *World, r Result) {
	f.End, f.Failure = w.now, r.Failure
	if r.Failure != nil {
		f.End = r.Failure.At
	}
	for _, i := range f.open { // order cannot matter: each ends by itself
		f.Spans[i].End = f.End
	}
	f.endings()
	slices.SortStableFunc(f.Flights, func(a, b Flight) int { return cmp.Compare(a.At, b.At) })
}

// endings sees to it that a film which has left out a part ends as the run did.
func (f *Film) endings() {
	for host := range f.Nodes {
		if s, ok := f.last[host]; ok && f.Scened > len(f.Scenes) {
			f.Scenes = append(f.Scenes, s)
		}
	}
	if f.Records > len(f.Changes) && len(f.stand) <= filmedMax {
		f.Changes = append(f.Changes, slices.SortedFunc(maps.Values(f.stand), func(a, b Change) int {
			return cmp.Or(cmp.Compare(a.Host, b.Host), strings.Compare(a.Key, b.Key))
		})...)
	}
	slices.SortStableFunc(f.Scenes, func(a, b Scene) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(f.Changes, func(a, b Change) int { return cmp.Compare(a.At, b.At) })
}

func (f *Film) act(a *Act) {
	if f != nil {
		f.Done++
		f.Acts = thinned(f.Acts, f.Done, *a)
	}
}

// arrived takes note of a message that is being read now.
func (f *Film) arrived(from, to *host, m statemachine.Message, sent Millis) {
	if f != nil {
		f.flies(Flight{From: from.index, To: to.index, Message: m.Kind(), Sent: sent, At: from.w.now})
	}
}

func (f *Film) dropped(from, to *host, m statemachine.Message, why Drop) {
	if f != nil {
		f.flies(Flight{from.index, to.index, m.Kind(), from.w.now, from.w.now, why})
	}
}

func (f *Film) flies(x Flight) {
	f.Messages++
	f.Flights = thinned(f.Flights, f.Messages, x)
}

// changed takes note of what a durable batch has changed in a host.
func (f *Film) changed(h *host, b *keyspace.Batch, a *keyspace.Applied) {
	if f == nil {
		return
	}
	for i := range a.Outcomes {
		o := &a.Outcomes[i]
		if o.Kind != keyspace.Won {
			continue
		}
		key := keyOf(b, i)
		f.stored(Change{h.w.now, h.index, key, o.Header.Ver.String(), o.Header.Tombstone()})
	}
	for _, p := range a.Purged {
		f.stored(Change{At: h.w.now, Host: h.index, Key: p.Key})
	}
	f.scene(h)
}

func (f *Film) stored(c Change) {
	f.Records++
	k := holding{c.Host, c.Key}
	if f.stand[k] = c; c.Key == "" {
		maps.DeleteFunc(f.stand, func(o holding, _ Change) bool { return o.host == c.Host && o != k })
	}
	f.Changes = thinned(f.Changes, f.Records, c)
}

// reread takes note of what is on a disk that was changed behind its host's back.
func (f *Film) reread(h *host) {
	if f == nil {
		return
	}
	f.stored(Change{At: h.w.now, Host: h.index})
	records := h.records()
	for _, key := range sortedKeys(records) {
		hdr := records[key].hdr
		f.stored(Change{h.w.now, h.index, key, hdr.Ver.String(), hdr.Tombstone()})
	}
}

// scene takes note of how a host stands, if that is new.
func (f *Film) scene(h *host) {
	if f == nil {
		return
	}
	s := h.node.Status()
	// The core hears of its new sum only after this.
	now := Scene{h.w.now, h.index, h.state.Tree().Node(0, 0).Hi, h.state.Live(), s.Mode.String()}
	was := f.last[h.index]
	was.At = now.At
	if was == now {
		return
	}
	f.last[h.index] = now
	f.Scened++
	f.Scenes = thinned(f.Scenes, f.Scened, now)
}

// begins and ends take note of what lasts.
func (f *Film) begins(kind SpanKind, from, to *host) {
	if f == nil {
		return
	}
	k := Span{Kind: kind, From: from.index, To: to.index}
	if _, open := f.open[k]; open || len(f.Spans) >= filmedMax {
		return
	}
	f.open[k] = len(f.Spans)
	k.At = from.w.now
	f.Spans = append(f.Spans, k)
}

func (f *Film) ends(kind SpanKind, from, to *host) {
	if f == nil {
		return
	}
	k := Span{Kind: kind, From: from.index, To: to.index}
	if i, open := f.open[k]; open {
		f.Spans[i].End = from.w.now
		delete(f.open, k)
	}
}

// thinned adds the n-th of some things, if every so many of them are kept by now.
func thinned[T any](kept []T, n int, x T) []T {
	stride := 1
	for n/stride >= filmedMax {
		stride *= 2
	}
	if len(kept) >= filmedMax {
		half := kept[:0]
		for i := 0; i < len(kept); i += 2 {
			half = append(half, kept[i])
		}
		kept = half
	}
	if n%stride != 0 {
		return kept
	}
	return append(kept, x)
}
