package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
	"kvs/internal/metrics"
)

// Options is what a Server needs. A zero number or duration means the default
// of the setting it comes from.
type Options struct {
	Store   Store
	Cluster Cluster
	// Operator carries out the calls of administrators.
	Operator Operator
	// Guard decides who may do what. Without one anybody may do anything.
	Guard Guard
	// Sessions lets clients go from node to node. Without it each request is alone.
	Sessions Sessions
	// History is what keys were. Without one nobody can look back.
	History History
	// Backups are the copies that the node keeps. Without any there is nothing to restore.
	Backups Backups
	// Feed is what changes. Without one nobody can follow.
	Feed Feed
	// Trail logs who did what. Without one nothing is logged.
	Trail Trail
	// Observer tells how the node is. Without one /status is not there.
	Observer Observer
	// Meter counts requests; nil does not.
	Meter *metrics.HTTP
	// Metrics answers GET /metrics, to administrators and to who shows MetricsToken, if
	// it is not empty. Without it nobody gets any.
	Metrics      http.Handler
	MetricsToken string
	// Console switches /console/ on.
	Console bool
	// Lab is the demo that the node is a part of, nil for none.
	Lab Lab
	// Debug switches /debug/ on.
	Debug   bool
	Logger  *slog.Logger // nil discards.
	Version string       // Shown by /version and /health.

	// Reload reads the configuration again, as POST /config/reload asks, and names the
	// settings that have changed. Without it nobody can.
	Reload func() (changed []string, err error)

	Tunable
	// MaxConnections bounds the connections served at once. A few more are
	// accepted, for health checks and to say 503 to the rest.
	MaxConnections int

	// HeaderTimeout bounds the wait for a request line and headers,
	// ReadTimeout the body after them, WriteTimeout the response, and
	// IdleTimeout the wait between two requests of a connection.
	HeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout time.Duration

	// AllowedOrigins are the origins, such as https://example.org, whose
	// scripts browsers let use this node.
	AllowedOrigins []string
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxJSONSize == 0 {
		o.MaxJSONSize = 1 << 20
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 10_000
	}
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{
		{&o.HeaderTimeout, 5 * time.Second},
		{&o.ReadTimeout, 30 * time.Second},
		{&o.WriteTimeout, 30 * time.Second},
		{&o.IdleTimeout, 60 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.fallback
		}
	}
	return o
}

// ErrServerClosed is what Serve returns after Shutdown was called before it.
var ErrServerClosed = errors.New("httpapi: server is shut down")

// Server serves the HTTP API of one node.
type Server struct {
	options  Options
	store    Store
	cluster  Cluster
	operator Operator
	guard    Guard       // nil: nobody is asked
	lookup   auth.Lookup // the guard's
	trail    Trail       // nil: nothing is logged
	feed     Feed        // nil: nobody can follow
	history  History     // nil: nobody can look back
	observer Observer    // nil: nothing is told
	meter    *metrics.HTTP
	sessions Sessions // nil: each request is alone
	backups  Backups  // nil: none are kept
	log      *slog.Logger
	http     *fasthttp.Server
	node     []byte    // The id of this node.
	pool     sync.Pool // Of *exchange.
	closing  atomic.Bool
	conns    connections
	tuned    atomic.Pointer[tuned]
	ids      requestIDs
	answers  answers

	described description
	console   func() *console // made when somebody first asks for it
}

// exchange is the scratch space of one request. It is pooled; visit is bound
// once, so that a GET allocates no closure.
type exchange struct {
	ctx         *fasthttp.RequestCtx
	*tuned             // What counts for this request, whatever is set meanwhile.
	node        []byte // The id of this node.
	rawQuery    []byte
	query       query
	key         string
	began       time.Time // Zero if nobody wants to know.
	route       string    // The endpoint's name; empty for what leads nowhere.
	raw, pretty bool
	buf         []byte
	caller      Caller // Who asks, if there is a guard.
	creates     bool   // Whether a PUT that was asked about writes a new key.
	absent      bool   // Whether it was not there then, whoever has its rights.
	conditions  []Match
	hidden      bool    // Whether its caller may not read the key: there is none, then.
	unmet       bool    // Whether a GET's condition did not hold.
	session     Session // What the client has seen; nil if it does not say.
	set         string  // What it sets, for the log.
	id          []byte  // The name of this request.
	quota       quota   // What the client has left, if limited.
	limited     bool
	counted     bool // Whether the request was counted before.
	visit       func(Record)
	again       *given // the answer that this request was given before
	wantsMeta   bool
	meta        func(dst []byte, r Record) []byte // appends what ?meta asks for
}

// New makes a server. It panics if Store, Cluster or Operator is missing.
func New(options Options) *Server {
	if options.Store == nil || options.Cluster == nil || options.Operator == nil {
		panic("httpapi: Options without Store, Cluster or Operator")
	}
	o := options.withDefaults()
	s := &Server{options: o, store: o.Store, cluster: o.Cluster, operator: o.Operator, guard: o.Guard, log: o.Logger}
	s.trail, s.feed, s.history, s.sessions = o.Trail, o.Feed, o.History, o.Sessions
	s.backups = o.Backups
	s.described, s.console = newDescription(), sync.OnceValue(newConsole)
	s.observer, s.meter = o.Observer, o.Meter
	if s.meter != nil {
		s.meter.Open(routeNames())
	}
	s.Tune(o.Tunable)
	s.ids.draw()
	if s.guard != nil {
		s.lookup = s.guard.Lookup
	}
	s.node = []byte(s.cluster.Health().NodeID)
	s.pool.New = func() any {
		x := &exchange{node: s.node}
		x.visit = x.onRecord
		return x
	}
	s.http = s.fasthttpServer()
	return s
}

// fasthttpServer configures fasthttp. Its ReadTimeout is our header timeout:
// HeaderReceived extends the deadline for those requests that have a body.
func (s *Server) fasthttpServer() *fasthttp.Server {
	o := s.options
	return &fasthttp.Server{
		Handler:            s.handle,
		ErrorHandler:       s.onReadError,
		HeaderReceived:     s.onHeader,
		ExpectHandler:      s.onExpect,
		Logger:             debugLogger{s.log},
		Concurrency:        o.MaxConnections + healthReserve,
		ReadBufferSize:     headerBytesMax,
		ReadTimeout:        o.HeaderTimeout,
		WriteTimeout:       o.WriteTimeout,
		IdleTimeout:        o.IdleTimeout,
		MaxRequestBodySize: o.MaxJSONSize + bodySlackBytes,

		LazyRequestTime:              true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
	}
}

// Handler is the request handler itself, for tests and benchmarks.
func (s *Server) Handler() fasthttp.RequestHandler { return s.handle }

// Serve answers connections of ln until Shutdown, then returns nil.
func (s *Server) Serve(ln net.Listener) error {
	if s.closing.Load() {
		return ErrServerClosed
	}
	err := s.http.Serve(clientListener{ln, &s.conns})
	if s.closing.Load() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("serve http on %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, lets running requests end and closes idle
// connections. Connections that still send or take a request when ctx ends are
// cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	s.conns.closeUnused()
	err := s.http.ShutdownWithContext(ctx)
	if cut := s.conns.closeWhere(func(*clientConn) bool { return true }); cut > 0 {
		s.log.Warn("cut connections that did not end in time", "connections", cut)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("shut down http: %w", err)
	}
	return nil
}

// handle is the one entry of every request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	x := s.begin(ctx)
	defer s.end(x)
	x.counted = x.limits != nil && ctx.Request.MayContinue()
	if p := s.route(x); p != nil {
		s.refuseWith(x, p)
		return
	}
	s.complete(x)
}

// refuseWith makes p the answer.
func (s *Server) refuseWith(x *exchange, p *Problem) {
	p.requestID = string(x.id)
	s.countRefusal(x, p)
	p.writeTo(x.ctx)
	s.complete(x)
}

// complete adds the headers that all answers have. Whatever a client stored, a
// browser must not take it for a page or a script (nosniff).
func (s *Server) complete(x *exchange) {
	h := &x.ctx.Response.Header
	h.SetCanonical([]byte("X-Content-Type-Options"), []byte("nosniff"))
	h.SetCanonical([]byte(headerRequestID), x.id)
	s.showQuota(x)
	s.showOrigin(x)
}

func (s *Server) begin(ctx *fasthttp.RequestCtx) *exchange {
	x := s.pool.Get().(*exchange)
	x.ctx, x.tuned = ctx, s.tuned.Load()
	s.identify(x)
	s.beginWatched(x)
	return x
}

// end returns the scratch space, or contains a panic: fasthttp does not, so
// one bug in one handler would otherwise end the node.
func (s *Server) end(x *exchange) {
	ctx := x.ctx
	if r := recover(); r != nil {
		s.log.Error("http handler panicked", "panic", fmt.Sprint(r),
			"method", string(ctx.Method()), "request_id", string(x.id), "stack", string(debug.Stack()))
		p, _ := storeProblem(errPanic, "")
		s.refuseWith(x, p)
		s.endWatched(x)
		return
	}
	s.endWatched(x)
	ctx.Request.ReleaseBody(bodyKeepBytesMax)
	if cap(x.buf) > bodyKeepBytesMax {
		x.buf = nil
	}
	*x = exchange{node: x.node, buf: x.buf[:0], id: x.id[:0], visit: x.visit}
	s.pool.Put(x)
}

// errPanic stands for a panic where an error is needed.
var errPanic = errors.New("httpapi: handler panicked")

// refuse turns an error of the store into a problem, and logs it if its text
// is not for clients.
func (s *Server) refuse(err error, key string) *Problem {
	p, known := storeProblem(err, key)
	if !known {
		s.log.Error("http request failed", "key", key, "error", err)
	}
	return p
}

// crowded says whether the connections in use are past max_connections.
func (s *Server) crowded() bool {
	return int64(s.http.GetCurrentConcurrency()) > int64(s.options.MaxConnections)
}

func (s *Server) overloaded() *Problem {
	p := newProblem(slugOverloaded, "the node serves max_connections connections already")
	p.ConfigKey, p.Limit = "max_connections", int64(s.options.MaxConnections)
	p.closeConn = true
	return p
}

// debugLogger carries fasthttp's lines, all of them about one connection's
// misfortune, to the debug level.
type debugLogger struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (l debugLogger) Printf(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("http connection", "message", fmt.Sprintf(format, args...))
	}
}
