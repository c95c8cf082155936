package transport

import (
	"bytes"
	"errors"
	"sync"
	"time"

	"kvs/statemachine"
)

// outbox is what a writer has gathered.
type outbox struct {
	batch   bytes.Buffer
	zips    bool   // frames are compressed where it pays
	scratch []byte // for that
}

// reset empties the box, and gives back what is too large to keep.
func (o *outbox) reset() {
	if o.batch.Cap() > bufferKeepBytes {
		o.batch = bytes.Buffer{}
	}
	o.batch.Reset()
	if cap(o.scratch) > bufferKeepBytes {
		o.scratch = nil
	}
}

// add appends a message as a frame, and on an error leaves the box as it was.
func (o *outbox) add(m statemachine.Message) error {
	start := o.batch.Len()
	err := appendFrame(&o.batch, m)
	if err == nil && o.zips {
		o.scratch = compressFrame(&o.batch, start, o.scratch)
	}
	return err
}

// write sends the messages of one class. It gathers what is queued into one
// write, and never waits for more. Encoding happens here and not in Send, so
// that it costs the driver nothing.
func (c *conn) write(class statemachine.Class) {
	var (
		q     = c.queues[class]
		count = &c.t.count.class[class]
		over  = c.qc.Context().Done()
		box   = outbox{zips: class == statemachine.ClassBulk && c.unzips()}
	)
	for {
		select {
		case m := <-q.messages:
			frames := c.gather(&box, q, m)
			if _, err := c.out[class].Write(box.batch.Bytes()); err != nil {
				c.fail(class, err)
				return
			}
			count.sentFrames.Add(frames)
			count.sentBytes.Add(uint64(box.batch.Len()))
			box.reset()
		case <-over:
			return
		}
	}
}

// gather encodes m and what waits behind it, up to about batchBytes.
func (c *conn) gather(box *outbox, q *queue, m queued) (frames uint64) {
	for {
		q.took(m)
		if err := box.add(m.msg); err != nil {
			c.t.count.droppedEncode.Add(1)
			if c.t.throttle.allow("encode") {
				c.t.log.Error("a message of ours breaks the protocol's bounds", "err", err)
			}
		} else {
			frames++
		}
		if box.batch.Len() >= batchBytes {
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
	var (
		scratch []byte // of what was compressed; messages share nothing with it
		paid    budget
	)
	for {
		frame, err := r.next()
		if err != nil {
			c.fail(class, err)
			return
		}
		count.receivedFrames.Add(1)
		count.receivedBytes.Add(uint64(frameHeaderBytes + len(frame)))
		if class == statemachine.ClassBulk {
			if frame, scratch, err = expandFrame(frame, scratch); err != nil {
				c.fail(class, err)
				return
			}
		}
		if wait := paid.spend(time.Now(), len(frame)); wait > 0 && !c.pause(wait) {
			return
		}
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
