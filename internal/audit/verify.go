package audit

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// ErrNoLog says that a directory holds no log.
var ErrNoLog = errors.New("there is no audit log")

// VerifyOptions say what a log is verified against.
type VerifyOptions struct {
	// Keys are the node's public keys, by the names in its checkpoints: the one
	// that it signs with, and those that it signed with before.
	Keys map[string]ed25519.PublicKey

	// Checkpoints are those that others hold: the peers, or a printed sheet.
	// The newest of them proves that nothing was cut off at the end.
	Checkpoints []Checkpoint

	// Replica is the node whose log it is to be; zero takes the log's word.
	Replica ReplicaID

	// SkipSignatures leaves all signatures unchecked, for a reader who has no
	// keys. What then verifies may be a forgery from end to end.
	SkipSignatures bool
}

// Report is what Verify has seen: all of the log, or what is in front of the
// finding.
type Report struct {
	// Replica is the node whose log it is.
	Replica ReplicaID

	// First and Last are the numbers of the first and the last entry. A log
	// whose old segments were deleted begins later than at 1. Last is First-1 if
	// there is no entry.
	First, Last uint64

	// Signed is the number of the last entry that a valid signature covers, in
	// the log or in the given checkpoints. Those after it are not protected
	// against somebody who makes their hashes anew.
	Signed uint64

	// Head is the hash of the last entry.
	Head Hash

	// Segments, Checkpoints and Bytes count what was read.
	Segments, Checkpoints int
	Bytes                 int64
}

// Verify reads a whole log that nobody writes to, and returns a *Finding as its
// error if the log is not the one that was written. Other errors say that it
// could not be read.
func Verify(dir string, o VerifyOptions) (Report, error) { return verify(dir, nil, o) }

// Verify is the function of that name, for a log that is being written to: it
// covers what is durable.
func (l *Log) Verify(o VerifyOptions) (Report, error) {
	return verify(l.o.Dir, func() position { return *l.durable.Load() }, o)
}

func verify(dir string, durable func() position, o VerifyOptions) (r Report, err error) {
	err = retry(durable, func() error {
		v := verifier{VerifyOptions: o, dir: dir}
		err := v.run(durable)
		r = v.report()
		return err
	})
	return r, err
}

// verifier is one pass through a log.
type verifier struct {
	VerifyOptions
	dir   string
	chain chain
	seen  Report // the counts

	given  []Checkpoint // those of others that were not reached yet, by number
	newest uint64       // the greatest number in any of them
	vouch  uint64       // the last entry that a valid signature covers
	kept   uint64       // the greatest First in any valid checkpoint
}

func (v *verifier) run(durable func() position) error {
	files, err := viewOf(v.dir, durable)
	if err != nil {
		return err
	}
	if len(files.segments) == 0 && len(v.Checkpoints) == 0 {
		return fmt.Errorf("%w in %q; is it the right directory?", ErrNoLog, v.dir)
	}
	if f := v.admit(); f != nil {
		return f
	}
	for i := range files.segments {
		if err := v.segment(files, i); err != nil {
			return err
		}
	}
	if f := v.end(); f != nil {
		return f
	}
	return nil
}

func (v *verifier) report() Report {
	r := v.seen
	r.Replica, r.First, r.Last = v.chain.replica, v.chain.start, v.chain.last
	r.Signed, r.Head = v.vouch, v.chain.head
	return r
}

// admit looks at the checkpoints of others.
func (v *verifier) admit() *Finding {
	v.kept = 1
	v.given = slices.SortedFunc(slices.Values(v.Checkpoints), func(a, b Checkpoint) int {
		return cmp.Compare(a.Number, b.Number)
	})
	for i := range v.given {
		k := &v.given[i]
		if v.Replica == (ReplicaID{}) {
			v.Replica = k.Replica
		}
		if k.Replica != v.Replica {
			return found(k.Number, k.Number, "a checkpoint that was given is of the log of replica %s, "+
				"not %s", k.Replica, v.Replica)
		}
		if complaint := v.signature(k); complaint != "" {
			return found(k.Number, k.Number, "a checkpoint that was given %s", complaint)
		}
		v.newest, v.kept = k.Number, max(v.kept, k.First)
	}
	return nil
}

// signature is "" if all is well with a checkpoint's signature.
func (v *verifier) signature(k *Checkpoint) (complaint string) {
	if v.SkipSignatures {
		return ""
	}
	key, known := v.Keys[k.Kid]
	switch {
	case !known:
		return fmt.Sprintf("is signed with key %q, which is not one of the %d given", k.Kid, len(v.Keys))
	case !k.SignedBy(key):
		return fmt.Sprintf("has a signature that is not that of key %q: the checkpoint, or what it "+
			"covers, is forged", k.Kid)
	}
	return ""
}

// segment reads the segment with an index, up to the end of what is to be seen.
func (v *verifier) segment(files view, i int) error {
	s := files.segments[i]
	f, err := openSegment(v.dir, s)
	if err != nil {
		return err
	}
	defer f.Close()
	limit := files.limit(i)
	lines := newLineReader(io.LimitReader(f, limit))
	for {
		raw, err := lines.next()
		expected := v.chain.last + 1
		if v.chain.kind == kindNone {
			expected = s.first
		}
		var bad *Finding
		switch {
		case errors.Is(err, io.EOF):
			v.seen.Segments++
			v.seen.Bytes += lines.offset
			if lines.count == 0 || limit != wholeFile && lines.offset < limit {
				return found(expected, expected, "the file is shorter than it was written").at(s.path, 0)
			}
			return nil
		case errors.Is(err, errLong), errors.Is(err, errTorn):
			return found(expected, expected, "this line %v", err).at(s.path, lines.count+1)
		case err != nil:
			return fmt.Errorf("audit_path %q: read %s: %w", v.dir, filepath.Base(s.path), err)
		case lines.count == 1:
			bad = v.open(raw, s)
		default:
			bad = v.next(raw)
		}
		if bad != nil {
			return bad.at(s.path, lines.count)
		}
	}
}

// open checks the first line of a file.
func (v *verifier) open(raw []byte, s segment) *Finding {
	isOldest := v.chain.kind == kindNone
	_, bad := v.chain.open(raw, s.first)
	if bad != nil || !isOldest {
		return bad
	}
	c := &v.chain
	if v.Replica != (ReplicaID{}) && c.replica != v.Replica {
		return found(c.start, c.start, "the log is that of replica %s, not %s", c.replica, v.Replica)
	}
	v.vouch = c.last
	for len(v.given) > 0 && v.given[0].Number < c.start {
		v.given = v.given[1:]
	}
	return nil
}

// next checks any other line.
func (v *verifier) next(raw []byte) *Finding {
	l, bad := v.chain.next(raw)
	switch {
	case bad != nil:
		return bad
	case l.kind == kindCheckpoint:
		return v.checkpoint(&l.checkpoint)
	}
	for len(v.given) > 0 && v.given[0].Number == l.entry.Number {
		if v.given[0].Head != l.hash {
			return found(v.vouch+1, l.entry.Number, "a checkpoint that was given names another hash of "+
				"entry %d: one of these entries was changed, with all hashes made to fit", l.entry.Number)
		}
		v.vouch, v.given = l.entry.Number, v.given[1:]
	}
	return nil
}

// checkpoint checks the signature of a checkpoint in the log.
func (v *verifier) checkpoint(k *Checkpoint) *Finding {
	v.seen.Checkpoints++
	if complaint := v.signature(k); complaint != "" {
		return found(v.vouch+1, k.Number, "this checkpoint %s", complaint)
	}
	v.vouch, v.kept = k.Number, max(v.kept, k.First)
	return nil
}

// end checks what only the end of the log tells.
func (v *verifier) end() *Finding {
	c := &v.chain
	switch {
	case c.start > v.kept:
		return found(v.kept, c.start-1, "the log begins with entry %d, but no checkpoint says that the "+
			"entries before it were to be deleted", c.start)
	case v.newest > c.last:
		return found(c.last+1, v.newest, "the log ends with entry %d, but a checkpoint that was given "+
			"is of entry %d: the end was cut off", c.last, v.newest)
	case v.newest > c.signed:
		return found(v.newest, v.newest, "the log has no checkpoint of entry %d, but one was given: the "+
			"end was cut off behind that entry", v.newest)
	}
	return nil
}
