package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kvs/internal/config"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// prepare writes n records of a prefix into a directory past the core, most of them
// far below a few directories.
func prepare(t *testing.T, dir string, n int, write func(i int) keyspace.Write) {
	t.Helper()
	answers := make(chan statemachine.Input, 8)
	store, err := storage.Open(storage.Options{
		Dir: dir, Birth: birth(), Fatal: func(err error) { t.Error(err) },
		Deliver: func(in statemachine.Input) { answers <- in },
	})
	if err != nil {
		t.Fatal(err)
	}
	// Of a cluster from the beginning: joining one later would rebuild the digest.
	store.Perform(statemachine.Apply{Batch: &keyspace.Batch{Now: wall(), Adopt: &keyspace.Adoption{
		Cluster: keyspace.ClusterID{1}, Digest: keyspace.DigestKey{2},
	}}})
	<-answers
	flying := 0
	for from := 0; from < n; from += keyspace.BatchWritesMax {
		b := &keyspace.Batch{ID: keyspace.BatchID(from + 1), Now: wall()}
		for i := from; i < min(from+keyspace.BatchWritesMax, n); i++ {
			b.Writes = append(b.Writes, write(i))
		}
		if flying == cap(answers) {
			<-answers
			flying--
		}
		store.Perform(statemachine.Apply{Batch: b})
		flying++
	}
	for ; flying > 0; flying-- {
		<-answers
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// firstPages are the listings that a person begins with.
func firstPages() []string {
	return []string{
		"/kv/?list&delimiter=/&keys_only", "/kv/0000/?list&delimiter=/&keys_only&reverse",
		"/kv/?list&delimiter=/&limit=1000&keys_only", "/kv/0000/?list&delimiter=/",
		"/kv/_range", "/kv/_range?reverse&end_key=gone", "/kv/gone/?list",
	}
}

// Goal: the first page of a directory comes in milliseconds, whatever lies below it, and
// a prefix under which everything was deleted stalls nobody: under 20 ms with 10,000,000
// records (make rig, -rig.records 10000000). Method: a directory that was written past
// the core, in directories of 1,000 and of tombstones; a page over loopback, 50 times.
func TestFirstPageOfADirectory(t *testing.T) {
	records, tombstones, within := 30_000, 30_000, time.Second
	if *rig {
		records, tombstones, within = *rigRecords, 1_000_000, 20*time.Millisecond
	}
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.Port, cfg.AuthEnabled = "a", t.TempDir(), freePort(t), false
	cfg.RateLimitingEnabled = false
	prepareDirectories(t, &cfg, records, tombstones)
	began := time.Now()
	s, err := Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	for _, target := range firstPages() {
		var took []time.Duration
		for range 50 {
			began := time.Now()
			body := page(t, s, target)
			took = append(took, time.Since(began))
			if items := strings.Count(body, `"key"`); !strings.Contains(target, "gone") && items < min(records/1000, 100) {
				t.Fatalf("%s: %d items: %.200s", target, items, body)
			}
			if strings.Contains(target, "gone") && !strings.Contains(body, `"next"`) {
				t.Fatalf("%s: %s", target, body)
			}
		}
		first := took[0]
		slices.Sort(took)
		t.Logf("%-50s first %8v, median %8v, slowest %8v", target, first, took[25], took[49])
		if took[25] > within {
			t.Errorf("%s takes %v, want at most %v", target, took[25], within)
		}
	}
	// A page that ends because enough was looked at leaves nothing out.
	for _, target := range []string{"/kv/?list&count", "/kv/?list&count&reverse"} {
		if got := counted(t, s, target); got != records {
			t.Errorf("%s: %d records, want %d", target, got, records)
		}
	}
}

// prepareDirectories fills the node's store, or takes the one that was kept.
func prepareDirectories(t *testing.T, cfg *config.Config, records, tombstones int) {
	t.Helper()
	if *rigDir != "" {
		cfg.DataDir = *rigDir
		if _, err := os.Stat(*rigDir); err == nil {
			return
		}
	}
	began := time.Now()
	prepare(t, cfg.DataDir, records, func(i int) keyspace.Write {
		return keyspace.Write{Key: fmt.Sprintf("%04d/%02d/%02d", i/1000, i/10%100, i%10), Value: []byte("1234567")}
	})
	t.Logf("%d records written in %v", records, time.Since(began).Round(time.Second))
	prepare(t, cfg.DataDir, tombstones, func(i int) keyspace.Write {
		return keyspace.Write{Key: fmt.Sprintf("gone/%07d", i), Delete: true}
	})
	t.Logf("%d records and %d tombstones written in %v", records, tombstones, time.Since(began).Round(time.Second))
}

// counted adds up the pages of a count.
func counted(t *testing.T, s *Server, target string) (total int) {
	t.Helper()
	for next := target; ; {
		var sum struct {
			Keys int
			Next string
		}
		if err := json.Unmarshal([]byte(page(t, s, next)), &sum); err != nil {
			t.Fatal(err)
		}
		if total += sum.Keys; sum.Next == "" {
			return total
		}
		next = target + "&cursor=" + sum.Next
	}
}

// page is the body of a good answer.
func page(t *testing.T, s *Server, target string) string {
	t.Helper()
	resp, err := http.Get("http://" + s.Address() + target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", target, resp.StatusCode, body, err)
	}
	return string(body)
}
