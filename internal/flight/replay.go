package flight

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unsafe"

	"kvs/statemachine"
)

// Result is what a replay has done.
type Result struct {
	Segments, Runs int
	Steps, Effects uint64
	Missed         uint64 // steps of the runs that were not recorded
	From, To       statemachine.Millis
	// Crashed is the input in which a recorded process ended, and did again.
	Crashed string
	// Torn says that the recording ends within a block, as one does of a process
	// that was killed.
	Torn bool
}

// Divergence is the first place where a replay does something else than what was
// recorded.
type Divergence struct {
	Header
	Step  uint64 // of the segment, from 1; 0: between two segments
	At    statemachine.Time
	Input string // as one line
	What  string // differs
}

// Error says where, and what.
func (d *Divergence) Error() string {
	if d.Step == 0 {
		return fmt.Sprintf("run %s, before step %d: %s", d.Run, d.First+1, d.What)
	}
	return fmt.Sprintf("run %s, step %d at %s (%d ms after the start), input %s: %s", d.Run, d.First+d.Step,
		time.UnixMilli(int64(d.At.Wall)).UTC().Format("2006-01-02 15:04:05.000"), d.At.Mono, clip(d.Input), d.What)
}

// clip keeps a line readable.
func clip(line string) string {
	if len(line) > 300 {
		return line[:300] + "..."
	}
	return line
}

// Replay runs the core through a recording. It fails with a *Divergence at the
// first step that differs, or with what is wrong with the recording.
func Replay(in io.Reader) (Result, error) {
	p := replay{from: NewReader(in), hash: writer{hashes: true}}
	err := p.run()
	if errors.Is(err, errTorn) {
		p.Torn, err = true, nil
	}
	if err == nil && p.Segments == 0 {
		err = fmt.Errorf("%w: it has no segment", ErrMalformed)
	}
	return p.Result, err
}

type replay struct {
	Result
	from *Reader
	hash writer
	last *Segment // with the node as it was at its end
	next uint64   // the step of the run that would follow it
}

func (p *replay) run() error {
	for {
		s, err := p.from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.follow(s); err != nil {
			return err
		}
		if err := p.segment(s); err != nil {
			return err
		}
	}
}

// follow compares the state that a segment begins with to the one in which the
// segment before it ended.
func (p *replay) follow(s *Segment) error {
	p.Segments++
	last := p.last
	switch {
	case last == nil || last.Run != s.Run:
		p.Runs++
	case s.First != p.next:
		p.Missed += s.First - p.next
	default:
		if what := p.unlike(last.Node, s.Node); what != "" {
			return &Divergence{Header: s.Header, What: "the state differs in " + what}
		}
	}
	p.last, p.next = s, s.First
	return nil
}

// unlike names the parts in which two nodes differ.
func (p *replay) unlike(a, b *statemachine.Node) string {
	var names []string
	for _, f := range theLayout().state {
		w, v := writer{hashes: true}, writer{hashes: true}
		f.put(&w, unsafe.Add(unsafe.Pointer(a), f.at))
		f.put(&v, unsafe.Add(unsafe.Pointer(b), f.at))
		if !bytes.Equal(w.b, v.b) {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}

func (p *replay) segment(s *Segment) error {
	for n := uint64(1); ; n++ {
		step, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if p.From == 0 {
			p.From = step.At.Wall
		}
		p.To = step.At.Wall
		p.Steps++
		p.next++
		if what := p.compare(s.Node, step); what != "" {
			return &Divergence{s.Header, n, step.At, statemachine.Print(step.Input), what}
		}
	}
}

// compare makes one step, and says what differs.
func (p *replay) compare(n *statemachine.Node, step Step) string {
	effects, crash := try(n, step)
	switch {
	case crash != "" && step.Returned:
		return "the replay ends with: " + crash
	case crash != "":
		p.Crashed = statemachine.Print(step.Input) + ": " + crash
		return ""
	case !step.Returned:
		return "the process ended in it, and the replay does not"
	}
	for i := range max(len(effects), len(step.Marks)) {
		if what := p.effect(i, effects, step.Marks); what != "" {
			return fmt.Sprintf("effect %d of %d was %s", i+1, len(step.Marks), what)
		}
	}
	p.Effects += uint64(len(effects))
	return ""
}

func (p *replay) effect(i int, effects []statemachine.Effect, marks []Mark) string {
	switch {
	case i >= len(marks):
		return "not there, the replay has " + clip(statemachine.Print(effects[i]))
	case i >= len(effects):
		return fmt.Sprintf("a %s, the replay has none", marks[i].kind())
	}
	m := p.hash.mark(&effects[i])
	switch {
	case m.Number != marks[i].Number:
		return fmt.Sprintf("a %s, the replay has %s", marks[i].kind(), clip(statemachine.Print(effects[i])))
	case m.Hash != marks[i].Hash:
		return fmt.Sprintf("a %s with hash %08x, the replay has %08x of %s", marks[i].kind(), marks[i].Hash, m.Hash,
			clip(statemachine.Print(effects[i])))
	}
	return ""
}

// kind names the effect.
func (m Mark) kind() string { return theLayout().effects.name(m.Number) }

// try steps, and catches a broken invariant.
func try(n *statemachine.Node, step Step) (effects []statemachine.Effect, crash string) {
	defer func() {
		if why := recover(); why != nil {
			effects, crash = nil, fmt.Sprint(why)
		}
	}()
	return n.Step(step.At, step.Input), ""
}
