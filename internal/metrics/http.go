package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Request is one answered request.
type Request struct {
	Route  string // of Routes, or anything else for what leads nowhere
	Method []byte
	Status int
	Took   time.Duration
	In     int // bytes of its body
	Out    int // bytes of the answer's, negative for a stream
}

// methods are those with series of their own; the first stands for all others.
var methods = [...]string{"other", "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"}

// classes are the classes of status codes, by their first digit.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// otherRoute stands for paths that lead nowhere: what clients make up must not make
// series.
const otherRoute = "other"

// HTTP counts requests.
type HTTP struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	in, out   prometheus.Counter

	unauthorized, limited *prometheus.CounterVec

	routes map[string]*route // fixed by Open
	other  route
}

// route holds the series of one route that have been used.
type route [len(methods)][len(classes)]atomic.Pointer[series]

// series is what one kind of request is counted in.
type series struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func newHTTP(r *Registry) *HTTP {
	bodies := r.counter(HTTPBodyBytes)
	return &HTTP{
		requests:  r.counter(HTTPRequests),
		durations: r.histogram(HTTPDuration, prometheus.ExponentialBuckets(50e-6, 2, 18)),
		inFlight:  r.gauge(HTTPInFlight),
		in:        bodies.WithLabelValues("in"), out: bodies.WithLabelValues("out"),
		unauthorized: r.counter(AuthFailures), limited: r.counter(RateLimited),
	}
}

// Open says which routes there are, before the first request.
func (h *HTTP) Open(routes []string) {
	h.routes = make(map[string]*route, len(routes))
	for _, name := range routes {
		h.routes[name] = new(route)
	}
}

// Begin counts a request that is being worked on.
func (h *HTTP) Begin() { h.inFlight.Inc() }

// End counts its answer.
func (h *HTTP) End(q Request) {
	h.inFlight.Dec()
	r, ok := h.routes[q.Route]
	if !ok {
		r, q.Route = &h.other, otherRoute
	}
	m, c := methodIndex(q.Method), classIndex(q.Status)
	s := r[m][c].Load()
	if s == nil {
		// Two that come here at once make the same: the vectors hand out one.
		s = &series{
			h.requests.WithLabelValues(q.Route, methods[m], classes[c]),
			h.durations.WithLabelValues(q.Route, methods[m], classes[c]),
		}
		r[m][c].Store(s)
	}
	s.requests.Inc()
	s.duration.Observe(q.Took.Seconds())
	if q.In > 0 {
		h.in.Add(float64(q.In))
	}
	if q.Out > 0 {
		h.out.Add(float64(q.Out))
	}
}

// Unauthorized counts a request without a good token, or without rights.
func (h *HTTP) Unauthorized(reason string) { h.unauthorized.WithLabelValues(reason).Inc() }

// Limited counts a request beyond the rate limit.
func (h *HTTP) Limited(reason string) { h.limited.WithLabelValues(reason).Inc() }

func methodIndex(method []byte) int {
	for i := 1; i < len(methods); i++ {
		if methods[i] == string(method) {
			return i
		}
	}
	return 0
}

func classIndex(status int) int {
	if c := status / 100; c >= 1 && c < len(classes) {
		return c
	}
	return 0
}
