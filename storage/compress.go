package storage

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Values are compressed one by one, before they are sealed: Badger's own compression
// costs a third of the reads and a cache. Whether a value is compressed shows in its
// envelope alone, so a store may hold both kinds, and nodes that differ in the setting
// hold equal data.

const (
	// compressBytesMin is the size from which a value may pay for its compression. Below
	// it JSON loses little, and reading it costs as much again: see BenchmarkCompress.
	compressBytesMin = 512
	// compressGain is the part of a value that must be saved: one in so many.
	compressGain = 8
	// windowBytes is how far back a compressor looks, at the most. It bounds its memory.
	windowBytes = 256 << 10
	// scratchBytesMax is how much memory for expanded values is kept for the next.
	scratchBytesMax = 64 << 10
)

// compressor makes values smaller. The nil compressor leaves them alone. It is the
// writer's: only one goroutine may use it at a time.
type compressor struct {
	encoder *zstd.Encoder
	scratch []byte
}

// newCompressor takes a level from 1 to 19, or 0 for none. zstd in Go has four efforts,
// of which a level stands for the nearest.
func newCompressor(level int) *compressor {
	if level == 0 {
		return nil
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false)) // the envelope has a sum
	if err != nil {
		panic("storage: compressor options: " + err.Error())
	}
	return &compressor{encoder: encoder}
}

// shrink returns the value compressed, valid until the next call, or nil if that does
// not pay.
func (c *compressor) shrink(value []byte) []byte {
	if c == nil || len(value) < compressBytesMin {
		return nil
	}
	c.scratch = c.encoder.EncodeAll(value, c.scratch[:0])
	if len(c.scratch) > len(value)-len(value)/compressGain {
		return nil
	}
	return c.scratch
}

// expander reads what any compressor has written. It may be used by many at once.
var expander = newExpander()

func newExpander() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(2*partBytesMax),
		zstd.WithDecodeAllCapLimit(false))
	if err != nil {
		panic("storage: expander options: " + err.Error())
	}
	return d
}

// expand returns the value that shrink made smaller, in scratch if it fits there.
func expand(key, small, scratch []byte) ([]byte, error) {
	value, err := expander.DecodeAll(small, scratch[:0])
	if err != nil {
		return nil, fmt.Errorf("%w (compressed: %w)", damaged(key), err)
	}
	return value, nil
}

// scratches holds memory for values that are expanded to be looked at.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// returnScratch takes back what was taken from scratches, unless it has grown too large.
func returnScratch(b *[]byte) {
	if cap(*b) <= scratchBytesMax {
		scratches.Put(b)
	}
}
