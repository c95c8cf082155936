package storage

import (
	"fmt"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// TestForgetRevisions: only revisions that were replaced before the time go, also from
// keys behind the first page; what stands stays, and what takes the place of a revision
// that was going is kept.
func TestForgetRevisions(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	put := func(now keyspace.Millis, value string) {
		for page := range 3 {
			b := &keyspace.Batch{Now: now, Revisions: 2}
			for i := range agedLook / 2 {
				key := fmt.Sprintf("%d/%04d", page, i)
				b.Writes = append(b.Writes, keyspace.Write{Key: key, Value: []byte(value)})
			}
			r.apply(b)
		}
	}
	put(1000, "1")
	put(2000, "2") // the first is replaced at 2000
	put(3000, "3") // the second at 3000
	history := func(key string, before keyspace.Millis) (values string) {
		cur, revs, err := r.History(key, before, func(int, *keyspace.Revision) bool { return true })
		if err != nil || cur == nil {
			t.Fatal(cur, err)
		}
		values = string(cur.Value)
		for _, rev := range revs {
			values += string(rev.Value)
		}
		return values
	}
	for before, want := range map[keyspace.Millis]string{0: "321", 2000: "321", 2001: "32", 3001: "3"} {
		if got := history("1/0007", before); got != want {
			t.Errorf("before %d one sees %s, want %s", before, got, want)
		}
	}
	for _, step := range []struct {
		before  keyspace.Millis
		dropped int
		left    string
	}{{2000, 0, "321"}, {2001, 3 * agedLook / 2, "32"}, {2001, 0, "32"}, {9000, 3 * agedLook / 2, "3"}} {
		n, err := r.ForgetRevisions(step.before)
		if err != nil || n != step.dropped {
			t.Fatalf("before %d: %d went (%v), want %d", step.before, n, err, step.dropped)
		}
		for _, key := range []string{"0/0000", "2/0511"} {
			if got := history(key, 0); got != step.left {
				t.Errorf("before %d %s has %s left, want %s", step.before, key, got, step.left)
			}
		}
	}
	put(10_000, "4")
	if got := history("2/0000", 0); got != "43" {
		t.Errorf("a ring that was emptied has %s, want 43", got)
	}
}

// TestUpperLevelsAreCompacted: what was overwritten many times shrinks to what it holds,
// and reads as before.
func TestUpperLevelsAreCompacted(t *testing.T) {
	o := badgerOptions(t.TempDir(), nil)
	o.MemTableSize, o.NumLevelZeroTables, o.ValueThreshold = 2<<20, 2, 64<<10
	e, err := openEngineWith(o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.db.Close()
	const keys, rounds = 1000, 20
	value := strings.Repeat("x", 1000)
	key := func(i int) []byte { return keyspace.DataKey(fmt.Sprintf("%04d", i)) }
	for round := range rounds {
		for first := 0; first < keys; first += 100 {
			e.update(func(tx keyspace.Tx) {
				for i := range 100 {
					tx.Set(key(first+i), fmt.Appendf(nil, "%d%s", round, value))
				}
			})
		}
	}
	if _, err := e.compact(); err != nil {
		t.Fatal(err)
	}
	if upper, lowest := e.levels(); upper != 0 || lowest < keys*1000/2 || lowest > 2*keys*1000 {
		t.Errorf("%d bytes in the lowest level and %d above, of %d", lowest, upper, keys*1000)
	}
	e.view(func(r keyspace.Reader) {
		for i := range keys {
			if got := string(r.Get(key(i))); got != fmt.Sprint(rounds-1)+value {
				t.Fatalf("%s has %.10q", key(i), got)
			}
		}
	})
}

func TestWorthCompacting(t *testing.T) {
	for _, c := range []struct {
		upper, lowest int64
		want          bool
	}{
		{0, 0, false}, {100 << 20, 0, false}, {compactMin - 1, 1, false}, {compactMin, 1, true},
		{24 << 20, 100 << 20, false}, {25 << 20, 100 << 20, true}, {100 << 20, 500 << 20, false},
	} {
		if got := worthCompacting(c.upper, c.lowest); got != c.want {
			t.Errorf("%d above %d: %v", c.upper, c.lowest, got)
		}
	}
}
