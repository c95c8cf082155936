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

	"github.com/spf13/cobra"
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

// serveCommand is kvs with a configuration, spelt out, and with flags for settings.
func serveCommand() *cobra.Command {
	var from settingsOf
	var readOnly bool
	var format string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a node",
		Long: "What --set and the flags say counts for more than the variables KVS_*, those for more\n" +
			"than the file, and the file for more than the defaults.",
		Example: "  kvs serve -c node1.yaml\n  kvs serve --set port=8081 --set node_id=beta\n  KVS_PORT=8081 kvs serve",
		Args:    exactly(),
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "refuse client writes: --set read_only=true")
	cmd.Flags().StringVar(&format, "log-format", "", "auto, text or json: --set log_format=...")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("read-only") {
			from.set = append(from.set, fmt.Sprint("read_only=", readOnly))
		}
		if format != "" {
			from.set = append(from.set, "log_format="+format)
		}
		return serve(cmd.ErrOrStderr(), from.source())
	}
	return cmd
}

// serve runs one node until it is told to stop or its disk fails.
func serve(out io.Writer, from config.Source) error {
	began := time.Now()
	layered, created, err := from.Open()
	if err != nil {
		return err
	}
	cfg, path := layered.Config, from.File
	to := &logSink{terminal: out}
	adopt, _, err := to.open(cfg.LogFile)
	if err != nil {
		return err
	}
	adopt()
	defer to.Close()
	log := newLogger(to, cfg)
	switch {
	case created && isTerminal(out):
		fmt.Fprintf(out, "wrote %s (defaults, commented)\n", path)
	case created:
		log.Info("wrote the configuration (defaults, commented)", "file", path)
	}
	for name, meant := range config.Strangers(from.Env) {
		log.Warn("no setting has this variable", "variable", name, "meant", meant)
	}
	limitMemory(cfg)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	source := &rereading{from: from, log: to}
	source.last.Store(&cfg)
	for {
		s, err := server.StartFrom(source, *source.last.Load(), log)
		if err != nil {
			return err
		}
		if isTerminal(out) {
			banner(out, cfg, s, time.Since(began))
		}
		log.Info("ready", "node", cfg.NodeID, "address", s.Address(), "data_dir", cfg.DataDir,
			"replica", s.Status().Identity.Replica.String(), "keys", s.Status().Live,
			"took_ms", time.Since(began).Milliseconds(), "version", server.Version)
		notify(log, "READY=1\nSTATUS=serving "+s.URL())
		err = runUntilEnd(s, log, signals)
		if !errors.Is(err, server.ErrRestart) {
			return err
		}
		began = time.Now()
	}
}

// runUntilEnd closes the node when it is told to stop or cannot go on.
func runUntilEnd(s *server.Server, log *slog.Logger, signals chan os.Signal) error {
	for {
		select {
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				_, _ = s.Reload() // it has logged how that went
				continue
			}
			log.Info("stopping", "signal", sig.String())
			notify(log, "STOPPING=1")
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
}

func banner(out io.Writer, cfg config.Config, s *server.Server, took time.Duration) {
	fmt.Fprintf(out, "kvs %s  node %q  data %s\n  API  %s/   health %s/health\n",
		server.Version, cfg.NodeID, cfg.DataDir, s.URL(), s.URL())
	if cfg.ConsoleEnabled {
		fmt.Fprintf(out, "  Console  %s/console/\n", s.URL())
	}
	if cfg.AuthEnabled {
		fmt.Fprintf(out, "  Admin token: %s (0600)\n", filepath.Join(cfg.DataDir, server.AdminTokenFile))
	}
	fmt.Fprintf(out, "ready in %d ms\n", took.Milliseconds())
}

// newLogger logs as text to a terminal and as JSON elsewhere, unless told.
func newLogger(out *logSink, cfg config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo // config has checked it
	}
	options := &slog.HandlerOptions{Level: slog.LevelDebug} // server.NewLogger decides
	if cfg.LogFormat == "text" || cfg.LogFormat == "auto" && out.isTerminal() {
		return server.NewLogger(slog.NewTextHandler(out, options), level)
	}
	return server.NewLogger(slog.NewJSONHandler(out, options), level)
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
