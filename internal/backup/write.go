package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"kvs/statemachine/keyspace"
)

const magic = "KVSBAK1\n"

// Header says whose copy a backup is.
type Header struct {
	Cluster keyspace.ClusterID
	// Digest is the key of the cluster's digests, which all its members share.
	Digest  keyspace.DigestKey
	Replica keyspace.ReplicaID
	Node    string // its node_id
	Version string // of the program
	Time    int64  // of the snapshot, in Unix milliseconds
	Base    *Base  // the backup that it builds on, nil for a full one
	Claim   keyspace.Claim

	since keyspace.VV // what the base claimed
}

// BuildOn makes a backup one of what is not in base. It is false, and the backup stays a
// full one, unless base is an earlier copy of the same replica: only that has every record
// whose dot it claims, unless a newer one was there already (I1).
func (h *Header) BuildOn(base Header) bool {
	if base.Cluster != h.Cluster || base.Replica != h.Replica || base.Node != h.Node || base.Time >= h.Time ||
		len(base.Claim.VV.Sets()) == 0 || !h.Claim.VV.Covers(base.Claim.VV) {
		return false
	}
	link := base.Link()
	h.Base, h.since = &link, base.Claim.VV
	return true
}

// Base names the backup that another one builds on.
type Base struct {
	ID  string `json:"id"`
	Sum string `json:"sum"` // SHA-256 over whose copy it is, and of when
}

// Suffix ends the names of files.
const Suffix = ".kvsbak"

// IDTime is how the id of a backup begins, for time.Time.Format; ids are in the order of
// time.
const IDTime = "20060102T150405.000Z"

// ID is the name of a backup, which its replica makes once.
func (h Header) ID() string {
	return time.UnixMilli(h.Time).UTC().Format(IDTime) + "-" + hex.EncodeToString(h.Replica[:4])
}

// Link is how a backup is named by those that build on it.
func (h Header) Link() Base {
	text := fmt.Sprintf("%x %x %d %q", h.Cluster, h.Replica, h.Time, h.Node)
	sum := sha256.Sum256([]byte(text))
	return Base{h.ID(), hex.EncodeToString(sum[:])}
}

// headerText is a Header as it is written.
type headerText struct {
	Cluster string `json:"cluster"`
	Digest  string `json:"digest_key"`
	Replica string `json:"replica"`
	Node    string `json:"node_id"`
	Version string `json:"version"`
	Time    int64  `json:"time"`
	Full    bool   `json:"full"`
	Base    *Base  `json:"base,omitempty"`
	Claim   []byte `json:"claim"`
}

// Manifest is what a backup holds.
type Manifest struct {
	Keys       int64  `json:"keys"`       // of users, with a value, which may have expired
	System     int64  `json:"system"`     // the system's own records, deletes of them too
	Tombstones int64  `json:"tombstones"` // deletes of users' keys
	Bytes      int64  `json:"bytes"`      // of keys and values, uncompressed
	Frames     int64  `json:"frames"`     // of records
	SHA256     string `json:"sha256"`     // of all bytes of the file before the manifest
	// Kept are the records that are what they were in the backup that it builds on. The
	// other counts are without them.
	Kept int64 `json:"kept,omitempty"`
}

func (m *Manifest) count(e *keyspace.Entry) {
	switch {
	case isKept(e):
		m.Kept++
	case keyspace.IsReserved(e.Key):
		m.System++
	case e.Tombstone():
		m.Tombstones++
	default:
		m.Keys++
	}
	m.Bytes += int64(len(e.Key) + len(e.Value))
}

// Writer writes a backup. It is not complete before Close has returned without error.
type Writer struct {
	out   io.Writer
	sum   hash.Hash // of what was written
	plain bytes.Buffer
	after string // the frame begins behind this key
	last  string // and has come to this one
	since keyspace.VV
	count Manifest
}

func (h Header) text() ([]byte, error) {
	claim, err := h.Claim.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	text, err := json.Marshal(headerText{
		Cluster: hex.EncodeToString(h.Cluster[:]), Digest: hex.EncodeToString(h.Digest[:]),
		Replica: hex.EncodeToString(h.Replica[:]), Node: h.Node, Version: h.Version, Time: h.Time,
		Full: h.Base == nil, Base: h.Base, Claim: claim,
	})
	if err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	return text, nil
}

// NewWriter begins a backup.
func NewWriter(out io.Writer, h Header) (*Writer, error) {
	text, err := h.text()
	if err != nil {
		return nil, err
	}
	if len(text) > headerBytesMax {
		return nil, fmt.Errorf("begin a backup: its version vector has %d bytes, more than %d", len(text), headerBytesMax)
	}
	sum := sha256.New()
	w := &Writer{out: io.MultiWriter(out, sum), sum: sum, since: h.since}
	if _, err := io.WriteString(w.out, magic); err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	return w, w.emit(typeHeader, text)
}

func (w *Writer) emit(kind byte, payload []byte) error {
	if _, err := w.out.Write(sealFrame(kind, payload)); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// kept is a record that is what it was in the backup that this one builds on.
type kept struct {
	Key string       `cbor:"1,keyasint"`
	Dot keyspace.Dot `cbor:"4,keyasint"`
}

// isKept says that an entry was written as kept: no record is without a version.
func isKept(e *keyspace.Entry) bool { return e.Ver == keyspace.Version{} }

// Add adds a record. Keys must ascend. A backup that builds on another one has only the key
// and the dot of what that one claims.
func (w *Writer) Add(e keyspace.Entry) error {
	if e.Key <= w.last {
		return fmt.Errorf("add %q to a backup after %q", e.Key, w.last)
	}
	var text any = &e
	if w.since.Contains(e.Dot) {
		e = keyspace.Entry{Key: e.Key, Header: keyspace.Header{Dot: e.Dot}}
		text = kept{e.Key, e.Dot}
	}
	if err := encoder.MarshalToBuffer(text, &w.plain); err != nil {
		return fmt.Errorf("add %q to a backup: %w", e.Key, err)
	}
	w.last = e.Key
	w.count.count(&e)
	if w.plain.Len() < recordsBytes {
		return nil
	}
	return w.flush(0)
}

// flush writes the records as a frame. last is 1 for the last one.
func (w *Writer) flush(last byte) error {
	head := binary.BigEndian.AppendUint16([]byte{last}, uint16(len(w.after)))
	plain := append(append(head, w.after...), w.plain.Bytes()...)
	w.plain.Reset()
	w.after = w.last
	w.count.Frames++
	return w.emit(typeData, compressor.EncodeAll(plain, nil))
}

// Close ends the backup with its manifest.
func (w *Writer) Close() (Manifest, error) {
	if err := w.flush(1); err != nil {
		return Manifest{}, err
	}
	w.count.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	text, err := json.Marshal(w.count)
	if err != nil {
		return Manifest{}, fmt.Errorf("end a backup: %w", err)
	}
	if err := w.emit(typeManifest, text); err != nil {
		return Manifest{}, err
	}
	if _, err := w.out.Write(ending(len(text) + frameOverhead)); err != nil {
		return Manifest{}, fmt.Errorf("write the backup: %w", err)
	}
	return w.count, nil
}

// ending are the last bytes of a file whose manifest is a frame of n bytes.
func ending(n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), magic...)
}
