package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// headerIdempotency names one intention of a client (draft-ietf-httpapi-idempotency-key-
// header): however often the request arrives at this node, it is carried out once.
const headerIdempotency = "Idempotency-Key"

const (
	// onceKeyBytesMax bounds such a name.
	onceKeyBytesMax = 256
	// onceAnswersMax and onceBytesMax bound the answers that a node remembers, and
	// their bytes. Beyond either the oldest is forgotten.
	onceAnswersMax = 10_000
	onceBytesMax   = 16 << 20
	// onceKept is how long an answer is remembered at most.
	onceKept = time.Hour
)

// attempt is who asks under which name, and what for, as hashes.
type attempt struct{ id, request [sha256.Size]byte }

// given is an answer that was given.
type given struct {
	attempt
	at      time.Time
	problem *Problem // or, if nil, what follows
	status  int
	header  [][2][]byte
	body    []byte
}

// bytes is about what an answer takes.
func (g *given) bytes() int {
	n := 512 + len(g.body)
	for _, h := range g.header {
		n += len(h[0]) + len(h[1])
	}
	return n
}

// answers are those that this node remembers, in memory alone: another node, or this one
// after a restart, carries the request out again.
type answers struct {
	mu      sync.Mutex
	running map[[sha256.Size]byte]attempt // at most one for each connection
	kept    map[[sha256.Size]byte]*given
	order   []*given // the oldest first
	bytes   int
}

// find returns the answer to an attempt that was made before.
func (a *answers) find(t attempt) *given {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(time.Now())
	if g := a.kept[t.id]; g != nil && g.request == t.request {
		return g
	}
	return nil
}

// begin starts an attempt, or returns the answer to it if there is one, or says why it
// cannot be made: another request had this name, or it is under way.
func (a *answers) begin(t attempt) (again *given, p *Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(time.Now())
	g, r := a.kept[t.id], a.running[t.id]
	switch {
	case g != nil && g.request == t.request:
		return g, nil
	case r == t:
		p = newProblem(slugOnceRunning, "the request of this "+headerIdempotency+" is still under way")
		p.retryAfter = retryAfterSeconds
		return nil, p
	case g != nil || r != attempt{}:
		return nil, newProblem(slugOnceReused, "another request had this "+headerIdempotency+
			"; nothing was done. Give every intention a name of its own")
	}
	if a.running == nil {
		a.running, a.kept = make(map[[sha256.Size]byte]attempt), make(map[[sha256.Size]byte]*given)
	}
	a.running[t.id] = t
	return nil, nil
}

// end remembers the answer to an attempt. Without one the next is made anew.
func (a *answers) end(t attempt, g *given) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if delete(a.running, t.id); g == nil {
		return
	}
	a.kept[t.id] = g
	a.order = append(a.order, g)
	a.bytes += g.bytes()
	a.forget(g.at)
}

// forget drops what is too old or too much.
func (a *answers) forget(now time.Time) {
	for len(a.order) > 0 {
		oldest := a.order[0]
		if len(a.order) <= onceAnswersMax && a.bytes <= onceBytesMax && now.Sub(oldest.at) < onceKept {
			return
		}
		a.order[0], a.order = nil, a.order[1:]
		a.bytes -= oldest.bytes()
		delete(a.kept, oldest.id)
	}
}

// attempt is that of a request, if its client has named it.
func (x *exchange) attempt() (t attempt, named bool, p *Problem) {
	h := &x.ctx.Request.Header
	if h.IsGet() || h.IsHead() {
		return t, false, nil
	}
	names := h.PeekAll(headerIdempotency)
	if len(names) == 0 {
		return t, false, nil
	}
	if n := len(names[0]); len(names) > 1 || n == 0 || n > onceKeyBytesMax {
		return t, false, newProblem(slugBadRequest, headerIdempotency+" must be one text of 1 to "+
			strconv.Itoa(onceKeyBytesMax)+" bytes, such as a UUID")
	}
	t.id = hashOf([]byte(x.caller.User), names[0])
	asked := [][]byte{h.Method(), h.RequestURI(), x.ctx.PostBody()}
	for _, name := range [...]string{"Content-Type", "If-Match", "If-None-Match", "Prefer", headerConfirm} {
		asked = append(asked, bytes.Join(h.PeekAll(name), []byte{'\n'}))
	}
	t.request = hashOf(asked...)
	return t, true, nil
}

// hashOf is the hash of several texts.
func hashOf(parts ...[]byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	h.Sum(sum[:0])
	return sum
}

// answered looks for the answer that a request was given before. It asks for no rights:
// the same caller got it, and a delete may have taken them away with the key.
func (s *Server) answered(x *exchange) bool {
	if t, named, p := x.attempt(); named && p == nil {
		x.again = s.answers.find(t)
	}
	return x.again != nil
}

// once carries out a request, unless its answer is known.
func (s *Server) once(x *exchange, serve func(*Server, *exchange) *Problem) *Problem {
	t, named, p := x.attempt()
	if p != nil {
		return p
	}
	if !named {
		return serve(s, x)
	}
	if x.again == nil {
		if x.again, p = s.answers.begin(t); p != nil {
			return p
		}
	}
	if x.again != nil {
		return x.repeat()
	}
	var answer *given
	defer func() { s.answers.end(t, answer) }() // after a panic too
	p = serve(s, x)
	answer = x.given(t, p)
	return p
}

// given is the answer to remember. One that says that nothing is decided is not: the
// node is overloaded or stops, or the client is too fast.
func (x *exchange) given(t attempt, p *Problem) *given {
	g := &given{attempt: t, at: time.Now()}
	if p != nil {
		if p.Status >= fasthttp.StatusInternalServerError || p.Status == fasthttp.StatusTooManyRequests {
			return nil
		}
		kept := *p
		g.problem = &kept
		return g
	}
	resp := &x.ctx.Response
	g.status, g.body = resp.StatusCode(), bytes.Clone(resp.Body())
	for k, v := range resp.Header.All() {
		g.header = append(g.header, [2][]byte{slices.Clone(k), slices.Clone(v)})
	}
	return g
}

// repeat gives an answer again.
func (x *exchange) repeat() *Problem {
	g := x.again
	if g.problem != nil {
		p := *g.problem
		return &p
	}
	resp := &x.ctx.Response
	for _, h := range g.header {
		resp.Header.SetBytesKV(h[0], h[1])
	}
	resp.SetStatusCode(g.status)
	resp.SetBody(g.body)
	resp.Header.SetCanonical([]byte("KVS-Replayed"), []byte("true"))
	return nil
}
