package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// Event is something that a caller did, or was refused, beside the writes of keys,
// which a Store logs itself. It holds no token.
type Event struct {
	Actor  string // "anonymous", "admin", or the id of a user.
	Action string
	Key    string // What it was done to; empty if there is nothing.
	Set    string // The JSON text of what was set; empty if nothing was.
	Result string // "ok" or the slug of a problem.
}

// Trail is the tamper-evident log as the API sees it. Its methods are called from
// many goroutines at once.
type Trail interface {
	// Note logs an event; it is durable when Note returns, unless the node stops.
	Note(Event)
	// Refused counts a refusal. It costs little, however many there are: those of
	// one caller for one reason become one entry in a while.
	Refused(Event)
	// Entries visits entries behind number since, at most limit, as the JSON that
	// is logged, and returns the number of the newest entry that there is. A line is
	// only valid during visit.
	Entries(since uint64, limit int, visit func(number uint64, line []byte)) (newest uint64, err error)
	// Anchors visits the newest signed checkpoint of each node, as JSON.
	Anchors(visit func(text []byte)) error
}

// Actors that are no users.
const (
	actorAnonymous = "anonymous"
	actorAdmin     = "admin"
)

// actor is who sends the request.
func (x *exchange) actor() string {
	switch x.caller.User {
	case "":
		return actorAnonymous
	case auth.AdminUser:
		return actorAdmin
	}
	return string(x.caller.User)
}

// note logs what a request did, if its endpoint changes who may do what, or what
// the node does; and that it was refused for lack of rights, wherever.
func (s *Server) note(x *exchange, e endpoint, p *Problem) {
	if s.trail == nil {
		return
	}
	result := "ok"
	if p != nil {
		result = p.Code
	}
	h := &x.ctx.Request.Header
	switch {
	case p != nil && (p.Status == fasthttp.StatusUnauthorized || p.Status == fasthttp.StatusForbidden ||
		p.Status == fasthttp.StatusTooManyRequests):
		path, _, _ := bytes.Cut(h.RequestURI(), []byte{'?'})
		s.trail.Refused(Event{x.actor(), "request", string(path), "", result})
	case e.action != "" && !h.IsGet() && !h.IsHead():
		s.trail.Note(Event{x.actor(), e.action + verb(h.Method()), x.key, x.set, result})
	}
}

// tell notes what a request sets, for the log. Personal data of users beyond their
// names does not belong there: a log forgets nothing.
func (x *exchange) tell(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // values of our own types
	}
	x.set = string(text)
}

// verb is how the action of a method ends.
func verb(method []byte) string {
	switch string(method) {
	case fasthttp.MethodPost:
		return ".create"
	case fasthttp.MethodDelete:
		return ".delete"
	}
	return ".set"
}

const paramsAudit = paramSince | paramLimit

// audited refuses what makes no sense without a trail.
func (s *Server) audited() *Problem {
	if s.trail != nil {
		return nil
	}
	p := newProblem(slugNotFound, "this node keeps no audit log: tamper_logging_enabled is false")
	p.ConfigKey = "tamper_logging_enabled"
	return p
}

// serveAudit answers GET /audit: a page of entries, and the number to go on from.
func (s *Server) serveAudit(x *exchange) *Problem {
	if p := s.audited(); p != nil {
		return p
	}
	if p := x.query.parse(x.rawQuery, paramsAudit); p != nil {
		return p
	}
	limit, since := uint64(rangeLimitDefault), uint64(0)
	var err1, err2 error
	if x.query.has(paramSince) {
		since, err1 = strconv.ParseUint(x.query.value(paramSince), 10, 63)
	}
	if x.query.has(paramLimit) {
		limit, err2 = strconv.ParseUint(x.query.value(paramLimit), 10, 63)
	}
	if errors.Join(err1, err2) != nil || limit == 0 || limit > rangeLimitMax {
		return invalidParameter("since must be the number of an entry, and limit a number from 1 to " +
			strconv.Itoa(rangeLimitMax))
	}
	last := since
	b := append(x.buf[:0], `{"entries":[`...)
	newest, err := s.trail.Entries(since, int(limit), func(number uint64, line []byte) {
		if last != since {
			b = append(b, ',')
		}
		b, last = append(b, line...), number
	})
	if err != nil {
		return s.refuse(err, "")
	}
	b = strconv.AppendUint(append(b, `],"next":`...), last, 10)
	b = strconv.AppendUint(append(b, `,"last":`...), newest, 10)
	x.respond(typeJSON, append(b, '}'))
	return nil
}

// serveAnchors answers GET /audit/checkpoints.
func (s *Server) serveAnchors(x *exchange) *Problem {
	if p := s.audited(); p != nil {
		return p
	}
	b := append(x.buf[:0], `{"checkpoints":[`...)
	empty := len(b)
	err := s.trail.Anchors(func(text []byte) {
		if len(b) > empty {
			b = append(b, ',')
		}
		b = append(b, text...)
	})
	if err != nil {
		return s.refuse(err, "")
	}
	x.respond(typeJSON, append(b, ']', '}'))
	return nil
}
