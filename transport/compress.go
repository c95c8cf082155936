package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"kvs/statemachine"
)

// Bulk frames may travel compressed as a whole: deltas and scrubs are many small
// records that resemble each other, and nobody waits for one of them. Fresh
// writes are left alone, because they are few and urgent. A peer that cannot read
// such frames does not set the feature in its Hello, and gets none.

const (
	// kindCompressed stands in the place of a kind: the body is a whole frame,
	// kind and all, in the format of RFC 8878.
	kindCompressed statemachine.Kind = 64

	// compressBytesMin is the size from which compressing a frame may pay.
	compressBytesMin = 512
)

// The codecs keep tables alone, start no goroutines with these options, and may
// be used by many streams at once.
var (
	compressor   = newCompressor()
	decompressor = newDecompressor()
)

func newCompressor() *zstd.Encoder {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(2))
	if err != nil {
		panic("transport: compressor options: " + err.Error())
	}
	return w
}

// newDecompressor refuses what would grow beyond a frame, before it grows.
func newDecompressor() *zstd.Decoder {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2),
		zstd.WithDecoderMaxMemory(statemachine.FrameBytesMax))
	if err != nil {
		panic("transport: decompressor options: " + err.Error())
	}
	return r
}

// compressFrame replaces the frame at start, its length included, by a
// compressed one if that is smaller. scratch is memory to use again.
func compressFrame(b *bytes.Buffer, start int, scratch []byte) []byte {
	frame := b.Bytes()[start+frameHeaderBytes:]
	if len(frame) < compressBytesMin {
		return scratch
	}
	scratch = compressor.EncodeAll(frame, scratch[:0])
	if 1+len(scratch) >= len(frame) {
		return scratch
	}
	b.Truncate(start + frameHeaderBytes)
	b.WriteByte(byte(kindCompressed))
	b.Write(scratch)
	binary.BigEndian.PutUint32(b.Bytes()[start:], uint32(1+len(scratch)))
	return scratch
}

// expandFrame returns the frame inside a compressed one, which lies in scratch,
// and any other as it is. Its error is ErrMalformed. The memory to use again for
// the next frame is bounded by bufferKeepBytes.
func expandFrame(frame, scratch []byte) (inner, again []byte, err error) {
	if statemachine.Kind(frame[0]) != kindCompressed {
		return frame, scratch, nil
	}
	inner, err = decompressor.DecodeAll(frame[1:], scratch[:0])
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("compressed frame: %w: %w", ErrMalformed, err)
	case len(inner) == 0 || len(inner) > statemachine.FrameBytesMax:
		return nil, nil, fmt.Errorf("compressed frame of %d bytes: %w", len(inner), ErrMalformed)
	case statemachine.Kind(inner[0]) == kindCompressed:
		return nil, nil, fmt.Errorf("compressed frame inside another: %w", ErrMalformed)
	}
	if again = inner; cap(again) > bufferKeepBytes {
		again = nil
	}
	return inner, again, nil
}

// unzips says that the peer reads compressed frames.
func (c *conn) unzips() bool { return c.hello.Features&statemachine.FeatureZstd != 0 }
