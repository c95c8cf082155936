package transport

import (
	"bytes"
	"errors"
	"sync"

	"kvs/statemachine"
)

// write sends the messages of one class. It gathers what is queued into one
// write, and never waits for more. Encoding happens here and not in Send, so
// that it costs the driver nothing.
func (c *conn) write(class statemachine.Class) {
	var (
		q     = c.queues[class]
		count = &c.t.count.class[class]
		over  = c.qc.Context().Done()
		batch bytes.Buffer
	)
	for {
		select {
		case m := <-q.messages:
			frames := c.gather(&batch, q, m)
			if _, err := c.out[class].Write(batch.Bytes()); err != nil {
				c.fail(class, err)
				return
			}
			count.sentFrames.Add(frames)
			count.sentBytes.Add(uint64(batch.Len()))
			if batch.Cap() > bufferKeepBytes {
				batch = bytes.Buffer{}
			}
			batch.Reset()
		case <-over:
			return
		}
	}
}

// gather encodes m and what waits behind it, up to about batchBytes.
func (c *conn) gather(batch *bytes.Buffer, q *queue, m queued) (frames uint64) {
	for {
		q.took(m)
		if err := appendFrame(batch, m.msg); err != nil {
			c.t.count.droppedEncode.Add(1)
			if c.t.throttle.allow("encode") {
				c.t.log.Error("a message of ours breaks the protocol's bounds", "err", err)
			}
		} else {
			frames++
		}
		if batch.Len() >= batchBytes {
			return frames
		}
		select {
		case m = <-q.messages:
		default:
			return frames
		}
	}
}

// acceptStreams starts a reader for each further stream of the peer.
func (c *conn) acceptStreams(streams *sync.WaitGroup) {
	for class := statemachine.ClassControl + 1; class < statemachine.ClassCount; class++ {
		s, err := c.qc.AcceptUniStream(c.qc.Context())
		if err != nil {
			return // the connection is over
		}
		streams.Go(func() { c.read(newFrameReader(s), class) })
	}
}

// read delivers the messages of one stream until the connection is over. While
// Deliver blocks, flow control holds the peer back on this stream alone.
func (c *conn) read(r *frameReader, class statemachine.Class) {
	count := &c.t.count.class[class]
	for {
		frame, err := r.next()
		if err != nil {
			c.fail(class, err)
			return
		}
		count.receivedFrames.Add(1)
		count.receivedBytes.Add(uint64(frameHeaderBytes + len(frame)))
		m, err := Decode(frame)
		switch {
		case errors.Is(err, ErrUnknownKind):
			c.t.count.unknownKinds.Add(1)
			continue
		case err != nil:
			c.fail(class, err)
			return
		}
		if h, ok := m.(statemachine.Hello); ok && h.Replica != c.peer {
			c.t.count.malformed.Add(1)
			c.close(closing(codeIdentity, "a later Hello names another replica"))
			return
		}
		c.t.o.Deliver(statemachine.Received{From: c.peer, Boot: c.hello.Boot, Msg: m})
	}
}
