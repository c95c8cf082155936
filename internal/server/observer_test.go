package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvs/internal/config"
	"kvs/internal/metrics"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// ask sends one request with a bearer token.
func ask(t *testing.T, s *Server, method, path, body, token string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// value is that of a series, by its beginning; -1 if it is not shown.
func value(t *testing.T, text, series string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Goal: a running cluster shows every metric of the catalogue that something has
// happened for, with values that fit what was done; and no key, token or user.
func TestMetricsOfACluster(t *testing.T) {
	a := startWith(t, "a", nil, func(c *config.Config) { c.AuthEnabled, c.TamperLoggingEnabled = true, true })
	b := startWith(t, "b", []string{a.Address()}, func(c *config.Config) { c.AuthEnabled, c.TamperLoggingEnabled = true, true })
	var admin string
	eventually(t, 10*time.Second, "the two are one cluster", func() bool {
		return len(a.Status().Members) == 2 && len(b.Status().Members) == 2 && sameRoots(a, b) &&
			b.api().Health().Ready && !b.Status().Transfer.Active()
	})
	admin = adminToken(t, a)
	for i := range 5 {
		if status, text := ask(t, a, "PUT", "/kv/very/secret"+strconv.Itoa(i), `"hidden"`, admin); status != 201 {
			t.Fatal(status, text)
		}
	}
	for range 3 {
		ask(t, a, "GET", "/kv/very/secret1", "", admin)
	}
	ask(t, a, "GET", "/kv/very/secret1", "", "forged")
	ask(t, a, "GET", "/kv/very/secret1", "", "")
	ask(t, a, "GET", "/nowhere/secret", "", admin)
	var there string
	eventually(t, 10*time.Second, "both show what was done", func() bool {
		_, there = ask(t, b, "GET", "/metrics", "", admin)
		late := max(0, value(t, there, `kvs_replication_lag_seconds_count{peer="a"}`)) + // or met just now, not listed yet
			max(0, value(t, there, `kvs_replication_lag_seconds_count{peer="`+formerPeer+`"}`))
		return late >= 5 &&
			value(t, there, `kvs_sync_converged{peer="a"}`) == 1 &&
			value(t, there, `kvs_sync_last_success_timestamp_seconds{peer="a"}`) > 1e9
	})
	_, here := ask(t, a, "GET", "/metrics", "", admin)
	wantValues(t, here)
	if got := value(t, there, `kvs_writes_total{origin="remote"}`); got < 5 {
		t.Errorf("b has taken %v writes of others", got)
	}
	for _, text := range []string{here, there} {
		for _, peer := range []string{"a", "b", formerPeer} {
			if late := value(t, text, `kvs_replication_lag_seconds_sum{peer="`+peer+`"}`); late > 60 {
				t.Errorf("writes of %s were %v s old in sum", peer, late)
			}
		}
	}
	for _, text := range []string{"secret", "hidden", admin, a.Status().Identity.Replica.Hex()} {
		if strings.Contains(here, text) {
			t.Errorf("%q is in the metrics", text)
		}
	}
	for _, s := range []*Server{a, b} {
		if err := s.observer.registry.Check(); err != nil {
			t.Error(err)
		}
	}
	hasAll(t, here+there)
}

// wantValues holds the metrics of the node that was asked against what was done.
func wantValues(t *testing.T, here string) {
	t.Helper()
	for series, want := range map[string]float64{
		`kvs_http_requests_total{class="2xx",method="GET",route="/kv/{key}"}`:                 3,
		`kvs_http_requests_total{class="2xx",method="PUT",route="/kv/{key}"}`:                 5,
		`kvs_http_request_duration_seconds_count{class="2xx",method="PUT",route="/kv/{key}"}`: 5,
		`kvs_http_requests_total{class="4xx",method="GET",route="other"}`:                     1,
		`kvs_auth_failures_total{reason="token"}`:                                             1,
		`kvs_auth_failures_total{reason="missing"}`:                                           1,
		`kvs_http_body_bytes_total{dir="in"}`:                                                 40,
		`kvs_http_in_flight`:                                                                  1,
		`kvs_members{state="alive"}`:                                                          2,
		`kvs_members{state="failed"}`:                                                         0,
		`kvs_sync_missing_dots{peer="b"}`:                                                     0,
		`kvs_audit_chain_ok`:                                                                  1,
		`kvs_watchers`:                                                                        0,
	} {
		if got := value(t, here, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	for _, positive := range []string{
		`kvs_keys`, `kvs_writes_total{origin="local"}`, `kvs_reads_total{origin="local"}`, `kvs_disk_free_bytes`,
		`kvs_statemachine_step_seconds_count`, `kvs_storage_commit_seconds_count`, `kvs_storage_batch_size_count`,
		`kvs_statemachine_effects_total{kind="apply"}`, `kvs_peer_bytes_total{dir="sent",peer="b"}`,
		`kvs_peer_rtt_seconds{peer="b"}`, `kvs_sync_bytes_total{dir="sent",kind="push"}`, `kvs_audit_entries_total`,
		`kvs_cert_expiry_timestamp_seconds{use="peer"}`,
	} {
		if got := value(t, here, positive); got <= 0 {
			t.Errorf("%s is %v", positive, got)
		}
	}
}

// hasAll looks for metrics that a sound cluster shows. What never happened to it has
// no series yet.
func hasAll(t *testing.T, text string) {
	t.Helper()
	later := map[string]bool{
		metrics.RateLimited: true, metrics.Conflicts: true, metrics.StateChanges: true, "kvs_clock_skew_seconds": true,
	}
	for _, m := range metrics.Catalogue() {
		if !later[m.Name] && !strings.Contains(text, "# TYPE "+m.Name+" "+string(m.Kind)+"\n") {
			t.Errorf("%s is not shown", m.Name)
		}
	}
}

// Goal: two versions that met and a record that expired are counted.
func TestConflictsAndExpiryAreCounted(t *testing.T) {
	status := newDriver(slog.New(slog.DiscardHandler))
	status.status.Store(new(statemachine.Status))
	r := metrics.New(func(metrics.Emit) {})
	m := newMeasure(r.Node, &status.status)
	m.applied(conflicting(3))
	after := conflicting(0)
	after.Live, after.Outcomes = 1, nil
	m.applied(after)
	var page bytes.Buffer
	w := &recorder{&page}
	r.Handler().ServeHTTP(w, &http.Request{Header: http.Header{}})
	if got := value(t, page.String(), `kvs_conflicts_total{rule="uuid"}`); got != 3 {
		t.Errorf("%v conflicts:\n%s", got, page.String())
	}
	if got := value(t, page.String(), `kvs_expired_total`); got != 1 {
		t.Errorf("%v expired", got)
	}
}

// Goal: metrics are for administrators and for who has their token, which opens nothing
// else; and not there at all where they are switched off.
func TestWhoMayReadMetrics(t *testing.T) {
	s := startWith(t, "a", nil, func(c *config.Config) { c.AuthEnabled, c.MetricsToken = true, "scraper" })
	eventually(t, 10*time.Second, "there is an admin token", func() bool { return s.api().Health().Ready })
	_, user := userToken(t, s)
	for _, c := range []struct {
		path, token string
		want        int
	}{
		{"/metrics", "", 401}, {"/metrics", "scrape", 401}, {"/metrics", "scraper", 200}, {"/metrics", user, 403},
		{"/metrics", adminToken(t, s), 200},
		{"/status", "scraper", 401}, {"/kv/k", "scraper", 401}, {"/status", user, 403},
		{"/debug/pprof/", "scraper", 401}, {"/debug/log-level", user, 403},
		{"/debug/pprof/heap", adminToken(t, s), 404}, // debug_endpoints is off
	} {
		if status, text := ask(t, s, "GET", c.path, "", c.token); status != c.want {
			t.Errorf("GET %s with %q: %d %.200s, want %d", c.path, c.token, status, text, c.want)
		}
	}
	if _, text := ask(t, s, "GET", "/metrics", "", "scraper"); value(t, text, `kvs_auth_failures_total{reason="rights"}`) != 3 {
		t.Errorf("three were refused for lack of rights:\n%s", text)
	}
	off := startWith(t, "off", nil, func(c *config.Config) { c.MetricsEnabled = false })
	if status, text := ask(t, off, "GET", "/metrics", "", ""); status != 404 || !strings.Contains(text, "metrics_enabled") {
		t.Errorf("switched off: %d %s", status, text)
	}
}

// Goal: /status has all its parts, and no secret.
func TestStatusTellsEverythingButSecrets(t *testing.T) {
	s := startWith(t, "a", nil, func(c *config.Config) {
		c.TamperLoggingEnabled, c.MetricsToken, c.MaxWatchers = true, "scraper-secret", 7
	})
	status, text := ask(t, s, "GET", "/status", "", "")
	var o overview
	if err := json.Unmarshal([]byte(text), &o); status != 200 || err != nil {
		t.Fatal(status, err, text)
	}
	if o.NodeID != "a" || !o.Ready || o.Status != "ok" || o.Mode != "normal" || len(o.Probes) != 6 ||
		len(o.Members) != 1 || !o.Members[0].Self || o.Disk == nil || o.Disk.Free == 0 || o.Audit == nil || !o.Audit.OK ||
		len(o.Sync.Root) != 64 || o.UptimeMs < 0 || o.Certs["peer"] == 0 || o.Go == "" {
		t.Errorf("%s", text)
	}
	if o.Settings["max_watchers"] != "7" || o.Settings["metrics_token"] != "[secret]" || o.Settings["write_timeout"] != "" {
		t.Errorf("settings: %v", o.Settings)
	}
	if strings.Contains(text, "scraper-secret") {
		t.Error("a secret is shown")
	}
}

// Goal: each probe says what is wrong, and only with it.
func TestProbes(t *testing.T) {
	well, day := &statemachine.Status{}, 24*time.Hour
	now := time.Unix(1e9, 0)
	for _, c := range []struct{ got, want string }{
		{diskTrouble(disk{Free: diskLow}, nil), ""},
		{diskTrouble(disk{Free: diskLow - 1}, nil), "63 MiB free"},
		{diskTrouble(disk{}, errors.New("no disk")), "no disk"},
		{diskTrouble(disk{}, errors.ErrUnsupported), ""},
		{syncTrouble(well), ""},
		{syncTrouble(&statemachine.Status{
			Mode: statemachine.ModeSyncing, Transfer: keyspace.Transfer{Phase: keyspace.PhaseRest},
		}), "on its way"},
		{syncTrouble(&statemachine.Status{Mode: statemachine.ModeSyncing}), "the machine was restarted"},
		{syncTrouble(&statemachine.Status{Mode: statemachine.ModeLeft}), "leaving"},
		{clockTrouble(well), ""},
		{clockTrouble(&statemachine.Status{Clamped: true, Skew: 700}), "700 ms"},
		{certTrouble(nil, now), ""},
		{certTrouble(map[string]time.Time{"http": now.Add(15 * day), "peer": now.Add(day)}, now), ""},
		{certTrouble(map[string]time.Time{"http": now.Add(13 * day)}, now), "for http ends"},
		{certTrouble(map[string]time.Time{"peer": now.Add(-1)}, now), "for peer ends"},
	} {
		if !strings.Contains(c.got, c.want) || (c.want == "") != (c.got == "") {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// Goal: readyz says each thing on a line of its own.
func TestReadyVerbose(t *testing.T) {
	s := startNode(t, "a")
	want := "store ok\ndisk ok\ncluster ok\nsync ok\nclock ok\ncerts ok\nready\n"
	if status, text := ask(t, s, "GET", "/readyz?verbose", "", ""); status != 200 || text != want {
		t.Errorf("%d %q", status, text)
	}
}

// Goal: the level of the log can be changed while the node runs, and what is logged of
// requests has neither a key nor a value.
func TestLogLevelAndAccessLog(t *testing.T) {
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.Port, cfg.AuthEnabled = "a", t.TempDir(), freePort(t), false
	cfg.DebugEndpoints, cfg.AccessLog = true, "all"
	var lines lockedBuffer
	s, err := Start(cfg, NewLogger(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}), slog.LevelInfo))
	if err != nil {
		t.Fatal(err)
	}
	ask(t, s, "PUT", "/kv/very/secret?ttl=1h", `"hidden"`, "")
	ask(t, s, "GET", "/kv/none?token=forged", "", "a-token")
	if status, text := ask(t, s, "GET", "/debug/log-level", "", ""); status != 200 || text != `{"level":"info"}` {
		t.Errorf("%d %s", status, text)
	}
	for body, want := range map[string]int{
		`{"level":"loud"}`: 400, `{"level":"debug","x":"y"}`: 400, `1`: 400, `{"level":"error"}`: 200,
	} {
		if status, text := ask(t, s, "PUT", "/debug/log-level", body, ""); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	before := strings.Count(lines.String(), `"msg":"request"`)
	ask(t, s, "GET", "/health", "", "")
	if got := strings.Count(lines.String(), `"msg":"request"`); got != before {
		t.Errorf("at level error %d more requests are logged", got-before)
	}
	if status, text := ask(t, s, "GET", "/debug/pprof/goroutine?debug=1", "", ""); status != 200 || !strings.Contains(text, "goroutine profile") {
		t.Errorf("profile: %d %.100s", status, text)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	text := lines.String()
	if !strings.Contains(text, `"route":"/kv/{key}","method":"PUT","status":201,"duration_ms":`) {
		t.Errorf("no line of the PUT in\n%s", text)
	}
	for _, hidden := range []string{"secret", "hidden", "a-token", "forged", "none"} {
		if strings.Contains(text, hidden) {
			t.Errorf("%q is in the log:\n%s", hidden, text)
		}
	}
}
