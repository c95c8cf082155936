package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"kvs/statemachine"
)

// On a stream every frame follows its length, four bytes in big-endian order.

// appendFrame appends length and frame, and on an error leaves b as it was.
func appendFrame(b *bytes.Buffer, m statemachine.Message) error {
	start := b.Len()
	b.Write(make([]byte, frameHeaderBytes))
	if err := encodeTo(b, m); err != nil {
		b.Truncate(start)
		return err
	}
	n := b.Len() - start - frameHeaderBytes
	binary.BigEndian.PutUint32(b.Bytes()[start:], uint32(n))
	return nil
}

// frameReader cuts a stream into frames.
type frameReader struct {
	r   *bufio.Reader
	buf []byte
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{r: bufio.NewReaderSize(r, readStepBytes)}
}

// next returns the next frame, valid until the next call. The buffer grows only
// with the bytes that have arrived, so a header that lies costs its sender as
// much as us.
func (f *frameReader) next() ([]byte, error) {
	var head [frameHeaderBytes]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > statemachine.FrameBytesMax {
		return nil, fmt.Errorf("frame of %d bytes: %w", n, ErrMalformed)
	}
	if cap(f.buf) > bufferKeepBytes && n <= bufferKeepBytes {
		f.buf = nil
	}
	f.buf = f.buf[:0]
	for have := 0; have < int(n); have = len(f.buf) {
		step := min(int(n)-have, max(have, readStepBytes, cap(f.buf)-have))
		f.buf = slices.Grow(f.buf, step)[:have+step]
		if _, err := io.ReadFull(f.r, f.buf[have:]); err != nil {
			return nil, err
		}
	}
	return f.buf, nil
}
