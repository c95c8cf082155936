package httpapi

import (
	"errors"
	"time"
)

// ErrNoFlight says that this node records nothing.
var ErrNoFlight = errors.New("httpapi: nothing is recorded")

// serveFlight answers GET /debug/flight. It has the keys of records, and the key of the
// digest tree, so that, like a backup, it is logged.
func (s *Server) serveFlight(x *exchange) *Problem {
	if p := s.debuggable(); p != nil {
		return p
	}
	in, err := s.observer.Flight()
	if errors.Is(err, ErrNoFlight) {
		return switchedOff("this node records nothing", "flight_recorder_mb")
	}
	if err != nil {
		return s.refuse(err, "")
	}
	if err := x.ctx.SetWriteDeadline(time.Now().Add(s.options.WriteTimeout)); err != nil {
		return s.refuse(errors.Join(err, in.Close()), "")
	}
	x.ctx.Response.Header.SetContentType("application/octet-stream")
	x.ctx.Response.Header.Set("Content-Disposition", `attachment; filename="kvs.flight"`)
	x.ctx.Response.SetBodyStream(&download{
		Reader: in, Closer: in, conn: x.ctx.Conn(), patience: s.options.WriteTimeout,
	}, -1)
	if s.trail != nil && !x.ctx.IsHead() {
		s.trail.Note(Event{x.actor(), "node.flight", "", "", "ok"})
	}
	return nil
}
