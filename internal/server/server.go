package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/storage"
	"kvs/transport"
)

// Version is what /version and /health report; the linker may set it.
var Version = "0.1.0-dev"

// ErrRestart is what a node fails with that has to be started again, with the same
// configuration: its replica begins another life, as the log says.
var ErrRestart = errors.New("the node has to start again")

// Server is a running node.
type Server struct {
	cfg       config.Config
	log       *slog.Logger
	http      *httpapi.Server
	listener  net.Listener
	store     *storage.Store
	transport *transport.Transport // nil without clustering
	driver    *driver
	guard     *guard // nil without authentication
	trail     *trail // nil without an audit log
	backups   *backups
	upkeep    *upkeep
	feed      *feed
	observer  *observer
	over      func(net.PacketConn) net.PacketConn // what lies between the node and its peers
	lab       httpapi.Lab                         // nil: it is no part of one
	free      func() (disk, error)                // what room the disk has; nil: the system knows
	reloads   reloads

	failed   chan error // the first fatal error
	failOnce sync.Once
	running  sync.WaitGroup
}

// Start opens a node and returns once it serves. Its errors name the setting to
// change.
func Start(cfg config.Config, log *slog.Logger, around ...Around) (*Server, error) {
	return StartFrom(nil, cfg, log, around...)
}

// StartFrom is Start of a node that can read its configuration again: cfg is what the
// source said last.
func StartFrom(source Source, cfg config.Config, log *slog.Logger, around ...Around) (_ *Server, err error) {
	s := &Server{cfg: cfg, log: log, failed: make(chan error, 1)}
	s.reloads.begin(source, cfg)
	for _, a := range around {
		a(s)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.Background()))
		}
	}()
	s.observer = &observer{cfg: cfg, reloads: &s.reloads, level: levelOf(log), began: time.Now()}
	if s.listener, s.observer.https, err = listenHTTP(cfg, log); err != nil {
		return nil, err
	}
	secret, err := cfg.LoadClusterSecret()
	if err != nil {
		return nil, err
	}
	// The driver exists before the store, which answers into its inbox.
	s.driver = newDriver(log)
	s.driver.restart = func() { s.fail(ErrRestart) }
	s.observer.open(s.driver)
	reserved := func([]string) {}
	if cfg.AuthEnabled {
		s.guard = newGuard(log, cfg)
		reserved = s.guard.changed
	}
	s.feed = newFeed(cfg.MaxWatchers)
	s.feed.clock = &s.driver.clock
	if err := s.openStore(reserved); err != nil {
		return nil, err
	}
	core, err := coreConfig(cfg)
	if err != nil {
		return nil, err
	}
	snapshot := s.store.Snapshot()
	s.driver.attach(statemachine.New(core, snapshot), s.store)
	if cfg.ClusteringEnabled {
		if err := s.listenToPeers(snapshot.Identity.Replica, secret); err != nil {
			return nil, err
		}
	}
	s.feed.open(s.store, func() keyspace.Identity { return s.driver.status.Load().Identity }, snapshot.VV)
	s.running.Go(func() { s.driver.space.run(s.driver.stopped) })
	s.running.Go(s.feed.run)
	s.driver.openFlight(cfg, log)
	s.running.Go(s.driver.run)
	if len(core.Seeds) == 0 {
		// Nobody is asked, so the node belongs to a cluster at once: it says so
		// from its first answer on.
		select {
		case <-s.driver.chosen:
		case <-s.driver.stopped:
		}
	}
	if err := s.serve(); err != nil {
		return nil, err
	}
	return s, nil
}

// openStore opens the store, if there is room for one. reserved hears of the system's own
// records that change.
func (s *Server) openStore(reserved func([]string)) (err error) {
	var queue storage.Journal
	if s.cfg.TamperLoggingEnabled {
		queue = journal
	}
	s.driver.space.free = s.free
	if err := s.driver.space.open(s.cfg.DataDir, s.log); err != nil {
		return err
	}
	if s.store, err = openOrRebuild(s.cfg, s.log, storage.Options{
		Dir: s.cfg.DataDir, Compression: compression(s.cfg), Birth: birth(), Async: s.cfg.Durability == durabilityAsync, Logger: s.log, Reserved: reserved, Journal: queue, News: s.news,
		Deliver: s.driver.fromStore, Committed: s.observer.committed(), Fatal: s.fail,
	}); err != nil {
		return fmt.Errorf("data_dir %s: %w", s.cfg.DataDir, err)
	}
	return nil
}

// news tells what a batch has stored. The feed is last: it makes the entries its own.
func (s *Server) news(stored []keyspace.Entry, vv keyspace.VV) {
	s.driver.measure.stored(stored)
	s.feed.publish(stored, vv)
}

func (s *Server) listenToPeers(id keyspace.ReplicaID, secret config.Secret) (err error) {
	if s.cfg.AllowMixedAuth {
		s.log.Warn("allow_mixed_auth is set: whoever reaches a node without auth_enabled " +
			"may read and write what rights protect elsewhere")
	}
	s.transport, err = transport.Listen(transport.Options{
		Listen:  net.JoinHostPort(s.cfg.BindAddress, strconv.Itoa(clusterPort(s.cfg))),
		Replica: id, Secret: []byte(secret.Reveal()), Files: transport.Files{
			CA: s.cfg.TLSCAFile, Cert: s.cfg.TLSCertFile, Key: s.cfg.TLSKeyFile,
		}, Hello: s.driver.hello,
		Deliver: s.driver.fromPeers, Logger: s.log, Over: s.over,
	})
	if err != nil {
		return fmt.Errorf("listen to peers (settings port, cluster_port, tls_*): %w", err)
	}
	s.driver.connect(s.transport)
	return nil
}

// serve begins to answer HTTP.
func (s *Server) serve() error {
	api := &api{store: s.store, driver: s.driver, feed: s.feed, measure: s.driver.measure}
	api.defaultTTL.Store(int64(s.cfg.DefaultTTL))
	s.upkeep = newUpkeep(s)
	api.upkeep = s.upkeep
	s.running.Go(func() { s.upkeep.run(s.driver.stopped) })
	var log httpapi.Trail
	if s.cfg.TamperLoggingEnabled {
		t, err := openTrail(s.log, s.cfg, api)
		if err != nil {
			return err
		}
		s.trail, api.trail, log = t, t, t
	}
	var guard httpapi.Guard
	if s.guard != nil {
		if err := s.guard.open(api); err != nil {
			return err
		}
		s.guard.maintain() // a node of its own has its admin token from the start
		s.running.Go(s.guard.run)
		guard = s.guard
	}
	plan, err := planOf(s.cfg)
	if err != nil {
		return err
	}
	s.backups = newBackups(s.log, s.cfg, api, func() keyspace.Identity { return s.driver.status.Load().Identity })
	s.backups.change(plan)
	s.running.Go(s.backups.keepToPlan)
	s.observer.attach(s, api)
	s.reloads.api = api
	options := httpapi.Options{
		Store: api, Cluster: api, Operator: api, Guard: guard, Feed: s.feed, History: api, Sessions: api, Backups: s.backups, Trail: log, Logger: s.log, Version: Version,
		Tunable: tunable(s.cfg), Reload: s.Reload, MaxConnections: s.cfg.MaxConnections,
		HeaderTimeout: s.cfg.HeaderTimeout, ReadTimeout: s.cfg.ReadTimeout,
		WriteTimeout: s.cfg.WriteTimeout, IdleTimeout: s.cfg.IdleTimeout,
		AllowedOrigins: s.cfg.AllowedOrigins, Lab: s.lab,
	}
	s.observer.show(&options)
	s.http = httpapi.New(options)
	listener := s.listener
	s.running.Go(func() {
		if err := s.http.Serve(listener); err != nil && !errors.Is(err, httpapi.ErrServerClosed) {
			s.fail(fmt.Errorf("HTTP server: %w", err))
		}
	})
	return nil
}

// fail reports the first fatal error. Nothing is acknowledged after it: the
// driver stops, so that nobody waits for an answer that will not come.
func (s *Server) fail(err error) {
	s.failOnce.Do(func() {
		s.failed <- err
		s.driver.stop()
	})
}

// Failed yields the error that a running node cannot go on after.
func (s *Server) Failed() <-chan error { return s.failed }

// Status is the core's own view of the node.
func (s *Server) Status() statemachine.Status { return *s.driver.status.Load() }

// Digest is the root of the node's digest tree and the number of live keys.
func (s *Server) Digest() (root [32]byte, live uint64, err error) { return s.store.Digest() }

// Address is where the node serves HTTP.
func (s *Server) Address() string {
	return net.JoinHostPort(s.cfg.BindAddress, strconv.Itoa(s.cfg.Port))
}

// URL is where clients find the node.
func (s *Server) URL() string {
	if s.cfg.HTTPTLSCertFile != "" {
		return "https://" + s.Address()
	}
	return "http://" + s.Address()
}

// Close stops the node: no new requests, the running ones get shutdown_timeout,
// then peers are told and the store is closed.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	return s.close(ctx)
}

func (s *Server) close(ctx context.Context) error {
	var errs []error
	if s.feed != nil {
		s.feed.close()
	}
	if s.http != nil {
		if err := s.http.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop HTTP (shutdown_timeout %v): %w", s.cfg.ShutdownTimeout, err))
		}
	}
	if s.listener != nil {
		// Shutdown closes what it serves; it may have come before that began.
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.backups != nil {
		s.backups.close() // the store waits for one that is being made
	}
	if s.driver != nil {
		s.driver.refuse()
	}
	if s.transport != nil {
		errs = append(errs, s.transport.Close())
	}
	if s.driver != nil {
		s.driver.stop()
	}
	if s.trail != nil {
		s.trail.close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	s.running.Wait()
	return errors.Join(errs...)
}

// birth draws the random bytes of a start.
func birth() keyspace.Birth {
	var b keyspace.Birth
	draw(b.Replica[:])
	draw(b.Epoch[:])
	draw(b.Boot[:])
	return b
}

// draw fills b with random bytes; crypto/rand never fails (it would abort).
func draw(b []byte) { _, _ = rand.Read(b) }
