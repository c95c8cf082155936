package httpapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"kvs/internal/auth"
)

// Tunable is the part of Options that a running server takes anew.
type Tunable struct {
	// MaxJSONSize is the largest body of a PUT in bytes, inclusive.
	MaxJSONSize int
	// RateLimit bounds the requests of each client. Health checks are free.
	RateLimit RateLimit
	// DefaultMode is the mode of a key that a PUT creates, 0 for auth.DefaultMode.
	DefaultMode auth.Mode
	// Access says which requests are logged; "" is none.
	Access AccessLog
}

// tuned is what follows from a Tunable. A request keeps the one that it began with.
type tuned struct {
	maxJSON int
	mode    auth.Mode
	access  AccessLog
	limit   RateLimit
	limits  *limiter // nil: as many requests as anybody likes
}

// Tune takes other values over, for the requests that begin from now on. What clients
// have used up counts on, unless the rate limit is another one.
func (s *Server) Tune(t Tunable) {
	if t.DefaultMode == 0 {
		t.DefaultMode = auth.DefaultMode
	}
	next := &tuned{maxJSON: t.MaxJSONSize, mode: t.DefaultMode, access: t.Access, limit: t.RateLimit}
	if was := s.tuned.Load(); was != nil && was.limit.equal(t.RateLimit) {
		next.limits = was.limits
	} else {
		next.limits = newLimiter(t.RateLimit)
	}
	s.tuned.Store(next)
}

func (r RateLimit) equal(o RateLimit) bool {
	return r.Requests == o.Requests && r.Window == o.Window && r.ByAddress == o.ByAddress &&
		slices.Equal(r.TrustedProxies, o.TrustedProxies)
}

// ErrNoSource says that a node has no configuration that it could read again.
var ErrNoSource = errors.New("httpapi: no configuration to read again")

// RestartError says which settings have changed that a node takes at its start only.
type RestartError struct{ Settings []string }

// Error names the settings.
func (e *RestartError) Error() string {
	return "another value needs a restart: " + strings.Join(e.Settings, ", ")
}

// ConfigError says what is wrong with a configuration, for who administers the node.
type ConfigError struct{ Err error }

// Error is what is wrong.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap is the error of the configuration.
func (e *ConfigError) Unwrap() error { return e.Err }

// serveReload answers POST /config/reload.
func (s *Server) serveReload(x *exchange) *Problem {
	if s.options.Reload == nil {
		return switchedOff("this node has no configuration that it could read again", "")
	}
	changed, err := s.options.Reload()
	if err != nil {
		return s.reloadProblem(err)
	}
	b, err := json.Marshal(map[string][]string{"changed": append([]string{}, changed...)})
	if err != nil {
		return s.refuse(err, "")
	}
	x.respond(typeJSON, append(x.buf[:0], b...))
	return nil
}

// reloadProblem words why nothing was taken over.
func (s *Server) reloadProblem(err error) *Problem {
	var fixed *RestartError
	var bad *ConfigError
	switch {
	case errors.Is(err, ErrNoSource):
		return switchedOff("this node has no configuration that it could read again", "")
	case errors.As(err, &fixed):
		p := newProblem(slugRestartNeeded, err.Error()+"; nothing was taken over")
		p.ConfigKey = fixed.Settings[0]
		return p
	case errors.As(err, &bad):
		return newProblem(slugConfigInvalid, err.Error())
	}
	return s.refuse(err, "")
}
