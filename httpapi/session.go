package httpapi

import (
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// headerSession carries what a client has seen, from answer to request.
const headerSession = "KVS-Session"

const (
	waitDefault = 2 * time.Second
	waitMax     = time.Minute
	copiesMax   = 256
	// AcksAll asks for every replica of the cluster, the unreachable ones too.
	AcksAll = -1
)

// ErrSession says that a text is no session of this cluster.
var ErrSession = errors.New("httpapi: no session of this cluster")

// Mark names a write, for sessions.
type Mark struct {
	Stream [24]byte
	Number uint64
}

// Sessions lets clients go from node to node with what they have seen.
type Sessions interface {
	// Session reads what a client carries; nothing begins a new one. It returns
	// ErrSession for anything else.
	Session(token []byte) (Session, error)
	// Consult brings what n-1 other replicas have of a key, or returns ErrWaitTimeout.
	Consult(key string, n int, wait time.Duration) error
}

// Session is what one client has seen. It is used by one request.
type Session interface {
	// Await waits until this node shows what the session has seen, or returns
	// ErrWaitTimeout.
	Await(wait time.Duration) error
	// Saw adds a write, SawAbsent the deletion of a key, if this node knows of one.
	Saw(m Mark, timestamp int64)
	SawAbsent(key string)
	// Stamp is the greatest timestamp seen.
	Stamp() int64
	// Append writes it as the client carries it on.
	Append(dst []byte) []byte
}

// beginRead makes a read see what its session has seen, and what enough replicas have.
func (s *Server) beginRead(x *exchange) *Problem {
	if s.sessions == nil {
		return nil
	}
	wait, p := x.query.wait()
	if p != nil {
		return p
	}
	if x.query.has(paramRead) {
		if p := s.consult(x, wait); p != nil {
			return p
		}
	}
	token := x.ctx.Request.Header.Peek(headerSession)
	if token == nil {
		return nil
	}
	if p := s.openSession(x, token); p != nil {
		return p
	}
	return s.awaitSession(x, wait)
}

// awaitSession waits until this node shows what the session of a request has seen.
func (s *Server) awaitSession(x *exchange, wait time.Duration) *Problem {
	if err := x.session.Await(wait); err != nil {
		if errors.Is(err, ErrWaitTimeout) {
			return newProblem(slugWaitTimeout, "this node has not got yet what your session has seen elsewhere")
		}
		return s.refuse(err, "")
	}
	return nil
}

func (s *Server) openSession(x *exchange, token []byte) *Problem {
	session, err := s.sessions.Session(token)
	if errors.Is(err, ErrSession) {
		return invalidParameter("the header " + headerSession + " must be one from an answer of this cluster, unchanged, " +
			"or empty for a new session")
	}
	if err != nil {
		return s.refuse(err, "")
	}
	x.session = session
	return nil
}

// consult asks other replicas.
func (s *Server) consult(x *exchange, wait time.Duration) *Problem {
	n, err := strconv.Atoi(x.query.value(paramRead))
	if err != nil || n < 1 || n > copiesMax {
		return invalidParameter("read must be how many replicas to ask, 1 to " + strconv.Itoa(copiesMax) + ", not " +
			quoted(x.query.value(paramRead)))
	}
	err = s.sessions.Consult(x.key, n, wait)
	if errors.Is(err, ErrWaitTimeout) {
		return newProblem(slugWaitTimeout, "less than "+strconv.Itoa(n)+" replicas answered in time, this one included")
	}
	if err != nil {
		return s.refuse(err, x.key)
	}
	return nil
}

// beginWrite makes a write follow what its session has seen.
func (s *Server) beginWrite(x *exchange, w *Write) (p *Problem) {
	if s.sessions == nil {
		return nil
	}
	if w.Wait, p = x.query.wait(); p != nil {
		return p
	}
	if x.query.has(paramAcks) {
		if w.Acks, p = x.query.acks(); p != nil {
			return p
		}
	}
	if p := s.openSession(x, x.ctx.Request.Header.Peek(headerSession)); p != nil {
		return p
	}
	w.Seen = x.session.Stamp()
	return nil
}

// saw adds a write to the session of a request, if it has one.
func (x *exchange) saw(m Mark, timestamp int64) {
	if x.session != nil {
		x.session.Saw(m, timestamp)
	}
}

// endSession gives the client what it has seen by now.
func (x *exchange) endSession() {
	if x.session == nil {
		return
	}
	x.buf = x.session.Append(x.buf[:0])
	x.ctx.Response.Header.SetCanonical([]byte(headerSession), x.buf)
	x.session = nil
}

// answerCopies says how many replicas have a write, if that was asked for: 202 if they
// are less than was wanted.
func (x *exchange) answerCopies(w Written) {
	if w.Copies == 0 && !w.Short {
		return
	}
	resp := &x.ctx.Response
	if w.Short {
		resp.SetStatusCode(fasthttp.StatusAccepted)
	}
	x.buf = strconv.AppendInt(x.buf[:0], int64(w.Copies), 10)
	resp.Header.SetCanonical([]byte("KVS-Acks"), x.buf)
}

// acks reads on how many replicas a write has to be.
func (q *query) acks() (int, *Problem) {
	if q.value(paramAcks) == "all" {
		return AcksAll, nil
	}
	n, err := strconv.Atoi(q.value(paramAcks))
	if err != nil || n < 1 || n > copiesMax {
		return 0, invalidParameter("acks must be all, or a number from 1 to " + strconv.Itoa(copiesMax) + ", not " +
			quoted(q.value(paramAcks)))
	}
	return n, nil
}

// wait reads how long a request waits for others.
func (q *query) wait() (time.Duration, *Problem) {
	if !q.has(paramWait) {
		return waitDefault, nil
	}
	d, err := time.ParseDuration(q.value(paramWait))
	if err != nil || d < 0 || d > waitMax {
		return 0, invalidParameter("wait must be a duration up to " + waitMax.String() + " such as 2s, not " +
			quoted(q.value(paramWait)))
	}
	return d, nil
}
