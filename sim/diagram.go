package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kvs/statemachine"
)

const (
	laneWidth = 22
	// diagramRowsMax bounds the rows of a diagram: the last ones matter most.
	diagramRowsMax = 400
)

// Diagram draws the film as text: a lane for each node, time downwards, messages as
// arrows in the row in which they arrive, and what failed last. Messages that hosts
// send all the time are left out, unless they are lost.
func (f *Film) Diagram() string {
	rows, hidden := f.rows()
	var b strings.Builder
	fmt.Fprintf(&b, "%9s", "ms")
	for h := range f.Nodes {
		fmt.Fprintf(&b, "  %-*s", laneWidth-2, fmt.Sprintf("n%d", h))
	}
	b.WriteString("\n")
	if over := len(rows) - diagramRowsMax; over > 0 {
		fmt.Fprintf(&b, "%9s  (%d rows before)\n", "...", over)
		rows = rows[over:]
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%9d%s\n", r.at, strings.TrimRight(r.lanes, " "))
	}
	if hidden > 0 {
		fmt.Fprintf(&b, "%9s  (%d messages of the usual chatter are not shown)\n", "", hidden)
	}
	if f.Failure != nil {
		fmt.Fprintf(&b, "%9d  FAIL %s: %s\n", f.Failure.At, f.Failure.Oracle, firstLine(f.Failure.Detail))
	}
	return b.String()
}

type diagramRow struct {
	at    Millis
	lanes string
}

func (f *Film) rows() (rows []diagramRow, hidden int) {
	for i := range f.Acts {
		a := &f.Acts[i]
		rows = append(rows, diagramRow{a.At, f.marked(a.Hosts[0], actWords(a))})
	}
	for _, s := range f.Spans {
		switch {
		case s.Kind == SpanDown && s.End < f.End:
			rows = append(rows, diagramRow{s.End, f.marked(s.From, "starts")})
		case s.Kind == SpanStill && s.End < f.End:
			rows = append(rows, diagramRow{s.End, f.marked(s.From, "goes on")})
		case s.Kind == SpanCut && s.End < f.End:
			rows = append(rows, diagramRow{s.End, f.marked(s.From, fmt.Sprintf("reaches n%d", s.To))})
		}
	}
	for _, x := range f.Flights {
		if x.Drop != DropLost && chatter(x.Message) {
			hidden++
			continue
		}
		rows = append(rows, diagramRow{x.At, f.arrow(x)})
	}
	for _, c := range f.Changes {
		what := " = "
		switch {
		case c.Key == "":
			continue // the act says it
		case c.Version == "":
			what = " purged"
		case c.Deleted:
			what = " gone, "
		}
		rows = append(rows, diagramRow{c.At, f.marked(c.Host, "* "+c.Key+what+shortVersion(c.Version))})
	}
	slices.SortStableFunc(rows, func(a, b diagramRow) int { return cmp.Compare(a.at, b.at) })
	return rows, hidden
}

// chatter says that hosts send such messages all the time.
func chatter(k statemachine.Kind) bool {
	switch k {
	case statemachine.KindPing, statemachine.KindPingAck, statemachine.KindPingReq, statemachine.KindTable,
		statemachine.KindDigest, statemachine.KindReports, statemachine.KindHello, statemachine.KindAck,
		statemachine.KindCompare:
		return true
	}
	return false
}

// actWords is what the lane of an act's first host says.
func actWords(a *Act) string {
	words := string(a.Kind)
	for _, h := range a.Hosts[1:] {
		words += fmt.Sprintf(" n%d", h)
	}
	switch {
	case a.Kind == ActWrite && len(a.Args) > len(actForms[ActWrite].fields):
		return fmt.Sprintf("%d writes", a.Count())
	case a.Kind == ActWrite && a.Args[1] != 0:
		return "delete " + key(a.Args[0])
	case a.Kind == ActWrite:
		return "put " + key(a.Args[0])
	}
	return words + string((&Act{Kind: a.Kind, Args: a.Args}).appendArgs(nil))
}

// lanes draws the empty lanes.
func (f *Film) lanes() []rune {
	row := []rune(strings.Repeat(" ", f.Nodes*laneWidth+laneWidth))
	for h := range f.Nodes {
		row[h*laneWidth+2] = '│'
	}
	return row
}

// marked is a row with words in one lane.
func (f *Film) marked(host int, words string) string {
	row := f.lanes()
	at := host*laneWidth + 2
	for i, r := range []rune(words) {
		if at+i < len(row) {
			row[at+i] = r
		}
	}
	return string(row)
}

// arrow is a row with a message from lane to lane: its name, how long it took, and a
// cross where it was lost.
func (f *Film) arrow(x Flight) string {
	row := f.lanes()
	from, to := x.From*laneWidth+2, x.To*laneWidth+2
	for i := min(from, to) + 1; i < max(from, to); i++ {
		row[i] = '─'
	}
	head, at := '▶', to-1
	if to < from {
		head, at = '◀', to+1
	}
	if x.Drop != "" {
		head = '✗'
	}
	row[at] = head
	label := messageName(x.Message)
	if x.Drop != "" {
		label += " " + string(x.Drop)
	} else {
		label += fmt.Sprintf(" %dms", x.At-x.Sent)
	}
	start := min(from, to) + 3
	for i, r := range []rune(" " + label + " ") {
		if start+i < max(from, to)-2 {
			row[start+i] = r
		}
	}
	return string(row)
}

// shortVersion is a version's timestamp from the start of the run, and the head of its
// UUID.
func shortVersion(v string) string {
	parts := strings.Split(v, "/")
	if len(parts) != 3 {
		return v
	}
	var ts Millis
	_, _ = fmt.Sscan(parts[0], &ts) // else it is 0
	return fmt.Sprintf("%d/%.8s", ts-epoch, parts[2])
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
