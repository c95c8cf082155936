package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// pollEvery is how often sync wait looks.
const pollEvery = 200 * time.Millisecond

// syncStatus is the answer to GET /sync/status.
type syncStatus struct {
	NodeID    string `json:"node_id"`
	Mode      string `json:"mode"`
	Root      string `json:"root"`
	Keys      int64  `json:"keys"`
	Converged bool   `json:"converged"`
	Peers     []struct {
		peerRow
		Connected bool   `json:"connected"`
		State     string `json:"state"`
		Missing   uint64 `json:"missing_dots"`
		Lacking   uint64 `json:"lacking_dots"`
		Bytes     uint64 `json:"bytes"`
		OldestMs  int64  `json:"oldest_ms"`
		EqualRoot bool   `json:"equal_root"`
		Digested  int64  `json:"last_digest"`
		Scrubbed  int64  `json:"last_scrub"`
	} `json:"peers"`
	Collection struct {
		Tombstones   uint64    `json:"tombstones"`
		BlockedBy    []peerRow `json:"blocked_by"`
		BlockedSince int64     `json:"blocked_since_ms"`
		Pins         int       `json:"pins"`
	} `json:"collection"`
	Copy struct {
		Phase string `json:"phase"`
	} `json:"copy"`
}

func syncCommand(via http.RoundTripper) *cobra.Command {
	return parent(&cobra.Command{
		Use: "sync", Short: "See and start the comparison of nodes",
		Example: "  kvs sync status\n  kvs sync wait --timeout 10s\n  kvs sync diff gamma --keys",
	}, syncStatusCommand(via), syncWaitCommand(via), syncNowCommand(via), syncDiffCommand(via), syncTreeCommand(via))
}

func syncStatusCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show how far the node and each member are apart",
		Long: "Exits with 8 unless every member is connected and has the same data, as far as the\n" +
			"node that is asked knows.",
		Example: "  kvs sync status\n  kvs sync status -o json --addr http://10.0.0.2:8080",
		Args:    exactly(),
	}
	return asking(via, cmd, func(r *remote, _ []string) error {
		var s syncStatus
		body, err := r.ask(cmd.Context(), http.MethodGet, "/sync/status", "", &s)
		if err != nil {
			return err
		}
		if r.format == "json" {
			err = show(cmd, body, nil)
		} else {
			err = printStatus(cmd.OutOrStdout(), &s)
		}
		if err == nil && !s.Converged {
			err = notConverged(&s)
		}
		return err
	})
}

func printStatus(out io.Writer, s *syncStatus) error {
	fmt.Fprintf(out, "%s  %s, %d keys, root %.8s\n", s.NodeID, s.Mode, s.Keys, s.Root)
	if s.Copy.Phase != "" && s.Copy.Phase != "none" {
		fmt.Fprintf(out, "copy of the cluster's data under way: %s\n", s.Copy.Phase)
	}
	switch c := &s.Collection; {
	case len(c.BlockedBy) > 0:
		fmt.Fprintf(out, "%d deletes remembered until there is word from %s (waiting since %s)\n",
			c.Tombstones, names(c.BlockedBy), ago(c.BlockedSince))
	case c.Pins > 0:
		fmt.Fprintf(out, "%d deletes remembered until %d copies taken from here are complete\n",
			c.Tombstones, c.Pins)
	}
	if len(s.Peers) == 0 {
		return nil
	}
	return table(out, func(w io.Writer) {
		fmt.Fprintln(w, "PEER\tSTATE\tDATA\tMISSING HERE\tMISSING THERE\tUNACKED\tLAST DIGEST\tLAST SCRUB")
		for i := range s.Peers {
			p := &s.Peers[i]
			state, data, missing := "connected", "differs", strconv.FormatUint(p.Missing, 10)
			if !p.Connected {
				state = "unreachable (" + p.State + ")"
			}
			switch {
			case p.Digested == 0:
				data = "unknown"
			case p.EqualRoot:
				data = "equal"
			}
			if p.Missing > 0 {
				missing += " for " + span(p.OldestMs)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d B\t%s\t%s\n", p.ID, state, data, missing, p.Lacking,
				p.Bytes, ago(p.Digested), ago(p.Scrubbed))
		}
	})
}

// notConverged names the first member that is to blame.
func notConverged(s *syncStatus) error {
	text, try := "not converged", "kvs sync wait"
	for i := range s.Peers {
		p := &s.Peers[i]
		switch {
		case !p.Connected:
			text += ": " + p.ID + " cannot be reached"
			try = "kvs sync wait, or kvs cluster forget " + p.ID + " if it never comes back"
		case p.Missing > 0:
			text += fmt.Sprintf(": %s has %d writes that %s lacks", p.ID, p.Missing, s.NodeID)
		case p.Lacking > 0:
			text += fmt.Sprintf(": %s lacks %d writes of %s", p.ID, p.Lacking, s.NodeID)
		case !p.EqualRoot:
			text += ": the data of " + p.ID + " differ"
			try = "kvs sync wait, or kvs sync diff " + p.ID
		default:
			continue
		}
		break
	}
	return &failure{exitNotConverged, text, try}
}

func syncWaitCommand(via http.RoundTripper) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "wait", Short: "Wait until all members have the same data",
		Long: "Exits with 8 if that does not happen in time, and with 6 if the node that is asked\n" +
			"cannot be reached at the end.",
		Example: "  kvs sync wait\n  kvs sync wait --timeout 10s",
		Args:    exactly(),
	}
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "the longest to wait")
	return asking(via, cmd, func(r *remote, _ []string) error {
		if timeout <= 0 {
			return usage{fmt.Errorf("--timeout must be more than 0, not %v. Try: --timeout 10s", timeout)}
		}
		began := time.Now()
		s, body, err := r.await(cmd.Context(), timeout)
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "converged after %s: %d nodes, root %.8s\n",
			span(time.Since(began).Milliseconds()), len(s.Peers)+1, s.Root)
		return nil
	})
}

// await asks again and again until the node says that it has converged.
func (r *remote) await(ctx context.Context, timeout time.Duration) (*syncStatus, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error
	for {
		s := &syncStatus{}
		body, err := r.ask(ctx, http.MethodGet, "/sync/status", "", s)
		switch {
		case err == nil && s.Converged:
			return s, body, nil
		case err == nil:
			last = notConverged(s)
		case ctx.Err() == nil || last == nil:
			last = err // else the time was up in the middle of it
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil, last
		}
	}
}

func syncNowCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "now [PEER]", Short: "Compare with one member, or with all, at once",
		Example: "  kvs sync now\n  kvs sync now gamma",
		Args:    atMostOne,
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		path := "/sync/now"
		if len(args) == 1 {
			path += "?peer=" + url.QueryEscape(args[0])
		}
		var begun struct {
			Peers []peerRow `json:"peers"`
		}
		body, err := r.ask(cmd.Context(), http.MethodPost, path, "", &begun)
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "comparing with", names(begun.Peers))
		return nil
	})
}

func syncDiffCommand(via http.RoundTripper) *cobra.Command {
	var keys bool
	cmd := &cobra.Command{
		Use: "diff PEER", Short: "Show which records differ from a member's right now",
		Long: "Nothing is repaired by it. A key is shown only if it is or was on the node that is\n" +
			"asked; of others there is the hash.",
		Example: "  kvs sync diff gamma\n  kvs sync diff gamma --keys",
		Args:    exactly("PEER"),
	}
	cmd.Flags().BoolVar(&keys, "keys", false, "show keys, not only their hashes")
	return asking(via, cmd, func(r *remote, args []string) error {
		query := url.Values{}
		if keys {
			query.Set("keys", "true")
		}
		d, body, err := r.compare(cmd, args[0], query)
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		if len(d.Differences) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "no differences from", d.Peer)
			return nil
		}
		err = table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "HASH\tWHERE\tKEY")
			for _, x := range d.Differences {
				fmt.Fprintf(w, "%s\t%s\t%s\n", x.Hash, x.where(), x.Key)
			}
		})
		if d.More {
			fmt.Fprintln(cmd.ErrOrStderr(), "there are more")
		}
		return err
	})
}
