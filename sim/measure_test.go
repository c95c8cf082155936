package sim

import "testing"

// Goal: a measurement finds who was alone with what it had acknowledged, and for how
// long. Method: three hosts, of which one is cut off for 20 s; and the same without.
func TestMeasureFindsWhoIsAlone(t *testing.T) {
	opt := Calm(1, 3)
	split := Split{Groups: [][]int{{0}, {1, 2}}, From: 20_000, To: 40_000}
	m := Measure(opt, []Split{split}, true)
	if m.Result.Failure != nil {
		t.Fatal(m.Result.Failure)
	}
	if len(m.Windows) != 1 {
		t.Fatalf("windows %+v, want one", m.Windows)
	}
	w := m.Windows[0]
	if w.Host != 0 || w.From < split.From-1_000 || w.From > split.From+2_000 || w.To < split.To || w.To > split.To+8_000 ||
		w.Writes < 20 {
		t.Errorf("host %d alone with %d writes from %d to %d", w.Host, w.Writes, w.From, w.To)
	}
	if took := m.CaughtUp[0]; took < 0 || took > 10_000 {
		t.Errorf("caught up after %d ms", took)
	}
	if n := len(m.Second); m.Second[n/2] > 50 || m.Second[n-1] < 15_000 {
		t.Errorf("a second host had writes after %d to %d ms", m.Second[n/2], m.Second[n-1])
	}
	if m.Busy.Bytes*int(m.Idle.For) <= m.Idle.Bytes*int(m.Busy.For) || m.Idle.Messages == 0 {
		t.Errorf("traffic %+v with clients, %+v without", m.Busy, m.Idle)
	}
	cuts := 0
	for _, s := range m.Film.Spans {
		if s.Kind == SpanCut && s.At == split.From && s.End == split.To {
			cuts++
		}
	}
	if cuts != 4 {
		t.Errorf("%d directions were cut, want 4", cuts)
	}
	if calm := Measure(opt, nil, false); len(calm.Windows) != 0 || calm.Result.Failure != nil {
		t.Errorf("without a partition: %+v, %v", calm.Windows, calm.Result.Failure)
	}
}
