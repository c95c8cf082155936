package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"kvs/internal/config"
	"kvs/internal/server"
)

// startSelf starts a node to measure, in a directory that end deletes.
func (b *benching) startSelf() (end func() error, err error) {
	dir, err := os.MkdirTemp("", "kvs-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the node (TMPDIR names another place): %w", err)
	}
	cfg := config.Default()
	cfg.NodeID = "bench"
	cfg.DataDir, cfg.BackupPath = filepath.Join(dir, "data"), filepath.Join(dir, "backups")
	cfg.AuthEnabled, cfg.RateLimitingEnabled, cfg.ClusteringEnabled = false, false, false
	if cfg.Port, err = freePort(cfg.BindAddress); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := server.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	end = func() error { return errors.Join(s.Close(), os.RemoveAll(dir)) }
	b.addr, b.secret, b.trust, b.named = s.URL(), "", "", true
	if err := b.connect(); err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}

// freePort is a port that nobody listens on right now.
func freePort(host string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a port for the node on %s: %w. Try: kvs bench --addr of one that runs", host, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
