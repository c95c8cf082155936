package server

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
)

// drafts is a Source whose configuration a test writes.
type drafts struct {
	mu      sync.Mutex
	cfg     config.Config
	err     error // of Read
	logErr  error // of OpenLog
	adopted int
	dropped int
}

// Read implements Source.
func (d *drafts) Read() (config.Config, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg, d.err
}

// OpenLog implements Source.
func (d *drafts) OpenLog(config.Config) (adopt, discard func(), err error) {
	return func() { d.adopted++ }, func() { d.dropped++ }, d.logErr
}

func (d *drafts) change(change func(*config.Config)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.cfg)
}

// startDrafted runs a node that reads its configuration again from drafts.
func startDrafted(t *testing.T, log *slog.Logger, change func(*config.Config)) (*Server, *drafts) {
	t.Helper()
	d := &drafts{cfg: config.Default()}
	d.cfg.NodeID, d.cfg.DataDir, d.cfg.Port = "a", t.TempDir(), freePort(t)
	d.cfg.AuthEnabled, d.cfg.RateLimitingEnabled, d.cfg.BackupPath = false, false, t.TempDir()
	change(&d.cfg)
	s, err := StartFrom(d, d.cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, d
}

// another returns a configuration that differs from base in one setting alone.
func another(t *testing.T, base config.Config, key string) config.Config {
	t.Helper()
	for _, value := range []string{
		"true", "false", "7", "8", "700", "90", "2h", "999h", "debug", "text", "all", "address", `"@hourly"`, "./elsewhere", "async", `"cdwr,----,---r"`,
		"127.0.0.2", `["10.0.0.0/8"]`, `["127.0.0.1:9"]`, `["https://a.example"]`,
		`["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]`,
	} {
		for _, with := range []string{"", "tls_ca_file: a\ntls_cert_file: a\ntls_key_file: a\n", "http_tls_cert_file: a\nhttp_tls_key_file: a\n"} {
			if strings.Contains(with, "\n"+key) || strings.HasPrefix(with, key) {
				value, with = "b", strings.Replace(with, key+": a\n", "", 1)
			}
			next, err := config.Parse("c", []byte(with+key+": "+value+"\n"))
			if err != nil {
				continue
			}
			for _, d := range config.Default().Differing(next) {
				if d.Key == key {
					return next
				}
			}
		}
	}
	t.Fatalf("no other value for %s", key)
	return base
}

// Goal: a change of any setting is taken over, or refused, as the table of settings says,
// and a refusal names it. Method: one setting after the other, all there are.
func TestReloadHeedsTheTable(t *testing.T) {
	s, d := startDrafted(t, slog.New(slog.DiscardHandler), func(*config.Config) {})
	base, taken := d.cfg, 0
	for _, setting := range config.Settings() {
		other := another(t, base, setting.Key)
		next := base
		if copySetting(t, &next, other, setting.Key); len(base.Differing(next)) == 0 {
			copySetting(t, &next, config.Default(), setting.Key) // base has the other value already
		}
		d.change(func(c *config.Config) { *c = next })
		changed, err := s.Reload()
		var fixed *httpapi.RestartError
		switch {
		case setting.Reload && (err != nil || !slices.Equal(changed, []string{setting.Key})):
			t.Errorf("%s: %v, %v", setting.Key, changed, err)
		case !setting.Reload && (!errors.As(err, &fixed) || !slices.Equal(fixed.Settings, []string{setting.Key})):
			t.Errorf("%s: %v, %v", setting.Key, changed, err)
		}
		if setting.Reload {
			taken++
		}
		d.change(func(c *config.Config) { *c = base })
		if _, err := s.Reload(); err != nil {
			t.Fatalf("back from %s: %v", setting.Key, err)
		}
	}
	if taken < 20 {
		t.Errorf("%d settings were taken over", taken)
	}
}

// Goal: what was changed counts, and shows.
func TestReloadTakesEffect(t *testing.T) {
	var log bytes.Buffer
	s, d := startDrafted(t, NewLogger(slog.NewTextHandler(&log, nil), slog.LevelWarn), func(c *config.Config) {
		c.BackupEnabled, c.LogLevel = false, "warn"
	})
	put := func(body string) int {
		status, _ := ask(t, s, "PUT", "/kv/k", body, "")
		return status
	}
	d.change(func(c *config.Config) {
		c.ReadOnly, c.LogLevel, c.BackupEnabled = true, "info", true
	})
	status, text := ask(t, s, "POST", "/config/reload", "", "")
	if status != 200 || text != `{"changed":["read_only","log_level","backup_enabled"]}` {
		t.Errorf("%d %s", status, text)
	}
	if put("1") != 403 || s.observer.LogLevel() != "info" || s.backups.plan.Load().when == nil {
		t.Errorf("not in force: level %s", s.observer.LogLevel())
	}
	d.change(func(c *config.Config) { c.ReadOnly, c.MaxJSONSize, c.DefaultTTL = false, 3, time.Hour })
	if _, err := s.Reload(); err != nil || put("12345") != 413 || put("1") != 201 {
		t.Errorf("the second time: %v", err)
	}
	if _, text = ask(t, s, "GET", "/kv/k", "", ""); !strings.Contains(text, "expires_at") {
		t.Errorf("no default_ttl: %s", text)
	}
	if _, text = ask(t, s, "GET", "/status", "", ""); !strings.Contains(text, `"max_json_size":"3"`) {
		t.Errorf("not shown: %s", text)
	}
	if d.adopted != 2 {
		t.Errorf("the log was opened again %d times", d.adopted)
	}
}

// Goal: whatever is wrong, nothing is half applied, and the metric, the log and the answer
// say so until a reload goes well.
func TestReloadIsWholeOrNothing(t *testing.T) {
	var log bytes.Buffer
	s, d := startDrafted(t, NewLogger(slog.NewTextHandler(&log, nil), slog.LevelInfo), func(*config.Config) {})
	base := d.cfg
	success := func() float64 {
		_, text := ask(t, s, "GET", "/metrics", "", "")
		return value(t, text, "kvs_config_reload_success")
	}
	for name, c := range map[string]struct {
		spoil  func()
		status int
		word   string
	}{
		"a fixed setting": {func() { d.change(func(c *config.Config) { c.Port++ }) }, 409, `"config_key":"port"`},
		"a mistake":       {func() { d.err = errors.New("c.yaml:1:1: unknown key") }, 422, "c.yaml:1:1: unknown key"},
		"no log":          {func() { d.logErr = errors.New("log_file: no such directory") }, 422, "log_file: no such directory"},
	} {
		d.change(func(c *config.Config) { c.ReadOnly, c.SyncInterval = true, time.Second })
		c.spoil()
		status, text := ask(t, s, "POST", "/config/reload", "", "")
		if status != c.status || !strings.Contains(text, c.word) || success() != 0 {
			t.Errorf("%s: %d %s, metric %v", name, status, text, success())
		}
		if s.Status().ReadOnly || fmt.Sprint(s.reloads.current()) != fmt.Sprint(base) {
			t.Errorf("%s: half applied", name)
		}
		d.err, d.logErr = nil, nil
		d.change(func(c *config.Config) { *c = base })
		if _, err := s.Reload(); err != nil || success() != 1 {
			t.Errorf("after %s: %v, metric %v", name, err, success())
		}
	}
	if !strings.Contains(log.String(), "another value needs a restart: port") {
		t.Errorf("the log does not name the setting: %s", log.String())
	}
	s.driver.stop() // the core takes nothing any more
	d.change(func(c *config.Config) { c.LogLevel, c.SyncInterval = "error", time.Second })
	if _, err := s.Reload(); !errors.Is(err, httpapi.ErrClosed) || d.dropped != 1 || s.observer.LogLevel() != "info" {
		t.Errorf("without a core: %v, %d logs dropped, level %s", err, d.dropped, s.observer.LogLevel())
	}
}

// Goal: a node without a source says so.
func TestReloadWithoutSource(t *testing.T) {
	if status, text := ask(t, startNode(t, "a"), "POST", "/config/reload", "", ""); status != 404 {
		t.Errorf("%d %s", status, text)
	}
}

// copySetting copies one setting from another configuration.
func copySetting(t *testing.T, to *config.Config, from config.Config, key string) {
	t.Helper()
	fields := reflect.VisibleFields(reflect.TypeFor[config.Config]())
	i := slices.IndexFunc(fields, func(f reflect.StructField) bool { return f.Tag.Get("yaml") == key })
	reflect.ValueOf(to).Elem().Field(i).Set(reflect.ValueOf(from).Field(i))
}
