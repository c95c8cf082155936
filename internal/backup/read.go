package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
)

// Reader reads a backup, frame by frame. What it returned is not to be trusted as a whole
// before Next has said io.EOF: Verify first.
type Reader struct {
	in    io.Reader
	sum   hash.Hash // of what was read before
	head  Header
	to    string // all keys up to here were read
	last  bool   // and those behind too
	count Manifest
}

// NewReader reads the header of a backup.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{in: in, sum: sha256.New()}
	var start [len(magic)]byte
	if _, err := io.ReadFull(in, start[:]); err != nil {
		return nil, cutOff(err)
	}
	if string(start[:]) != magic {
		return nil, corrupt("it does not begin like a backup of this version")
	}
	r.sum.Write(start[:])
	raw, err := readFrame(in)
	if err != nil {
		return nil, err
	}
	r.sum.Write(raw)
	kind, payload, err := openFrame(raw)
	if err != nil {
		return nil, err
	}
	if kind != typeHeader {
		return nil, corrupt("it has no header")
	}
	r.head, err = parseHeader(payload)
	return r, err
}

func parseHeader(text []byte) (h Header, err error) {
	var t headerText
	if err := strict(text, &t); err != nil || t.Full != (t.Base == nil) {
		return h, corrupt("its header cannot be read")
	}
	for _, f := range []struct {
		to   []byte
		text string
	}{{h.Cluster[:], t.Cluster}, {h.Digest[:], t.Digest}, {h.Replica[:], t.Replica}} {
		b, err := hex.DecodeString(f.text)
		if err != nil || len(b) != len(f.to) {
			return h, corrupt("its header cannot be read")
		}
		copy(f.to, b)
	}
	h.Node, h.Version, h.Time, h.Base = t.Node, t.Version, t.Time, t.Base
	if h.Claim.UnmarshalBinary(t.Claim) != nil {
		return h, corrupt("its version vector cannot be read")
	}
	return h, nil
}

// strict reads one JSON document whose fields are all known.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one document")
	}
	return nil
}

// Header says whose copy it is.
func (r *Reader) Header() Header { return r.head }

// Next reads the next frame. io.EOF says that all of the backup was read and is sound.
func (r *Reader) Next() (Frame, error) {
	raw, err := readFrame(r.in)
	if err != nil {
		return Frame{}, err
	}
	if raw[0] == typeManifest {
		return Frame{}, r.finish(raw)
	}
	r.sum.Write(raw)
	f, err := parseFrame(raw)
	if err == nil && r.head.Base == nil {
		err = f.checkFull()
	}
	if err != nil {
		return Frame{}, err
	}
	if r.last || f.After != r.to {
		return Frame{}, corrupt("a frame is missing before the key after %q", f.After)
	}
	r.to, r.last = f.To, f.Last
	r.count.Frames++
	for i := range f.Entries {
		r.count.count(&f.Entries[i])
	}
	return f, nil
}

// finish holds what was read against the manifest, and says io.EOF.
func (r *Reader) finish(raw []byte) error {
	_, payload, err := openFrame(raw)
	if err != nil {
		return err
	}
	m, err := parseManifest(payload)
	if err != nil {
		return err
	}
	r.count.SHA256 = hex.EncodeToString(r.sum.Sum(nil))
	if !r.last || m != r.count {
		return corrupt("it does not hold what its manifest says")
	}
	rest, err := io.ReadAll(io.LimitReader(r.in, int64(len(magic)+5)))
	if err != nil {
		return cutOff(err)
	}
	if !bytes.Equal(rest, ending(len(raw))) {
		return corrupt("it does not end where it should")
	}
	return io.EOF
}

func parseManifest(text []byte) (m Manifest, err error) {
	if strict(text, &m) != nil {
		return m, corrupt("its manifest cannot be read")
	}
	return m, nil
}

// Manifest is what the backup holds, once Next has said io.EOF.
func (r *Reader) Manifest() Manifest { return r.count }

// Each calls fn for each frame, and returns nil once all of the backup was read and is
// sound. A sound frame is no sound backup: fn may be called before ErrCorrupt.
func (r *Reader) Each(fn func(Frame) error) error {
	for {
		f, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := fn(f); err != nil {
			return err
		}
	}
}

// Verify reads all of a file that is not encrypted, and keeps nothing of it. Of what the
// file builds on it does not know.
func Verify(in io.Reader) (Header, Manifest, error) {
	r, err := NewReader(in)
	if err != nil {
		return Header{}, Manifest{}, err
	}
	if err := r.Each(func(Frame) error { return nil }); err != nil {
		return Header{}, Manifest{}, err
	}
	return r.head, r.count, nil
}

func lastManifest(f io.ReadSeeker) (m Manifest, err error) {
	var end [4 + len(magic)]byte
	if _, err := f.Seek(-int64(len(end)), io.SeekEnd); err != nil {
		return m, corrupt("it was cut off")
	}
	if _, err := io.ReadFull(f, end[:]); err != nil {
		return m, cutOff(err)
	}
	n := int64(end[0])<<24 | int64(end[1])<<16 | int64(end[2])<<8 | int64(end[3])
	if !bytes.Equal(end[:], ending(int(n))) {
		return m, corrupt("it was cut off")
	}
	if _, err := f.Seek(-int64(len(end))-n, io.SeekEnd); err != nil {
		return m, corrupt("it was cut off")
	}
	raw, err := readFrame(f)
	if err != nil {
		return m, err
	}
	kind, payload, err := openFrame(raw)
	if err != nil || kind != typeManifest {
		return m, corrupt("it has no manifest")
	}
	return parseManifest(payload)
}
