package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/client"
)

// watchAttempts is how often in a row a node may say nothing before watch gives up.
const watchAttempts = 8

// watching is what was asked to be watched.
type watching struct {
	since    string
	snapshot bool
	count    int
	command  []string // to run for each change
}

func watchCommand(via http.RoundTripper) *cobra.Command {
	var w watching
	cmd := &cobra.Command{
		Use: "watch [PREFIX] [-- COMMAND...]", Short: "Print changes as they happen, or run a command for each",
		Long: "Goes on by itself when the node is away for a while. The command gets KVS_WATCH_OP, _KEY, _VALUE,\n" +
			"_UUID and _CURSOR in its environment, and the value on its standard input.",
		Example: "  kvs watch users/\n  kvs watch users/ --snapshot --count 10\n  kvs watch jobs/ -- sh -c 'echo $KVS_WATCH_KEY'",
	}
	cmd.Flags().StringVar(&w.since, "since", client.SinceNow, "now, start, or a cursor that was printed with -o json")
	cmd.Flags().BoolVar(&w.snapshot, "snapshot", false, "begin with all that is stored: --since start")
	cmd.Flags().IntVar(&w.count, "count", 0, "stop after so many changes; 0 never")
	return asking(via, cmd, func(r *remote, args []string) error {
		if at := cmd.ArgsLenAtDash(); at >= 0 {
			args, w.command = args[:at], args[at:]
		}
		if len(args) > 1 {
			return usage{errors.New("one prefix is watched. Try: kvs watch --help")}
		}
		if w.snapshot {
			w.since = client.SinceStart
		}
		prefix := ""
		if len(args) == 1 {
			prefix = strings.TrimPrefix(args[0], "/")
		}
		r.attempts = watchAttempts
		if err := r.connect(); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
		defer stop()
		return w.run(ctx, cmd, r, prefix)
	})
}

func (w *watching) run(ctx context.Context, cmd *cobra.Command, r *remote, prefix string) error {
	seen := 0
	options := client.WatchOptions{Since: w.since, Prefix: prefix, Values: true}
	for change, err := range r.client.Watch(ctx, options) {
		switch {
		case ctx.Err() != nil:
			return &failure{exitInterrupted, "interrupted", "kvs watch --since CURSOR, which goes on where -o json was"}
		case err != nil:
			return r.failed(err)
		case change.Op == client.OpAllShown:
			continue
		}
		if err := w.tell(ctx, cmd, r, &change); err != nil {
			return err
		}
		if seen++; seen == w.count {
			return nil
		}
	}
	return nil
}

// tell prints a change, or runs the command for it.
func (w *watching) tell(ctx context.Context, cmd *cobra.Command, r *remote, c *client.Change) error {
	if len(w.command) > 0 {
		run := exec.CommandContext(ctx, w.command[0], w.command[1:]...)
		run.Stdin, run.Stdout, run.Stderr = strings.NewReader(string(c.Data)), cmd.OutOrStdout(), cmd.ErrOrStderr()
		run.Env = append(os.Environ(), "KVS_WATCH_OP="+c.Op, "KVS_WATCH_KEY="+c.Key, "KVS_WATCH_VALUE="+string(c.Data),
			"KVS_WATCH_UUID="+string(c.Version), "KVS_WATCH_CURSOR="+c.Cursor)
		if err := run.Run(); err != nil {
			return &failure{exitOther, fmt.Sprintf("%s: %v, for %s of %s", w.command[0], err, c.Op, c.Key),
				"the command by itself, with KVS_WATCH_KEY=" + c.Key}
		}
		return nil
	}
	if r.format == "json" {
		line := map[string]any{"op": c.Op, "key": c.Key, "uuid": string(c.Version), "timestamp": c.Timestamp.UnixMilli()}
		if c.Data != nil {
			line["data"] = json.RawMessage(c.Data)
		}
		if c.Cursor != "" {
			line["cursor"] = c.Cursor
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
		return nil
	}
	value := version{Data: c.Data}
	fmt.Fprintf(cmd.OutOrStdout(), "%-6s %s %s  %s\n", c.Op, c.Timestamp.UTC().Format(time.RFC3339), c.Key, value.shown())
	return nil
}
