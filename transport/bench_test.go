package transport

import (
	"bytes"
	"strconv"
	"testing"

	"kvs/statemachine"
)

// benchmarkSend keeps a window of messages under way between two transports.
func benchmarkSend(b *testing.B, class statemachine.Class, m statemachine.Message, window int) {
	arrived := make(chan struct{}, window)
	hook := func(in statemachine.Input) {
		if _, ok := in.(statemachine.Received); ok {
			arrived <- struct{}{}
		}
	}
	from := open(b, setup{id: 1})
	to, err := benchReceiver(hook)
	must(b, err)
	b.Cleanup(func() { must(b, to.Close()) })
	from.Dial(to.Addr().String())
	from.wait("peer", func() bool { return len(from.up) == 1 })
	eventually(b, "peer", func() bool { return to.Stats().Peers == 1 })
	b.ResetTimer()
	sent, done := 0, 0
	for done < b.N {
		for sent < b.N && sent-done < window {
			from.Send(replica(2), class, m)
			sent++
		}
		<-arrived
		done++
	}
	b.StopTimer()
	if s := from.Stats(); s.DroppedFull[class] != 0 {
		b.Fatalf("dropped: %+v", s)
	}
}

// benchReceiver is a transport whose recorder keeps nothing.
func benchReceiver(hook func(statemachine.Input)) (*Transport, error) {
	id, err := newIdentity([]byte(testSecret), replica(2))
	if err != nil {
		return nil, err
	}
	socket, err := openSocket("127.0.0.1:0", false)
	if err != nil {
		return nil, err
	}
	return listenOn(socket, id, Options{
		Replica: replica(2), Deliver: hook,
		Hello: func() statemachine.Hello { return testHello(replica(2), 1) },
	}, defaultTiming())
}

func BenchmarkSmallPush(b *testing.B) {
	push := statemachine.Push{Entries: []statemachine.Entry{testEntry(1, "users/1", []byte("value"))}}
	benchmarkSend(b, statemachine.ClassPush, push, queueFramesMax)
}

func BenchmarkDelta(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var m statemachine.Delta
			for range 256 << 10 / size {
				m.Entries = append(m.Entries, testEntry(1, "users/1", bytes.Repeat([]byte{7}, size)))
			}
			b.SetBytes(256 << 10)
			benchmarkSend(b, statemachine.ClassBulk, m, 16)
		})
	}
}

func BenchmarkEncodeDecode(b *testing.B) {
	push := statemachine.Push{Entries: []statemachine.Entry{testEntry(1, "users/1", []byte("value"))}}
	b.ReportAllocs()
	for b.Loop() {
		frame, err := Encode(push)
		must(b, err)
		_, err = Decode(frame)
		must(b, err)
	}
}
