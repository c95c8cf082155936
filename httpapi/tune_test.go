package httpapi

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Goal: what a running server is given counts from the next request on, and clients
// keep what they have used up where the rate limit stays.
func TestTune(t *testing.T) {
	var s *Server
	limit := RateLimit{Requests: 5, Window: time.Hour}
	r := newRig(t, func(o *Options) { o.RateLimit = limit })
	s = r.server
	put := func(body string) string {
		return r.do("PUT", "/kv/k", body, "Content-Type: application/json").problem()
	}
	if p := put(`"0123456789"`); p != "" {
		t.Fatal(p)
	}
	s.Tune(Tunable{MaxJSONSize: 8, RateLimit: limit})
	if p := put(`"0123456789"`); p != slugBodyTooLarge {
		t.Errorf("a long body: %q", p)
	}
	if p := put(`"0"`); p != "" {
		t.Errorf("a short body: %q", p)
	}
	a := r.do("GET", "/kv/k", "")
	if !strings.HasPrefix(a.header["Ratelimit"], `"default";r=1;`) {
		t.Errorf("the limit began anew: %v", a.header)
	}
	r.do("GET", "/kv/k", "")
	if p := put("1"); p != slugRateLimited {
		t.Errorf("beyond the limit: %q", p)
	}
	s.Tune(Tunable{MaxJSONSize: 8})
	if p := put("1"); p != "" {
		t.Errorf("without a limit: %q", p)
	}
	s.Tune(Tunable{MaxJSONSize: 1 << 20, RateLimit: RateLimit{Requests: 1, Window: time.Hour}})
	if p := put(`"` + strings.Repeat("x", 1<<19) + `"`); p != "" {
		t.Errorf("a body that is allowed now: %q", p)
	}
	if p := put("1"); p != slugRateLimited {
		t.Errorf("beyond the new limit: %q", p)
	}
}

// Goal: each way in which a reload ends is told apart.
func TestReload(t *testing.T) {
	var err error
	r := newRig(t, func(o *Options) {
		o.Reload = func() ([]string, error) { return []string{"log_level"}, err }
	})
	if a := r.do("POST", "/config/reload", ""); a.status != 200 || a.body != `{"changed":["log_level"]}` {
		t.Errorf("%s", a)
	}
	for _, c := range []struct {
		err          error
		slug, detail string
	}{
		{&RestartError{[]string{"port", "data_dir"}}, slugRestartNeeded, "port, data_dir; nothing was taken over"},
		{&ConfigError{errors.New("c.yaml:1:1: unknown key")}, slugConfigInvalid, "c.yaml:1:1: unknown key"},
		{ErrNoSource, slugNotFound, "no configuration"},
		{ErrOverloaded, slugOverloaded, ""},
	} {
		err = c.err
		if a := r.do("POST", "/config/reload", ""); a.problem() != c.slug || !strings.Contains(a.body, c.detail) {
			t.Errorf("%v: %s", c.err, a)
		}
	}
	if a := newRig(t, nil).do("POST", "/config/reload", ""); a.problem() != slugNotFound {
		t.Errorf("without a source: %s", a)
	}
}
