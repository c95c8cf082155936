package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// pass runs one full pass of the verifier, and returns the keys that the core is
// told of.
func (r *rig) pass(t *testing.T) map[string]bool {
	t.Helper()
	h := hasher{}
	told := make(map[string]bool)
	for step := range verifySteps {
		r.verifyStep(step, &h, time.Unix(1, 0))
		// The writer takes reports and effects in any order: an answer to a read
		// of the tree that is asked twice proves that the reports were taken.
		for len(r.damages.doubts)+len(r.damages.keys) > 0 {
			r.Perform(statemachine.ReadDigest{})
			for in := range r.answers {
				if d, ok := in.(statemachine.Damaged); ok {
					told[d.Key] = true
					continue
				}
				break
			}
		}
	}
	for range 2 {
		r.Perform(statemachine.ReadDigest{})
		for in := range r.answers {
			if d, ok := in.(statemachine.Damaged); ok {
				told[d.Key] = true
				continue
			}
			break
		}
	}
	return told
}

// TestVerifierFindsDamage: what was damaged, lost or changed behind the store's
// back is told to the core by one pass, no longer counted, and the digest is that
// of what is left. A clean store has nothing to tell.
func TestVerifierFindsDamage(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	var keys []string
	for i := range 200 {
		keys = append(keys, fmt.Sprintf("k%03d", i))
	}
	r.apply(batchOf(keys...))
	if told := r.pass(t); len(told) > 0 || r.Verification().Wrong > 0 || r.Verification().Full.IsZero() {
		t.Fatalf("a clean store: %v %+v", told, r.Verification())
	}
	corrupt(t, r.engine, keyspace.DataKey("k007"), func(b []byte) []byte { b[len(b)-1]++; return b })
	corrupt(t, r.engine, keyspace.DataKey("k008"), func(b []byte) []byte { // sealed anew
		payload := append([]byte{}, b[envelopeBytes:]...)
		payload[len(payload)-1]++
		seal(b, formatWhole, keyspace.DataKey("k008"), payload)
		return b
	})
	txn := r.engine.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join(txn.Delete(keyspace.DataKey("k009")), txn.Commit()); err != nil {
		t.Fatal(err)
	}
	told := r.pass(t)
	if len(told) != 3 || !told["k007"] || !told["k008"] || !told["k009"] {
		t.Fatalf("told of %v", told)
	}
	if _, live, err := r.Digest(); live != 197 || err != nil {
		t.Fatalf("%d records counted: %v", live, err)
	}
	for key := range told {
		if found, err := r.View(key, func(keyspace.Record) { t.Error("served") }); found || !errors.Is(err, ErrDamaged) {
			t.Errorf("View(%s): %v %v", key, found, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestVerifierFindsFlippedBits: bits flipped in the middle of the tables of a
// closed store. Whatever Badger makes of them, a record is either served as it
// was or told by one pass, and never missing.
func TestVerifierFindsFlippedBits(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	var keys []string
	for i := range 500 {
		keys = append(keys, fmt.Sprintf("k%03d", i))
	}
	out := r.apply(batchOf(keys...))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	b, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	flips := 0
	for i := range len(b) {
		// The last byte of some values: never a key, a length or an index.
		if at := i + len("value of k"); at+3 < len(b) && string(b[i:at]) == "value of k" && i%7 == 0 {
			b[at] ^= 8
			flips++
		}
	}
	write(t, tables[0], b)
	r = openRig(t, dir, 2)
	told := r.pass(t)
	if flips == 0 || len(told) != flips {
		t.Fatalf("%d values are flipped, told of %d", flips, len(told))
	}
	for i, key := range keys {
		found, err := r.View(key, func(rec keyspace.Record) {
			if string(rec.Value) != "value of "+key {
				t.Errorf("%s holds %q", key, rec.Value)
			}
		})
		if found == told[key] || told[key] && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: found %v, told %v, %v", key, found, told[key], err)
		}
		if told[key] {
			e := keyspace.Entry{Key: key, Header: out.Outcomes[i].Header, Value: []byte("value of " + key)}
			r.apply(&keyspace.Batch{Now: 1, Repair: true, Entries: []keyspace.Entry{e}})
		}
	}
	if _, live, err := r.Digest(); live != 500 || err != nil {
		t.Fatalf("%d records after the repair: %v", live, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}
