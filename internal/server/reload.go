package server

import (
	"strings"
	"sync"
	"sync/atomic"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/statemachine"
)

// Source is where a node's configuration comes from.
type Source interface {
	// Read reads it again. Its errors name the mistakes.
	Read() (config.Config, error)
	// OpenLog opens the log that cfg names. Either adopt is called, and the log goes
	// there from then on, or discard.
	OpenLog(cfg config.Config) (adopt, discard func(), err error)
}

// reloads is what a node knows of its configuration while it runs.
type reloads struct {
	source  Source // nil: it cannot be read again
	api     *api
	running sync.Mutex // one at a time
	cfg     atomic.Pointer[config.Config]
	refused atomic.Bool // the last one
}

func (r *reloads) begin(source Source, cfg config.Config) {
	r.source = source
	r.cfg.Store(&cfg)
}

// current is the configuration that counts now.
func (r *reloads) current() config.Config { return *r.cfg.Load() }

// Reload reads the configuration again and takes it over: all of it, or nothing if it
// has a mistake or changes what a node takes at its start only. It names the settings
// that have changed, and logs how it went.
func (s *Server) Reload() (changed []string, err error) {
	r := &s.reloads
	if r.source == nil {
		return nil, httpapi.ErrNoSource
	}
	r.running.Lock()
	defer r.running.Unlock()
	changed, err = s.takeOver()
	r.refused.Store(err != nil)
	if err != nil {
		s.log.Warn("the configuration was not taken over; the node goes on with what it has", "error", err)
		return nil, err
	}
	s.log.Info("the configuration was read again", "changed", strings.Join(changed, " "))
	return changed, nil
}

// takeOver does all that can fail first, so that nothing is half applied.
func (s *Server) takeOver() (changed []string, err error) {
	r := &s.reloads
	next, err := r.source.Read()
	if err != nil {
		return nil, &httpapi.ConfigError{Err: err}
	}
	var fixed []string
	for _, setting := range r.current().Differing(next) {
		changed = append(changed, setting.Key)
		if !setting.Reload {
			fixed = append(fixed, setting.Key)
		}
	}
	if len(fixed) > 0 {
		return nil, &httpapi.RestartError{Settings: fixed}
	}
	plan, err := planOf(next)
	if err != nil {
		return nil, &httpapi.ConfigError{Err: err}
	}
	adopt, discard, err := r.source.OpenLog(next)
	if err != nil {
		return nil, &httpapi.ConfigError{Err: err}
	}
	if err := s.tuneCore(next); err != nil {
		discard()
		return nil, err
	}
	adopt()
	s.adopt(next, plan)
	return changed, nil
}

// tuneCore tells the core, unless nothing has changed for it.
func (s *Server) tuneCore(next config.Config) error {
	if tuning(next) == tuning(s.reloads.current()) {
		return nil
	}
	_, err := s.driver.command(func(r statemachine.RequestID) statemachine.Input {
		return statemachine.SetConfig{Request: r, Tuning: tuning(next)}
	})
	return err
}

// adopt tells all others, none of which can refuse.
func (s *Server) adopt(next config.Config, plan plan) {
	r := &s.reloads
	if next.LogLevel != r.current().LogLevel {
		_ = s.observer.SetLogLevel(next.LogLevel) // config has checked it
	}
	r.api.defaultTTL.Store(int64(next.DefaultTTL))
	s.http.Tune(tunable(next))
	s.backups.change(plan)
	s.upkeep.tune(next)
	r.cfg.Store(&next)
}
