package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/config"
	"kvs/internal/server"
)

const demoNodesMax = 9

var demoNames = [demoNodesMax]string{
	"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota",
}

func demoCommand() *cobra.Command {
	var nodes, port int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a cluster in this process, with sample data, gone on exit",
		Example: "  kvs demo\n" +
			"  kvs demo --nodes 5 --port 9001",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < 1 || nodes > demoNodesMax {
				return usage{fmt.Errorf("--nodes must be from 1 to %d, not %d", demoNodesMax, nodes)}
			}
			if port < 1 || port+nodes > 1<<16 {
				return usage{fmt.Errorf("--port must leave room for %d ports below 65536, not %d", nodes, port)}
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return demo(ctx, cmd.OutOrStdout(), nodes, port)
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", 3, "how many nodes")
	cmd.Flags().IntVar(&port, "port", 8081, "port of the first node; the others follow")
	return cmd
}

// demo runs a cluster until ctx ends, and removes all that it wrote.
func demo(ctx context.Context, out io.Writer, nodes, port int) (err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "kvs-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo (TMPDIR names another place): %w", err)
	}
	var servers []*server.Server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	fmt.Fprintf(out, "KVS demo  %d nodes in this process, data in %s, gone on exit\n", nodes, dir)
	for i := range nodes {
		s, err := server.Start(demoConfig(dir, i, port), slog.New(slog.DiscardHandler))
		if err != nil {
			return fmt.Errorf("node %s: %w", demoNames[i], err)
		}
		servers = append(servers, s)
	}
	secret := filepath.Join(dir, demoNames[0], server.AdminTokenFile)
	token, err := awaitToken(ctx, secret)
	if err != nil {
		return err
	}
	if err := loadSample(ctx, servers[0].Address(), token); err != nil {
		return err
	}
	if !waitEqual(ctx, servers, demoKeys) {
		if ctx.Err() != nil {
			return nil
		}
		return errors.New("the nodes did not become equal within 30 seconds")
	}
	printDemo(out, servers, secret, time.Since(began))
	select {
	case <-ctx.Done():
	case err = <-anyFailed(servers):
	}
	return err
}

func demoConfig(dir string, i, port int) config.Config {
	cfg := config.Default()
	cfg.NodeID = demoNames[i]
	cfg.Port = port + i
	cfg.DataDir = filepath.Join(dir, cfg.NodeID)
	cfg.BackupPath = filepath.Join(dir, "backups-"+cfg.NodeID)
	cfg.ShutdownTimeout = time.Second
	cfg.RateLimitingEnabled = false // it is there to be tried, with loops too
	if i > 0 {
		cfg.SeedNodes = []string{net.JoinHostPort(cfg.BindAddress, strconv.Itoa(port))}
	}
	return cfg
}

// awaitToken reads the token that the first node writes once it has a cluster. It is
// good on all nodes.
func awaitToken(ctx context.Context, file string) (token string, err error) {
	deadline, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		text, err := os.ReadFile(file)
		if err == nil {
			return strings.TrimSpace(string(text)), nil
		}
		select {
		case <-tick.C:
		case <-deadline.Done():
			return "", fmt.Errorf("the first node wrote no token within 30 seconds: %w", err)
		}
	}
}

// waitEqual waits until all nodes see each other and hold the same keys.
func waitEqual(ctx context.Context, servers []*server.Server, keys uint64) bool {
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if equal(servers, keys) {
			return true
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func equal(servers []*server.Server, keys uint64) bool {
	first, live, err := servers[0].Digest()
	if err != nil || live < keys {
		return false
	}
	for _, s := range servers {
		root, _, err := s.Digest()
		if err != nil || root != first || len(s.Status().Members) != len(servers) {
			return false
		}
	}
	return true
}

func printDemo(out io.Writer, servers []*server.Server, secret string, took time.Duration) {
	for i, s := range servers {
		root, live, _ := s.Digest() // has just worked
		fmt.Fprintf(out, "  %-8s http://%s  up  %d keys  root %x\n", demoNames[i], s.Address(), live, root[:4])
	}
	a, b := servers[0].Address(), servers[len(servers)-1].Address()
	fmt.Fprintf(out, `  all nodes hold the same data (%.1f s after start)
  Try, in another terminal:
    export KVS_ADDR=http://%s KVS_TOKEN_FILE=%s
    H="Authorization: Bearer $(cat $KVS_TOKEN_FILE)"
    curl -H "$H" -X PUT http://%s/kv/users/john -H 'Content-Type: application/json' -d '{"name":"John"}'
    curl -H "$H" http://%s/kv/users/john
    curl -H "$H" 'http://%s/kv/_range?start_key=rooms/&end_key=rooms0&limit=3'
    kvs sync status
  Ctrl-C ends the demo.
`, took.Seconds(), a, secret, a, b, b)
}

// anyFailed yields the first failure of a node.
func anyFailed(servers []*server.Server) <-chan error {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- <-s.Failed() }()
	}
	return failed
}
