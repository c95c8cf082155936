package server

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/httpapi"
	"kvs/internal/audit"
	"kvs/internal/config"
)

// logged are the entries of a node's log, "action key result" each.
func logged(t *testing.T, s *Server) (out []string) {
	t.Helper()
	_, err := s.trail.Entries(0, 1<<20, func(number uint64, line []byte) {
		var e struct {
			Number                     uint64 `json:"n"`
			Actor, Action, Key, Result string
		}
		if err := json.Unmarshal(line, &e); err != nil || e.Number != number {
			t.Errorf("entry %d is %s: %v", number, line, err)
		}
		out = append(out, strings.TrimSpace(e.Actor+" "+e.Action+" "+e.Key+" "+e.Result))
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantLogged(t *testing.T, s *Server, want ...string) {
	t.Helper()
	if got := logged(t, s); !slices.Equal(got, want) {
		t.Fatalf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func writeAs(t *testing.T, s *Server, actor, key, value string) {
	t.Helper()
	a := s.api()
	a.trail = s.trail
	w := httpapi.Write{Key: key, Value: []byte(value), Delete: value == "", Actor: actor}
	if _, err := a.Write(w); err != nil {
		t.Fatal(err)
	}
}

// restart stops a node, lets something happen to its files, and starts it.
func restart(t *testing.T, s *Server, meanwhile func(dir string)) *Server {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	meanwhile(filepath.Join(s.cfg.DataDir, auditDir))
	return startAgain(t, s.cfg)
}

// startAgain starts a node that restart may close before the test ends.
func startAgain(t *testing.T, cfg config.Config) *Server {
	t.Helper()
	s, err := Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func trailConfig(t *testing.T) config.Config {
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.Port = "a", t.TempDir(), freePort(t)
	cfg.AuthEnabled = false
	return cfg
}

func auditKeys(s *Server) map[string]ed25519.PublicKey {
	return map[string]ed25519.PublicKey{s.trail.key.Kid(): s.trail.key.PublicKey()}
}

// Goal: the rights that come and go with a key are logged for who creates and deletes
// it, in the transaction of their record, with what they are; those that an
// administrator sets are logged by the call that does so, once.
func TestTrailTellsRightsOfKeys(t *testing.T) {
	cfg := trailConfig(t)
	cfg.AuthEnabled, cfg.RateLimitingEnabled = true, false
	s := startAgain(t, cfg)
	id, token := userToken(t, s)
	for _, c := range []struct{ who, method, target, body string }{
		{token, "PUT", "/kv/box", "1"}, {token, "PUT", "/kv/box", "2"}, {token, "DELETE", "/kv/box", ""},
		{adminToken(t, s), "PUT", "/acl/box", `{"mode":"fff"}`},
	} {
		ctx := &fasthttp.RequestCtx{}
		ctx.Request.Header.SetMethod(c.method)
		ctx.Request.Header.SetRequestURI(c.target)
		ctx.Request.Header.Set("Authorization", "Bearer "+c.who)
		ctx.Request.SetBodyString(c.body)
		if s.http.Handler()(ctx); ctx.Response.StatusCode() >= 300 {
			t.Fatalf("%s %s: %s", c.method, c.target, ctx.Response.Body())
		}
	}
	user := string(id)
	wantLogged(t, s, user+" auth.acl.create box ok", user+" kv.put box ok", user+" kv.put box ok", user+" kv.delete box ok",
		user+" auth.acl.delete box ok", "admin auth.acl.set box ok")
	var set []string
	err := s.trail.out.Read(0, 10, func(r audit.Record) bool {
		if r.Set != "" {
			set = append(set, r.Set)
		}
		return true
	})
	want := []string{`{"owner":"` + user + `","group":"","mode":"cdwr,c-wr,----"}`, `{"owner":"","group":"","mode":"cdwr,cdwr,cdwr"}`}
	if err != nil || !slices.Equal(set, want) {
		t.Errorf("%q %v", set, err)
	}
}

// Goal: each write of a client has one entry, with the hash of its value and the
// version that it made; the node's own records have none; events stand between them
// in order; a restart, and one without the segments' last entries, changes nothing.
func TestTrailTellsEachWriteOnce(t *testing.T) {
	s := startAgain(t, trailConfig(t))
	writeAs(t, s, "u1", "k", "1")
	writeAs(t, s, "", "_u/x", "own")
	s.trail.Note(httpapi.Event{Actor: "admin", Action: "node.mode.set", Result: "ok"})
	writeAs(t, s, "anonymous", "k", "")
	want := []string{"u1 kv.put k ok", "admin node.mode.set  ok", "anonymous kv.delete k ok"}
	wantLogged(t, s, want...)
	err := s.trail.out.Read(0, 1, func(r audit.Record) bool {
		if r.Value != sha256.Sum256([]byte("1")) || len(r.Version) != 36 {
			t.Errorf("%+v", r.Entry)
		}
		return false
	})
	if err != nil {
		t.Error(err)
	}
	s = restart(t, s, func(string) {})
	wantLogged(t, s, want...)
	writeAs(t, s, "u2", "l", "2")
	want = append(want, "u2 kv.put l ok")
	wantLogged(t, s, want...)
	// The newest record is still queued: what a crash cuts off of it comes again.
	s = restart(t, s, func(dir string) {
		path := filepath.Join(dir, "audit-00000000000000000001.log")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := strings.Index(string(text), `{"n":4,`)
		if err := os.WriteFile(path, text[:at+20], 0o600); err != nil {
			t.Fatal(err)
		}
	})
	wantLogged(t, s, want...)
	if _, err := s.trail.out.Verify(audit.VerifyOptions{Keys: auditKeys(s)}); err != nil {
		t.Error(err)
	}
	if r := s.trail.out.Recovered(); r.Bytes != 20 {
		t.Errorf("repaired: %+v", r)
	}
}

// Goal: a flood of refusals becomes few entries, whoever sends it, and none is lost
// from the count.
func TestRefusalsAreBounded(t *testing.T) {
	var r refusals
	for i := range 20_000 {
		r.add(httpapi.Event{Actor: "anonymous", Action: "request", Key: fmt.Sprint("/kv/", i), Result: "unauthorized"})
	}
	r.add(httpapi.Event{Actor: "anonymous", Action: "request", Key: "/kv/x", Result: "forbidden"})
	got := r.take()
	want := []httpapi.Event{
		{Actor: "anonymous", Action: "request", Key: "/kv/x", Result: "forbidden"},
		{Actor: "anonymous", Action: "request", Key: "/kv/0", Result: "unauthorized, 20000 times"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for i := range 5000 {
		r.add(httpapi.Event{Actor: fmt.Sprint(i % 2000), Action: "request", Result: "forbidden"})
	}
	got = r.take()
	others := slices.ContainsFunc(got, func(e httpapi.Event) bool {
		return e.Actor == otherActors && e.Result == fmt.Sprintf("forbidden, %d times", 5000-3*refusalsMax)
	})
	if len(got) != refusalsMax+1 || !others {
		t.Errorf("%d events of 2000 callers, those of the others counted: %v", len(got), others)
	}
	if len(r.take()) != 0 {
		t.Error("counted twice")
	}
}

// Goal: entries that the store has lost leave a gap that is said, and all others are
// logged. Method: records that hold fewer entries than they say.
func TestLostEntriesAreSaid(t *testing.T) {
	s := startNode(t, "a")
	for range 2 {
		writeAs(t, s, "u", "before", "1")
		<-s.store.Queue(func(uint64) ([]byte, int) { return nil, 3 })
		writeAs(t, s, "u", "after", "1")
		if got := logged(t, s); !slices.Equal(got[len(got)-1:], []string{"u kv.put after ok"}) {
			t.Fatalf("logged: %q", got)
		}
	}
	paths, err := audit.Aside(s.trail.dir)
	if err != nil || len(paths) != 2 {
		t.Fatalf("set aside: %q, %v", paths, err)
	}
	report, err := audit.Verify(paths[1], audit.VerifyOptions{Keys: auditKeys(s)})
	if err != nil || report.First != 5 || report.Last != 6 {
		t.Errorf("between the gaps: %+v, %v", report, err)
	}
	if text := audit.AsideFinding(paths[1]); !strings.Contains(text, "7 to 9") {
		t.Errorf("found: %s", text)
	}
}

// Goal: a log that was changed, cut short, exchanged or taken away while the node was
// down is set aside and said in /health, and the node serves and goes on logging.
func TestBrokenTrailIsSetAside(t *testing.T) {
	for name, change := range map[string]func(text string) string{
		"changed":  func(text string) string { return strings.Replace(text, "k5", "k6", 1) },
		"cut off":  func(text string) string { return text[:strings.Index(text, `{"n":4,`)] },
		"all gone": func(string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startAgain(t, trailConfig(t))
			for i := range 10 {
				writeAs(t, s, "u", fmt.Sprint("k", i), "1")
				logged(t, s) // moves it
			}
			s = restart(t, s, func(dir string) {
				path := filepath.Join(dir, "audit-00000000000000000001.log")
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if changed := change(string(text)); changed == "" {
					err = os.RemoveAll(dir)
				} else {
					err = os.WriteFile(path, []byte(changed), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			writeAs(t, s, "u", "after", "1")
			a := s.api()
			a.trail = s.trail
			if h := a.Health(); h.Status != "degraded" || !strings.Contains(fmt.Sprint(h.Reasons), "set aside") {
				t.Errorf("health: %+v", h)
			}
			if got := logged(t, s); got[len(got)-1] != "u kv.put after ok" {
				t.Errorf("logged: %q", got)
			}
			if _, err := s.trail.out.Verify(audit.VerifyOptions{Keys: auditKeys(s)}); err != nil {
				t.Errorf("the new log: %v", err)
			}
		})
	}
}

// Goal: entries cut off at the end of a log are missed by whoever has the checkpoint
// that another node keeps, and by nobody else.
func TestTruncationShowsAtAPeer(t *testing.T) {
	a := startNode(t, "a")
	b := startNode(t, "b", a.Address())
	eventually(t, 10*time.Second, "b has joined", func() bool { return len(b.Status().Members) == 2 })
	for i := range 5 {
		writeAs(t, a, "u", fmt.Sprint(i), "1")
	}
	logged(t, a)
	if err := a.trail.out.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	var kept audit.Anchor
	eventually(t, 10*time.Second, "b has the checkpoint", func() bool {
		err := b.trail.Anchors(func(text []byte) {
			var one audit.Anchor
			if err := json.Unmarshal(text, &one); err != nil {
				t.Errorf("%s: %v", text, err)
			} else if one.Replica == a.trail.id {
				kept = one
			}
		})
		return err == nil && kept.Number == 5
	})
	path := filepath.Join(a.trail.dir, "audit-00000000000000000001.log")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cut := text[:strings.Index(string(text), `{"n":3,`)]
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), cut, 0o600); err != nil {
		t.Fatal(err)
	}
	o := audit.VerifyOptions{Keys: auditKeys(a)}
	if report, err := audit.Verify(dir, o); err != nil || report.Last != 2 {
		t.Errorf("without a checkpoint: %+v, %v", report, err)
	}
	o.Checkpoints = []audit.Checkpoint{kept.Checkpoint}
	if _, err := audit.Verify(dir, o); err == nil || !strings.Contains(err.Error(), "entries 3 and 5") {
		t.Errorf("with it: %v", err)
	}
}
