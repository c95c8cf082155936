package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"kvs/statemachine/keyspace"
)

// ErrCorrupt says that a file, or a part of one, is not what was written.
var ErrCorrupt = errors.New("the backup is damaged or not complete")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

const (
	typeHeader   = 'H'
	typeData     = 'D'
	typeManifest = 'M'

	frameHeadBytes = 1 + 4
	frameOverhead  = frameHeadBytes + sha256.Size

	// recordsBytes is the size of the records from which a frame is closed.
	recordsBytes = 512 << 10
	// plainBytesMax bounds a frame before compression: it may have one more record.
	plainBytesMax = recordsBytes + keyspace.ValueBytesMax + 8<<10
	// FrameBytesMax bounds a frame of records as it lies in a file, with what zstd adds to
	// bytes that it cannot compress.
	FrameBytesMax = plainBytesMax + 64<<10
	// headerBytesMax bounds the other frames. A vector takes tens of bytes a stream.
	headerBytesMax = 16 << 20
)

// Frame is a part of a backup: the records of a range of keys.
type Frame struct {
	Raw     []byte // as it lies in the file, checksum and all
	After   string // it stands for the keys behind this one,
	To      string // up to this one,
	Last    bool   // or up to the end of all keys
	Entries []keyspace.Entry
}

// sealFrame makes a frame of a payload.
func sealFrame(kind byte, payload []byte) []byte {
	b := make([]byte, 0, frameOverhead+len(payload))
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// openFrame is the inverse of sealFrame.
func openFrame(raw []byte) (kind byte, payload []byte, err error) {
	if len(raw) < frameOverhead || len(raw) != frameOverhead+int(binary.BigEndian.Uint32(raw[1:])) {
		return 0, nil, corrupt("a frame has not the length that it says")
	}
	end := len(raw) - sha256.Size
	if sum := sha256.Sum256(raw[:end]); !bytes.Equal(sum[:], raw[end:]) {
		return 0, nil, corrupt("a frame does not match its checksum")
	}
	return raw[0], raw[frameHeadBytes:end], nil
}

// readFrame reads one frame. Its bound depends on its type.
func readFrame(r io.Reader) (raw []byte, err error) {
	raw = make([]byte, frameHeadBytes)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, cutOff(err)
	}
	n, most := int64(binary.BigEndian.Uint32(raw[1:])), int64(headerBytesMax)
	if raw[0] == typeData {
		most = FrameBytesMax - frameOverhead
	}
	if n > most {
		return nil, corrupt("a frame says that it has %d bytes, more than %d", n, most)
	}
	var b bytes.Buffer // grows with what is there, not with what the length says
	b.Write(raw)
	if _, err := io.CopyN(&b, r, n+sha256.Size); err != nil {
		return nil, cutOff(err)
	}
	return b.Bytes(), nil
}

// cutOff tells the end of a file from a failure to read it.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("it was cut off")
	}
	if errors.Is(err, ErrCorrupt) {
		return err
	}
	return fmt.Errorf("read the backup: %w", err)
}

// ParseFrame reads a frame of a full backup by itself, and takes only a sound one.
func ParseFrame(raw []byte) (Frame, error) {
	f, err := parseFrame(raw)
	if err == nil {
		err = f.checkFull()
	}
	if err != nil {
		return Frame{}, err
	}
	return f, nil
}

// checkFull refuses records that are only in another backup.
func (f *Frame) checkFull() error {
	for i := range f.Entries {
		if isKept(&f.Entries[i]) {
			return corrupt("the record %q is in another backup", f.Entries[i].Key)
		}
	}
	return nil
}

func parseFrame(raw []byte) (Frame, error) {
	if len(raw) > FrameBytesMax {
		return Frame{}, corrupt("a frame has more than %d bytes", FrameBytesMax)
	}
	kind, payload, err := openFrame(raw)
	if err != nil {
		return Frame{}, err
	}
	if kind != typeData {
		return Frame{}, corrupt("a frame is none of records")
	}
	plain, err := decompressor.DecodeAll(payload, nil)
	if err != nil || len(plain) > plainBytesMax || len(plain) < 3 || plain[0] > 1 {
		return Frame{}, corrupt("the records of a frame cannot be read")
	}
	f := Frame{Raw: raw, Last: plain[0] == 1}
	n := int(binary.BigEndian.Uint16(plain[1:]))
	if n > keyspace.KeyBytesMax || n > len(plain)-3 {
		return Frame{}, corrupt("the records of a frame cannot be read")
	}
	f.After = string(plain[3 : 3+n])
	if f.Entries, err = parseEntries(plain[3+n:], f.After); err != nil {
		return Frame{}, err
	}
	f.To = f.After
	if n := len(f.Entries); n > 0 {
		f.To = f.Entries[n-1].Key
	}
	return f, nil
}

// parseEntries reads records whose keys ascend from behind a key on.
func parseEntries(b []byte, after string) (es []keyspace.Entry, err error) {
	for len(b) > 0 {
		var e keyspace.Entry
		if b, err = decoder.UnmarshalFirst(b, &e); err != nil || e.Key <= after || !e.Valid() && !validKept(&e) {
			return nil, corrupt("the record after %q cannot be read", after)
		}
		after = e.Key
		es = append(es, e)
	}
	return es, nil
}

// validKept says that an entry has a key and a dot, and nothing else.
func validKept(e *keyspace.Entry) bool {
	bare := keyspace.Header{Dot: e.Dot}
	return e.Header == bare && len(e.Value) == 0 && e.Dot.Valid() &&
		len(e.Key) > 0 && len(e.Key) <= keyspace.KeyBytesMax && utf8.ValidString(e.Key)
}

// The codecs keep tables alone, start no goroutines with these options, and may be used by
// many at once.
var (
	compressor   = newCompressor()
	decompressor = newDecompressor()
	encoder      = newEncoder()
	decoder      = newDecoder()
)

func newCompressor() *zstd.Encoder {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic("backup: compressor options: " + err.Error())
	}
	return w
}

func newDecompressor() *zstd.Decoder {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(plainBytesMax))
	if err != nil {
		panic("backup: decompressor options: " + err.Error())
	}
	return r
}

func newEncoder() cbor.UserBufferEncMode {
	mode, err := cbor.CoreDetEncOptions().UserBufferEncMode()
	if err != nil {
		panic("backup: encoder options: " + err.Error())
	}
	return mode
}

func newDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 4, MaxArrayElements: 16, MaxMapPairs: 16,
	}.DecMode()
	if err != nil {
		panic("backup: decoder options: " + err.Error())
	}
	return mode
}
