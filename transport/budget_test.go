package transport

import (
	"bytes"
	"context"
	"testing"
	"time"

	"kvs/statemachine"
)

// Goal: what a stream may spend: a second's worth at once, then 20,000 messages or
// 250 MB a second, and nothing saved up beyond that.
func TestS15BudgetOfAStream(t *testing.T) {
	now := time.Unix(1000, 0)
	var b budget
	if w := b.spend(now, 0); w > 0 {
		t.Errorf("the first message waits %v", w)
	}
	for range 20_000 - 1 {
		b.spend(now, 0)
	}
	if w := b.spend(now, 0); w != messageCost {
		t.Errorf("after a second's worth: %v", w)
	}
	if w := b.spend(now.Add(time.Hour), 250_000_000-12_500); w != 0 {
		t.Errorf("after an hour, a second's worth of bytes: %v", w)
	}
	if w := b.spend(now.Add(time.Hour+time.Second), 0); w > messageCost-time.Second {
		t.Errorf("a second later: %v", w)
	}
}

// Goal: a peer that sends empty digests without end is slowed down to its budget,
// and nobody else notices. Method: a stranger with the right secret floods the
// control stream; a good peer's messages arrive meanwhile.
func TestS15FloodOfAPeerIsSlowed(t *testing.T) {
	t.Parallel()
	a, good := open(t, setup{id: 1, drop: true}), open(t, setup{id: 2})
	connect(good, a)
	s := newStranger(t, testSecret, 7)
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	qc, err := s.quic.Dial(ctx, a.Addr(), s.tls, quicConfig(quick))
	must(t, err)
	stream, err := qc.OpenUniStream()
	must(t, err)
	_, err = stream.Write(framesOf(t, testHello(replica(7), 1)))
	must(t, err)
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		digests := bytes.Repeat(framesOf(t, statemachine.Digest{}), 1000)
		for {
			if _, err := stream.Write(digests); err != nil {
				return // it was closed
			}
		}
	}()
	began := time.Now()
	eventually(t, "a pause", func() bool { return a.Stats().Paused > 100 })
	good.Send(a.id, statemachine.ClassControl, statemachine.Ack{})
	a.wait("a good peer's message", func() bool { return len(a.received(statemachine.KindAck)) == 1 })
	got := a.Stats().ReceivedFrames[statemachine.ClassControl]
	if most := uint64(20_000 + 20_000*(time.Since(began)+time.Second).Seconds()); got > most {
		t.Errorf("%d messages in %v, at most %d", got, time.Since(began), most)
	}
	must(t, qc.CloseWithError(0, ""))
	<-flood
}
