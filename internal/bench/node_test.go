package bench

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// store is a server of the data API over a map; keys behind "no" are refused.
type store struct {
	mu    sync.Mutex
	data  map[string]string
	pages []string
}

func (s *store) handle(ctx *fasthttp.RequestCtx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.TrimPrefix(string(ctx.Path()), "/kv/")
	switch value, found := s.data[key]; {
	case string(ctx.Request.Header.Peek("Authorization")) != "Bearer secret":
		ctx.SetStatusCode(401)
		ctx.SetBodyString(`{"code":"unauthenticated","detail":"show a token"}`)
	case key == "_range":
		s.pages = append(s.pages, string(ctx.QueryArgs().Peek("start_key")))
	case strings.HasPrefix(key, "no"):
		ctx.SetStatusCode(503)
		ctx.SetBodyString("busy\xff")
	case ctx.IsPut():
		s.data[key] = string(ctx.PostBody())
	case !found:
		ctx.SetStatusCode(404)
	default:
		ctx.SetBodyString(value)
	}
}

// dialStore serves a store in memory, and is a client of it.
func dialStore(t *testing.T, token string) (*store, *Node) {
	s := &store{data: map[string]string{}}
	l := fasthttputil.NewInmemoryListener()
	server := &fasthttp.Server{Handler: s.handle}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	n := Dial("http://store/", token, nil)
	n.http.Dial = func(string) (net.Conn, error) { return l.Dial() }
	t.Cleanup(func() {
		n.Close()
		if err := errors.Join(l.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	return s, n
}

// Goal: every workload asks for what it says, of keys that were filled in before.
func TestWorkloads(t *testing.T) {
	s, n := dialStore(t, "secret")
	w := Workload{Keys: Keys{Prefix: "a b/", Count: 20, Distribution: "uniform"}, Size: 50, Reads: 0.5, Page: 10}
	for _, w.Name = range Workloads {
		if w.NeedsFill() {
			if err := w.Fill(t.Context(), n, nil); err != nil || len(s.data) != 20 || len(s.data["a b/00000007"]) != 50 {
				t.Fatalf("fill: %v, %d keys", err, len(s.data))
			}
		}
		r := Load{Clients: 4, Count: 100}.Run(t.Context(), func(i int) Request { return w.Open(n, i) }, nil)
		if r.Done() != 100 || len(r.Failures) != 0 {
			t.Errorf("%s: %+v", w.Name, r)
		}
		if got, put := r.Of("get").Count, r.Of("put").Count; w.Name == "mixed" && (got < 20 || put < 20) {
			t.Errorf("mixed: %d gets, %d puts", got, put)
		}
		if w.Name == "scan" && (len(s.pages) != 100 || !strings.HasPrefix(s.pages[0], "a b/000000")) {
			t.Errorf("pages from %q", s.pages)
		}
	}
}

// Goal: a fill ends with the first refusal, and says which.
func TestFillIsRefused(t *testing.T) {
	_, n := dialStore(t, "wrong")
	w := Workload{Keys: Keys{Prefix: "k/", Count: 1_000_000}, Size: 50}
	var refusal *Refusal
	if err := w.Fill(t.Context(), n, nil); !errors.As(err, &refusal) || refusal.Code != "unauthenticated" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Fill(ctx, n, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// Goal: answers that are not good are errors with a bounded text.
func TestAnswersThatAreNotGood(t *testing.T) {
	_, n := dialStore(t, "secret")
	if err := n.Get("absent"); err == nil || nameOf(err) != "404" || isRefusal(err) {
		t.Errorf("%v", err)
	}
	if err := n.Put("no/x", []byte("1")); err == nil || nameOf(err) != "503" || !isRefusal(err) || err.Error() != "503 : busy" {
		t.Errorf("%v", err)
	}
	n.http.Dial = func(string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused at 1.2.3.4")}
	}
	n.Close()
	if err := n.Post("/x", nil); err == nil || isAnswer(err) {
		t.Errorf("%v", err)
	}
}
