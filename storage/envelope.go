package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ErrDamaged says that a stored record is there but that its checksum does not
// match. It is neither served nor missing.
var ErrDamaged = errors.New("the stored record is damaged")

// Every stored value is an envelope: one byte of format, the CRC-32C of key,
// format and payload, and the payload. Badger checks nothing when it reads, and
// a flipped bit there is a wrong value with a nil error. The key is part of the
// sum, so that a value which turns up under another key is noticed too.
//
// Numbers of formats are never reused.
const (
	formatWhole = 1
	// formatSplit says that the envelope goes on in a second record, stored
	// raw. The sum is that of the whole payload.
	formatSplit = 2
	// formatSmall and formatSmallSplit are the same with a payload that is compressed
	// (RFC 8878). The sum is that of the compressed one.
	formatSmall      = 3
	formatSmallSplit = 4

	envelopeBytes = 1 + 4
)

// The classes of the keyspace are letters. Those of this package lie behind
// them all, so that one bound hides them from every scan.
const (
	classOwn  = '~'
	ownSecond = 'v' // ~v<key>: the second part of the value of key
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes the envelope of payload into stored, which has the exact length.
func seal(stored []byte, format byte, key, payload []byte) {
	stored[0] = format
	binary.BigEndian.PutUint32(stored[1:], checksum(format, key, payload))
	copy(stored[envelopeBytes:], payload)
}

// unseal returns the payload of a complete envelope: where it is, or expanded into
// scratch if it fits there.
func unseal(key, stored, scratch []byte) ([]byte, error) {
	if len(stored) <= envelopeBytes || stored[0] < formatWhole || stored[0] > formatSmallSplit {
		return nil, damaged(key)
	}
	payload := stored[envelopeBytes:]
	if binary.BigEndian.Uint32(stored[1:]) != checksum(stored[0], key, payload) {
		return nil, damaged(key)
	}
	if isSmall(stored[0]) {
		return expand(key, payload, scratch)
	}
	return payload, nil
}

func isSplit(format byte) bool { return format == formatSplit || format == formatSmallSplit }

func isSmall(format byte) bool { return format == formatSmall || format == formatSmallSplit }

func checksum(format byte, key, payload []byte) uint32 {
	sum := crc32.Update(uint32(format), castagnoli, key)
	return crc32.Update(sum, castagnoli, payload)
}

func damaged(key []byte) error { return fmt.Errorf("%w: key %q", ErrDamaged, key) }

// secondKey is the key of the second part of a value that was cut in two.
func secondKey(key []byte) []byte {
	return append(append(make([]byte, 0, 2+len(key)), classOwn, ownSecond), key...)
}
