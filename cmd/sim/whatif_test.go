package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/config"
	"kvs/statemachine"
)

// Goal: settings of a file reach the core, and defaults are the core's own. Method:
// the default file, and one in which every setting that is about time has another
// value.
func TestSettingsReachTheCore(t *testing.T) {
	core := statemachine.DefaultConfig()
	if timed(&core, config.Default()); !sameConfig(core, statemachine.DefaultConfig()) {
		t.Errorf("the default settings make %+v", core)
	}
	for _, line := range []string{
		"gossip_interval_min: 61", "gossip_interval_max: 121", "sync_interval: 301", "catchup_interval: 121",
		"bootstrap_max_age_hours: 721", "throttle_delay_ms: 101", "fetch_delay_ms: 51", "replication_interval_ms: 1001",
		"failed_after_s: 301", "removed_after_s: 601", "tombstone_min_retention: 2h", "max_clock_skew_ms: 501",
		"push_ring_mb: 65", "max_revisions: 17", "revision_history_enabled: false",
	} {
		cfg, err := config.Parse("test", []byte(line+"\n"))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		core := statemachine.DefaultConfig()
		if timed(&core, cfg); sameConfig(core, statemachine.DefaultConfig()) {
			t.Errorf("%s changes nothing", line)
		}
	}
}

// sameConfig compares what timed sets; seeds are none.
func sameConfig(a, b statemachine.Config) bool {
	return a.GossipMin == b.GossipMin && a.GossipMax == b.GossipMax && a.Replication == b.Replication &&
		a.Sync == b.Sync && a.Catchup == b.Catchup && a.FailedAfter == b.FailedAfter &&
		a.RemovedAfter == b.RemovedAfter && a.Retention == b.Retention && a.Horizon == b.Horizon &&
		a.Throttle == b.Throttle && a.FetchDelay == b.FetchDelay && a.MaxSkew == b.MaxSkew &&
		a.RingBytes == b.RingBytes && a.Revisions == b.Revisions
}

// Goal: partitions are read, and what is none is refused with what to write instead.
func TestPartitionsAreRead(t *testing.T) {
	s, err := split("a,b|c..e,n6@30s-1m30s", 7)
	if err != nil || s.From != 30_000 || s.To != 90_000 || len(s.Groups) != 2 || len(s.Groups[0]) != 2 ||
		len(s.Groups[1]) != 4 || s.Groups[1][2] != 4 || s.Groups[1][3] != 6 {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"":              "want a time",
		"a|b":           "want a time",
		"a|b@3s":        "want a time",
		"a|b@9s-3s":     "want a time",
		"a|b@1s-99999h": "within a day",
		"a,b@1s-2s":     "want groups",
		"a|a@1s-2s":     "named twice",
		"a|h@1s-2s":     "\"h\" is none of 7 nodes",
		"a|n7@1s-2s":    "\"n7\" is none",
		"a|@1s-2s":      "\"\" is none",
		"a|d..b@1s-2s":  "b comes before d",
	} {
		if s, err := split(text, 7); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, s, err, want)
		}
	}
	for _, text := range []string{"x", "-1%", "91%", "NaN"} {
		if n, err := permille(text); err == nil {
			t.Errorf("loss %q is %d", text, n)
		}
	}
	if n, err := permille("0.5%"); n != 5 || err != nil {
		t.Errorf("0.5%% is %d in a thousand, %v", n, err)
	}
}

// Goal: what is asked is answered: who is alone, how soon all are one, and the traffic.
func TestWhatIfAnswers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(file, []byte("replication_interval_ms: 200\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := runCommand()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--nodes", "3", "--config", file, "--loss", "1%", "--partition", "a|b,c@20s-50s"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 nodes, the settings of " + file + ", 1% of messages lost",
		"partition a|b,c@20s-50s: once it healed, all nodes had what was written before after ", "second copy  p50 ",
		"risk         n0 alone had ", "traffic  ", "result=ok"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
