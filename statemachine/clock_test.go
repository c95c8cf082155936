package statemachine_test

import (
	"testing"

	"kvs/statemachine"
)

// compare lets ten seconds pass in which peers answer probes by clocks that are
// off by so much, after delay, and returns the events of the clock.
func (h *host) compare(off map[byte]statemachine.Millis, delay statemachine.Millis) (out []statemachine.ClockSkewed) {
	for end := h.now.Mono + 10_000; h.now.Mono < end; {
		got := append(h.tick(max(1, min(end, h.node.Deadline())-h.now.Mono)), h.settle()...)
		for _, e := range got {
			s, _ := e.(statemachine.Send)
			ping, ok := s.Msg.(statemachine.Ping)
			if !ok {
				continue
			}
			h.now.Mono += delay
			h.now.Wall += delay
			ack := statemachine.PingAck{
				Seq: ping.Seq, Wall: epoch + h.now.Mono - delay/2 + off[s.To[0]],
			}
			out = append(out, events[statemachine.ClockSkewed](h.hear(s.To[0], ack))...)
		}
		out = append(out, events[statemachine.ClockSkewed](got)...)
	}
	return out
}

// stamp is by how much the timestamp of a write is ahead of the true time.
func (h *host) stamp(t *testing.T, key string) statemachine.Millis {
	t.Helper()
	for _, e := range append(h.write(1, key), h.settle()...) {
		if r, ok := e.(statemachine.Respond); ok && r.Result.Refused == statemachine.RefusedNot {
			return r.Result.Version.TS - epoch - h.now.Mono
		}
	}
	t.Fatalf("the write was refused")
	return 0
}

// TestClockFarAheadIsHeldBack: a node stamps at most MaxSkew ahead of the middle
// one of its peers' clocks, as soon as it knows two; a wrong clock of one peer
// makes no difference, and a clock that is behind is left alone.
func TestClockFarAheadIsHeldBack(t *testing.T) {
	const year = 365 * 24 * 3_600_000
	for name, c := range map[string]struct {
		own   statemachine.Millis
		peers []statemachine.Millis
		want  statemachine.Millis
	}{
		"right":                       {0, []statemachine.Millis{0, 0}, 0},
		"a little ahead":              {500, []statemachine.Millis{0, 0}, 500},
		"ahead":                       {501, []statemachine.Millis{0, 1}, 501},
		"too far ahead":               {502, []statemachine.Millis{0, 1}, 501},
		"a year ahead":                {year, []statemachine.Millis{0, 0, 0}, 500},
		"nobody to compare with":      {year, []statemachine.Millis{0}, year},
		"one peer far ahead":          {0, []statemachine.Millis{year, 0}, 0},
		"one peer far behind":         {0, []statemachine.Millis{-year, 0}, 0},
		"far ahead, and one far back": {year, []statemachine.Millis{-year, 0, 0, 0}, 500},
		"behind":                      {-5_000, []statemachine.Millis{0, 0}, -5_000},
	} {
		h := member(t, 'a', nil)
		off := map[byte]statemachine.Millis{}
		for i, d := range c.peers {
			off['p'+byte(i)] = d
			h.meet('p' + byte(i))
		}
		h.now.Wall += c.own
		notices := h.compare(off, 0)
		if got := h.stamp(t, "k"); got != c.want {
			t.Errorf("%s: stamped %d ms ahead, want %d", name, got, c.want)
		}
		s := h.node.Status()
		if clamped := c.want != c.own; s.Clamped != clamped || (len(notices) == 1) != clamped ||
			(s.Stats.ClampedBatches > 0) != clamped {
			t.Errorf("%s: clamped %v, %d notices", name, s.Clamped, len(notices))
		}
		for _, m := range s.Members {
			if d := off[m.Replica[0]] - c.own; !m.Self && (m.Skew != d || !m.Timed) {
				t.Errorf("%s: %s is %d ms ahead, want %d", name, m.Name, m.Skew, d)
			}
		}
	}
}

// TestJumpOfTheOwnClockIsSeenAtOnce: no new answer of a peer is needed; and when
// the clock is right again, so are the stamps, but never before earlier ones.
func TestJumpOfTheOwnClockIsSeenAtOnce(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.meet('q')
	h.compare(nil, 0)
	h.now.Wall += 3_600_000
	if got := h.stamp(t, "k"); got != 500 {
		t.Fatalf("%d ms ahead after the jump", got)
	}
	h.now.Wall -= 3_600_000
	if got := h.stamp(t, "l"); got != 500 {
		t.Fatalf("%d ms ahead just after the jump back: it went back", got)
	}
	h.compare(nil, 0)
	if got := h.stamp(t, "m"); got != 0 {
		t.Fatalf("%d ms ahead later", got)
	}
}

// TestSlowAnswersTellLittle: half the round trip is made up for, and an answer
// that took longer than the interval of probes is no evidence.
func TestSlowAnswersTellLittle(t *testing.T) {
	for delay, known := range map[statemachine.Millis]bool{200: true, 900: true, 1_100: false} {
		h := member(t, 'a', nil)
		h.meet('p')
		h.meet('q')
		h.compare(nil, delay)
		if s := h.node.Status(); s.Timed != known || s.Skew != 0 {
			t.Errorf("answers after %d ms: known %v, %d ms ahead", delay, s.Timed, s.Skew)
		}
	}
}

// TestS15VersionsFromAhead: they are merged and counted, and do not move this
// clock; whoever has seen one overwrites it, without waiting for its time.
func TestS15VersionsFromAhead(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	p := newStore('p').adopt()
	es := p.put("x")
	es[0].Ver.TS += 3_600_000
	h.hear('p', statemachine.Push{Entries: es})
	h.settle()
	if s := h.node.Status(); s.Stats.AheadVersions != 1 || h.has("x") == "" {
		t.Errorf("%d counted, %q stored", s.Stats.AheadVersions, h.has("x"))
	}
	if got := h.stamp(t, "k"); got != 0 {
		t.Errorf("a write is stamped %d ms ahead", got)
	}
	if got := h.stamp(t, "x"); got < 3_600_000 || got > 3_600_001 {
		t.Errorf("a write over it is stamped %d ms ahead", got)
	}
	if got := h.stamp(t, "k"); got != 0 {
		t.Errorf("after that, another key is stamped %d ms ahead", got)
	}
}
