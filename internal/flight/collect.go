package flight

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// collection reads the whole blocks of all segments, as one recording. What was
// torn when a process was killed is left out, and so is a segment that goes
// meanwhile.
type collection struct {
	ring    *ring
	numbers []uint64 // of the segments that come
	file    *os.File // nil: the next one is to be opened
	in      *bufio.Reader
	rest    []byte // of a block
}

// Read implements io.Reader.
func (c *collection) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next takes the next block, or goes on to the next segment.
func (c *collection) next() (err error) {
	if c.file == nil {
		if len(c.numbers) == 0 {
			return io.EOF
		}
		c.file, err = os.Open(c.ring.path(c.numbers[0]))
		c.numbers = c.numbers[1:]
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		c.in = bufio.NewReaderSize(c.file, pieceBytes)
		return err
	}
	k, payload, err := readBlock(c.in)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errTorn), errors.Is(err, ErrMalformed):
		return c.Close()
	case err != nil:
		return err
	}
	c.rest = appendBlock(nil, k, payload)
	return nil
}

// Close implements io.Closer.
func (c *collection) Close() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}
