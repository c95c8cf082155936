package httpapi

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
	"github.com/valyala/fasthttp/pprofhandler"
)

const allowGetPut = "GET, HEAD, PUT, OPTIONS"

const paramsReady = paramVerbose

// Observer tells how a node is, beyond what Cluster says.
type Observer interface {
	// Overview is all of it, as it is encoded for GET /status. It is cheap, and holds
	// no secret.
	Overview() (any, error)
	// Probes are what a node that is sent traffic needs, in a fixed order.
	Probes() []Probe
	// LogLevel is the least level that is logged: debug, info, warn or error; and
	// SetLogLevel sets it until the next start. It refuses other words.
	LogLevel() string
	SetLogLevel(level string) error
	// Flight is the recording of what the node did last, or ErrNoFlight.
	Flight() (io.ReadCloser, error)
}

// Probe is one thing that a node needs.
type Probe struct {
	Name  string
	Why   string // what is wrong, empty if nothing is
	Vital bool   // whether a node without it should get no traffic
}

// serveStatus answers GET /status.
func (s *Server) serveStatus(x *exchange) *Problem {
	if s.observer == nil {
		return switchedOff("this node tells nothing of itself", "")
	}
	all, err := s.observer.Overview()
	if err != nil {
		return s.refuse(err, "")
	}
	b, err := json.Marshal(all)
	if err != nil {
		return s.refuse(err, "")
	}
	x.respond(typeJSON, append(x.buf[:0], b...))
	return nil
}

// switchedOff is a 404 that names the setting.
func switchedOff(detail, key string) *Problem {
	p := newProblem(slugNotFound, detail)
	p.ConfigKey = key
	return p
}

// serveReady answers GET /readyz: whether to send this node traffic. With ?verbose it
// says of each probe "name ok", or what is wrong, one a line.
func (s *Server) serveReady(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsReady); p != nil {
		return p
	}
	verbose, p := x.query.flag(paramVerbose, "verbose")
	if p != nil {
		return p
	}
	h, ready := s.cluster.Health(), true
	lines, reasons := x.buf[:0], h.Reasons
	for _, probe := range s.probes(h) {
		if probe.Why == "" {
			lines = append(lines, probe.Name+" ok\n"...)
			continue
		}
		lines = append(lines, probe.Name+" failed: "+probe.Why+"\n"...)
		if probe.Vital {
			ready = false
			reasons = append(reasons, probe.Why)
		}
	}
	switch {
	case !verbose && !ready:
		detail := "the node is not ready"
		if len(reasons) > 0 {
			detail += ": " + strings.Join(reasons, "; ")
		}
		return newProblem(slugNotReady, detail)
	case !verbose:
		x.respond(typeText, append(x.buf[:0], "ready\n"...))
	case ready:
		x.respond(typeText, append(lines, "ready\n"...))
	default:
		x.respond(typeText, append(lines, "not ready\n"...))
		x.ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		x.ctx.Response.Header.Set("Retry-After", "1")
	}
	return nil
}

// probes are the observer's, or what Health says of a node without one.
func (s *Server) probes(h Health) []Probe {
	if s.observer != nil {
		return s.observer.Probes()
	}
	sync := Probe{Name: "sync", Vital: true}
	if !h.Ready {
		sync.Why = "mode " + h.Mode
	}
	return []Probe{sync}
}

// serveMetrics answers GET /metrics.
func (s *Server) serveMetrics(x *exchange) *Problem {
	if s.options.Metrics == nil {
		return switchedOff("this node shows no metrics", "metrics_enabled")
	}
	fasthttpadaptor.NewFastHTTPHandler(s.options.Metrics)(x.ctx)
	return nil
}

// scrapes says that a request shows the token that is for metrics alone.
func (s *Server) scrapes(x *exchange) bool {
	want := s.options.MetricsToken
	if want == "" {
		return false
	}
	kind, token, _ := bytes.Cut(x.ctx.Request.Header.Peek(fasthttp.HeaderAuthorization), []byte{' '})
	a, b := sha256.Sum256(token), sha256.Sum256([]byte(want)) // so that lengths do not show
	return bytes.EqualFold(kind, []byte("Bearer")) && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// serveLogLevel answers GET and PUT /debug/log-level.
func (s *Server) serveLogLevel(x *exchange) *Problem {
	if p := s.debuggable(); p != nil {
		return p
	}
	if x.ctx.IsPut() {
		if p := checkMedia(&x.ctx.Request.Header); p != nil {
			return p
		}
		var in map[string]string
		if err := json.Unmarshal(x.ctx.PostBody(), &in); err != nil {
			return newProblem(slugInvalidJSON, `the body must be {"level":"debug"}, or info, warn or error`)
		}
		if len(in) != 1 || s.observer.SetLogLevel(in["level"]) != nil {
			return newProblem(slugInvalidParameter, `the body must be {"level":"debug"}, or info, warn or error, and nothing else`)
		}
		x.tell(in)
	}
	b := append(x.buf[:0], `{"level":`...)
	x.respond(typeJSON, append(appendString(b, s.observer.LogLevel()), '}'))
	return nil
}

func (s *Server) debuggable() *Problem {
	if !s.options.Debug || s.observer == nil {
		return switchedOff("this node has no endpoints for debugging", "debug_endpoints")
	}
	return nil
}

// serveProfile answers GET /debug/pprof/ and what is below it, as net/http/pprof does.
func (s *Server) serveProfile(x *exchange) *Problem {
	if p := s.debuggable(); p != nil {
		return p
	}
	pprofhandler.PprofHandler(x.ctx)
	return nil
}
