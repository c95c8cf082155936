package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"kvs/internal/config"
	"kvs/internal/server"
)

// looksLikePath says that an argument is meant as a file: it exists, or has a
// directory or an ending.
func looksLikePath(arg string) bool {
	if _, err := os.Stat(arg); err == nil {
		return true
	}
	return strings.ContainsAny(arg, "./\\")
}

// serve runs one node until it is told to stop or its disk fails.
func serve(out io.Writer, path string) error {
	began := time.Now()
	cfg, created, err := config.Load(path)
	if err != nil {
		return err
	}
	to, err := logTo(out, cfg)
	if err != nil {
		return err
	}
	defer to.Close()
	log := newLogger(to, cfg)
	switch {
	case created && isTerminal(out):
		fmt.Fprintf(out, "wrote %s (defaults, commented)\n", path)
	case created:
		log.Info("wrote the configuration (defaults, commented)", "file", path)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	for {
		s, err := server.Start(cfg, log)
		if err != nil {
			return err
		}
		if isTerminal(out) {
			banner(out, cfg, s, time.Since(began))
		}
		log.Info("ready", "node", cfg.NodeID, "address", s.Address(), "data_dir", cfg.DataDir,
			"replica", s.Status().Identity.Replica.String(), "keys", s.Status().Live,
			"took_ms", time.Since(began).Milliseconds(), "version", server.Version)
		err = runUntilEnd(s, log, signals)
		if !errors.Is(err, server.ErrRestart) {
			return err
		}
		began = time.Now()
	}
}

// runUntilEnd closes the node when it is told to stop or cannot go on.
func runUntilEnd(s *server.Server, log *slog.Logger, signals chan os.Signal) error {
	select {
	case sig := <-signals:
		log.Info("stopping", "signal", sig.String())
		signal.Stop(signals) // a second one kills
		return s.Close()
	case err := <-s.Failed():
		if errors.Is(err, server.ErrRestart) {
			log.Info("starting again")
		} else {
			log.Error("cannot go on", "error", err)
		}
		_ = s.Close() // the first failure is the one to report
		return err
	}
}

func banner(out io.Writer, cfg config.Config, s *server.Server, took time.Duration) {
	fmt.Fprintf(out, "kvs %s  node %q  data %s\n  API  %s/   health %s/health\n",
		server.Version, cfg.NodeID, cfg.DataDir, s.URL(), s.URL())
	if cfg.AuthEnabled {
		fmt.Fprintf(out, "  Admin token: %s (0600)\n", filepath.Join(cfg.DataDir, server.AdminTokenFile))
	}
	fmt.Fprintf(out, "ready in %d ms\n", took.Milliseconds())
}

// logTo is where the log goes: to log_file, which others may not read, or to out.
func logTo(out io.Writer, cfg config.Config) (io.WriteCloser, error) {
	if cfg.LogFile == "" {
		return unclosed{out}, nil
	}
	f, err := os.OpenFile(cfg.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log_file: %w", err)
	}
	return f, nil
}

// unclosed is a writer that somebody else closes.
type unclosed struct{ io.Writer }

// Close implements io.Closer.
func (unclosed) Close() error { return nil }

// newLogger logs as text to a terminal and as JSON elsewhere, unless told.
func newLogger(out io.Writer, cfg config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo // config has checked it
	}
	options := &slog.HandlerOptions{Level: slog.LevelDebug} // server.NewLogger decides
	if cfg.LogFormat == "text" || cfg.LogFormat == "auto" && isTerminal(out) {
		return server.NewLogger(slog.NewTextHandler(out, options), level)
	}
	return server.NewLogger(slog.NewJSONHandler(out, options), level)
}

func isTerminal(out io.Writer) bool {
	if u, ok := out.(unclosed); ok {
		out = u.Writer
	}
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
