package flight

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A recording is a sequence of blocks: length, checksum, kind, payload. The
// numbers are big-endian, and the checksum is of kind and payload.

// kind says what a block holds. Numbers are only ever appended.
type kind byte

const (
	// kindHeader begins a segment: a Header in JSON.
	kindHeader kind = 'S'
	// kindState is a piece of the checkpoint behind it.
	kindState kind = 'C'
	// kindSteps holds whole steps, the last of a run that crashed aside.
	kindSteps kind = 'R'
)

const (
	blockHeadBytes = 4 + 4 + 1
	// pieceBytes is the size of a piece of a checkpoint.
	pieceBytes = 1 << 20
	// blockMax bounds a block: one step may carry a batch, and its answer.
	blockMax = 64 << 20
)

// errTorn ends a recording of a process that was killed while it wrote.
var errTorn = errors.New("the recording ends within a block")

func appendBlock(b []byte, k kind, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.BigEndian.AppendUint32(b, sumOf(k, payload))
	return append(append(b, byte(k)), payload...)
}

func sumOf(k kind, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte{byte(k)}, castagnoli), castagnoli, payload)
}

// readBlock reads one block. It fails with io.EOF at the end, and with errTorn if
// that comes too early.
func readBlock(in io.Reader) (kind, []byte, error) {
	var head [blockHeadBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, torn(err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > blockMax {
		return 0, nil, fmt.Errorf("%w: a block of %d bytes", ErrMalformed, size)
	}
	payload, err := readAll(in, int(size))
	if err != nil {
		return 0, nil, err
	}
	k := kind(head[8])
	if sumOf(k, payload) != binary.BigEndian.Uint32(head[4:]) {
		return 0, nil, fmt.Errorf("%w: a block does not match its checksum", ErrMalformed)
	}
	return k, payload, nil
}

// readAll grows with what comes, as the length may be a lie.
func readAll(in io.Reader, size int) ([]byte, error) {
	payload := make([]byte, 0, min(size, pieceBytes))
	for len(payload) < size {
		n := min(size-len(payload), pieceBytes)
		payload = append(payload, make([]byte, n)...)
		if _, err := io.ReadFull(in, payload[len(payload)-n:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, torn(err)
		}
	}
	return payload, nil
}

func torn(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}
