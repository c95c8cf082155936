package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/durable"
)

var logLevels = []string{"debug", "info", "warn", "error"}

// profiles are those of net/http/pprof; the ones in time take --seconds.
var profiles = []string{"allocs", "block", "goroutine", "heap", "mutex", "profile", "threadcreate", "trace"}

func debugCommand(via http.RoundTripper) *cobra.Command {
	return parent(&cobra.Command{
		Use: "debug", Short: "Look into a running node, or set up something to look at",
		Example: "  kvs debug log-level debug\n  kvs debug pprof heap > heap.pb.gz\n  kvs debug bundle kvs.tar.gz",
	}, logLevelCommand(via), pprofCommand(via), flightCommand(via), bundleCommand(via), makeConflictCommand())
}

func logLevelCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "log-level [debug|info|warn|error]", Short: "Show or set what a node logs, until its next start",
		Long:    "The node needs debug_endpoints: true. Its setting log_level counts again once that changes.",
		Example: "  kvs debug log-level\n  kvs debug log-level debug", Args: atMostOne, ValidArgs: logLevels,
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		method, request := http.MethodGet, ""
		if len(args) == 1 {
			if !slices.Contains(logLevels, args[0]) {
				return usage{fmt.Errorf("the level must be debug, info, warn or error, not %q. Try: kvs debug log-level debug", args[0])}
			}
			method, request = http.MethodPut, body(map[string]string{"level": args[0]})
		}
		var answer struct {
			Level string `json:"level"`
		}
		out, err := r.ask(cmd.Context(), method, "/debug/log-level", request, &answer)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), answer.Level)
		return nil
	})
}

// secondsMax bounds a profile in time: below the wait for an answer.
const secondsMax = 50

func pprofCommand(via http.RoundTripper) *cobra.Command {
	var seconds int
	r := &remote{via: via, output: output{wanted: "table"}}
	cmd := &cobra.Command{
		Use: "pprof PROFILE", Short: "Write a profile of a node to standard output, for go tool pprof",
		Long: "PROFILE is one of " + strings.Join(profiles, ", ") + ". The node needs\n" +
			"debug_endpoints: true.",
		Example: "  kvs debug pprof heap > heap.pb.gz\n  kvs debug pprof profile --seconds 10 > cpu.pb.gz",
		Args:    exactly("PROFILE"), ValidArgs: profiles,
	}
	cmd.Flags().IntVar(&seconds, "seconds", 10, "how long profile and trace take, at most 50")
	r.whereFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case !slices.Contains(profiles, args[0]):
			return usage{fmt.Errorf("there is no profile %q. Try: %s", args[0], strings.Join(profiles, ", "))}
		case seconds < 1 || seconds > secondsMax:
			return usage{fmt.Errorf("--seconds must be from 1 to %d, not %d. Try: --seconds 10", secondsMax, seconds)}
		}
		if err := r.locate(); err != nil {
			return err
		}
		path := "/debug/pprof/" + args[0]
		if args[0] == "profile" || args[0] == "trace" {
			path += "?seconds=" + strconv.Itoa(seconds)
		}
		out, err := r.call(cmd.Context(), http.MethodGet, path, "")
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(out)
		return err
	}
	return cmd
}

func flightCommand(via http.RoundTripper) *cobra.Command {
	r := &remote{via: via, output: output{wanted: "table"}}
	cmd := &cobra.Command{
		Use: "flight FILE", Short: "Copy what a node recorded of its last steps, for sim replay",
		Long: "Every input of the state machine with a hash of what it asked for, so that sim replay runs the\n" +
			"same again and names the first step that differs. FILE has keys of records, names and addresses\n" +
			"of members, and the key of the digest tree; values are lengths and hashes under a key that nobody\n" +
			"keeps. The node needs debug_endpoints: true.",
		Example: "  kvs debug flight a.flight\n  sim replay a.flight", Args: exactly("FILE"),
	}
	r.whereFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.locate(); err != nil {
			return err
		}
		return r.intoFile(cmd, args[0], "the recording", func(f *os.File) error {
			if err := r.client.Download(cmd.Context(), "/debug/flight", f); err != nil {
				return r.failed(err)
			}
			return nil
		})
	}
	return cmd
}

// intoFile makes a file that is not there yet.
func (r *remote) intoFile(cmd *cobra.Command, path, what string, write func(*os.File) error) error {
	if _, err := os.Lstat(path); err == nil {
		return &failure{exitConflict, "there is a file " + path + " already", "another name"}
	}
	err := durable.Create(path, write)
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if err != nil {
		return fmt.Errorf("write %s: %w. Try: another directory", what, err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), "wrote", path)
	return nil
}

// bundled is what a bundle holds, by the names of its files.
var bundled = [][2]string{
	{"version.json", "/version"}, {"health.json", "/health"}, {"ready.txt", "/readyz?verbose"}, {"status.json", "/status"},
	{"members.json", "/members/"}, {"sync.json", "/sync/status"}, {"metrics.txt", "/metrics"},
	{"goroutines.txt", "/debug/pprof/goroutine?debug=1"}, {"heap.pb.gz", "/debug/pprof/heap"},
}

func bundleCommand(via http.RoundTripper) *cobra.Command {
	r := &remote{via: via, output: output{wanted: "table"}}
	cmd := &cobra.Command{
		Use: "bundle FILE", Short: "Gather what somebody needs to look into a node, as a .tar.gz",
		Long: "Holds the version, health, status, members, sync and metrics of the node and, with\n" +
			"debug_endpoints: true, profiles. It has no keys, values, tokens or secrets. What the node\n" +
			"does not answer is named in errors.txt.",
		Example: "  kvs debug bundle kvs.tar.gz", Args: exactly("FILE"),
	}
	r.whereFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.locate(); err != nil {
			return err
		}
		if _, err := r.call(cmd.Context(), http.MethodGet, "/health", ""); err != nil {
			return err
		}
		return r.intoFile(cmd, args[0], "the bundle", func(f *os.File) error { return r.bundle(cmd.Context(), f) })
	}
	return cmd
}

// bundle writes all answers as a compressed archive.
func (r *remote) bundle(ctx context.Context, out io.Writer) error {
	packed := gzip.NewWriter(out)
	files := tar.NewWriter(packed)
	missing := ""
	for _, b := range bundled {
		text, err := r.call(ctx, http.MethodGet, b[1], "")
		if err != nil {
			missing += b[0] + ": " + err.Error() + "\n"
			continue
		}
		if err := addFile(files, b[0], text); err != nil {
			return err
		}
	}
	if missing != "" {
		if err := addFile(files, "errors.txt", []byte(missing)); err != nil {
			return err
		}
	}
	return errors.Join(files.Close(), packed.Close())
}

func addFile(files *tar.Writer, name string, text []byte) error {
	head := &tar.Header{Name: "kvs/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Now()}
	if err := files.WriteHeader(head); err != nil {
		return err
	}
	_, err := files.Write(text)
	return err
}
