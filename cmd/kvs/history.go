package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// version is a version of a key, as the API tells it.
type version struct {
	UUID      string          `json:"uuid"`
	Timestamp int64           `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
	Deleted   bool            `json:"deleted"`
	Origin    string          `json:"origin"`
	State     string          `json:"state"`
	Conflict  bool            `json:"conflict"`
	Rule      string          `json:"rule"`
	Text      string          `json:"text"`
}

// shown is a value in a table: one line, and not all of a long one.
func (v *version) shown() string {
	const most = 60
	text := strings.Join(strings.Fields(string(v.Data)), " ")
	switch {
	case v.Deleted:
		return "(deleted)"
	case len(text) > most:
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// clock prints a time in Unix milliseconds.
func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func historyCommand(via http.RoundTripper) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "history KEY", Short: "Show what a key was, as far as the node keeps it",
		Example: "  kvs history users/john\n  kvs history users/john --limit 3 -o json", Args: exactly("KEY"),
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many versions")
	return asking(via, cmd, func(r *remote, args []string) error {
		var got struct{ Revisions []version }
		out, err := r.ask(cmd.Context(), http.MethodGet, keyPath(args[0])+"?revisions="+strconv.Itoa(limit), "", &got)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		return table(cmd.OutOrStdout(), func(t io.Writer) {
			fmt.Fprintln(t, "VERSION\tTIME\tFROM\tSTATE\tVALUE")
			for i := range got.Revisions {
				v := &got.Revisions[i]
				state := v.State
				if v.Conflict {
					state += ", lost a conflict by " + v.Rule
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.UUID, clock(v.Timestamp), v.Origin, state, v.shown())
			}
		})
	})
}

// revertCommand writes an old value as a new version.
func revertCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "revert KEY VERSION", Short: "Give a key a value again that it had",
		Long:    "Writes the value of VERSION as a new version, which never expires.",
		Example: "  kvs history users/john\n  kvs revert users/john ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11",
		Args:    exactly("KEY", "VERSION"),
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		was, err := r.call(cmd.Context(), http.MethodGet, keyPath(args[0])+"?raw&rev="+url.QueryEscape(args[1]), "")
		if err != nil {
			return err
		}
		out, err := r.call(cmd.Context(), http.MethodPut, keyPath(args[0])+"?raw=true", string(was))
		return r.showVersion(cmd, args[0], out, err)
	})
}

func conflictsCommand(via http.RoundTripper) *cobra.Command {
	var prefix string
	var limit int
	list := func(r *remote, cmd *cobra.Command) error {
		query := url.Values{"limit": {strconv.Itoa(limit)}}
		if prefix != "" {
			query.Set("prefix", prefix)
		}
		var got struct {
			Conflicts []struct {
				At            int64
				Key, Rule     string
				Winner, Loser version
			}
		}
		out, err := r.ask(cmd.Context(), http.MethodGet, "/conflicts?"+query.Encode(), "", &got)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		return table(cmd.OutOrStdout(), func(t io.Writer) {
			fmt.Fprintln(t, "TIME\tKEY\tWINNER\tLOSER\tRULE")
			for _, c := range got.Conflicts {
				fmt.Fprintf(t, "%s\t%s\t%s from %s\t%s from %s\t%s\n", clock(c.At), c.Key, c.Winner.UUID, c.Winner.Origin,
					c.Loser.UUID, c.Loser.Origin, c.Rule)
			}
		})
	}
	cmd := &cobra.Command{
		Use: "conflicts", Short: "List the writes that lost to others made at the same time, as this node saw them",
		Example: "  kvs conflicts\n  kvs conflicts --prefix users/\n  kvs conflicts show users/john", Args: exactly(),
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "of keys that begin so")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many, the newest first")
	asking(via, cmd, func(r *remote, _ []string) error { return list(r, cmd) })
	cmd.AddCommand(conflictCommand(via))
	return cmd
}

// conflictCommand says of one key why it is as it is.
func conflictCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show KEY", Short: "Say why a key has the value that it has",
		Example: "  kvs conflicts show users/john", Args: exactly("KEY"),
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		var got struct{ Candidates []version }
		out, err := r.ask(cmd.Context(), http.MethodGet, keyPath(args[0])+"?explain", "", &got)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		for i := range got.Candidates {
			v := &got.Candidates[i]
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  from %s\n  %s\n", v.UUID, clock(v.Timestamp), v.Origin, v.Text)
		}
		return nil
	})
}

// rewound sums up the answers of a rewind.
type rewound struct {
	Unchanged, Restored, Deleted, Expired, Unknown, Busy int64
	LookAt                                               []string `json:"look_at"`
	UndoAt                                               int64    `json:"undo_at"`
	Next, Stopped                                        string
}

func (sum *rewound) add(r *rewound) {
	sum.Unchanged, sum.Restored, sum.Deleted = sum.Unchanged+r.Unchanged, sum.Restored+r.Restored, sum.Deleted+r.Deleted
	sum.Expired, sum.Unknown, sum.Busy = sum.Expired+r.Expired, sum.Unknown+r.Unknown, sum.Busy+r.Busy
	sum.LookAt = append(sum.LookAt, r.LookAt...)
	sum.UndoAt = cmp.Or(sum.UndoAt, r.UndoAt) // the first one undoes all
}

func rewindCommand(via http.RoundTripper) *cobra.Command {
	var to string
	var dry, yes bool
	cmd := &cobra.Command{
		Use: "rewind PREFIX", Short: "Make all keys below a prefix again what they were at a time",
		Long:    "Writes old values as new versions, so that it can be undone. It takes a token of scope admin.",
		Example: "  kvs rewind users/ --to 10m --dry-run\n  kvs rewind users/ --to 2026-01-31T08:00:00Z --yes", Args: exactly("PREFIX"),
	}
	cmd.Flags().StringVar(&to, "to", "", "when: a time (RFC 3339, or Unix milliseconds), or how long ago, such as 10m")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count what would change, and change nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return asking(via, cmd, func(r *remote, args []string) error {
		at, err := parseTime(to, time.Now())
		if err != nil {
			return usage{err}
		}
		if dry == yes {
			return usage{errors.New("rewind needs --dry-run or --yes. Try: --dry-run first")}
		}
		var sum rewound
		for next := ""; ; {
			body, _ := json.Marshal(map[string]any{"prefix": args[0], "at": at, "dry_run": dry, "next": next})
			var got rewound
			out, err := r.ask(cmd.Context(), http.MethodPost, "/admin/rewind", string(body), &got)
			if err != nil {
				return err
			}
			if r.format == "json" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n", out)
			}
			sum.add(&got)
			sum.Stopped = got.Stopped
			if next = got.Next; next == "" || sum.Stopped != "" {
				break
			}
		}
		if r.format != "json" {
			sum.print(cmd, dry)
		}
		if sum.Stopped != "" {
			return &failure{exitOther, "the rewind stopped: " + sum.Stopped, "the same again, which goes on with what is left"}
		}
		return nil
	})
}

func (sum *rewound) print(cmd *cobra.Command, dry bool) {
	done := ""
	if dry {
		done = "would be "
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%d keys %srestored, %d deleted; %d are as they were\n", sum.Restored, done, sum.Deleted, sum.Unchanged)
	for _, left := range []struct {
		count int64
		why   string
	}{
		{sum.Expired, "had values that have expired since"},
		{sum.Unknown, "are left as they are: what they were is not kept"},
		{sum.Busy, "are left as they are: others write to them"},
	} {
		if left.count > 0 {
			fmt.Fprintf(out, "%d %s\n", left.count, left.why)
		}
	}
	for _, key := range sum.LookAt {
		fmt.Fprintf(out, "  %s\n", key)
	}
	if sum.UndoAt != 0 {
		fmt.Fprintf(out, "to undo: kvs rewind %s --to %d --yes\n", cmd.Flags().Arg(0), sum.UndoAt)
	}
}

// parseTime reads a time as people write it, in Unix milliseconds.
func parseTime(text string, now time.Time) (int64, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms > 0 {
		return ms, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago).UnixMilli(), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UnixMilli(), nil
	}
	return 0, fmt.Errorf("--to must be a time or how long ago, not %q. Try: --to 10m, or --to %s", text,
		now.Add(-time.Hour).UTC().Format(time.RFC3339))
}
