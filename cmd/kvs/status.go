package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// nodeStatus is the answer to GET /status, as far as commands look at it.
type nodeStatus struct {
	NodeID   string   `json:"node_id"`
	Version  string   `json:"version"`
	UptimeMs int64    `json:"uptime_ms"`
	Status   string   `json:"status"`
	Mode     string   `json:"mode"`
	Ready    bool     `json:"ready"`
	Reasons  []string `json:"reasons"`
	Probes   []struct {
		Name string `json:"name"`
		OK   bool   `json:"ok"`
		Why  string `json:"why"`
	} `json:"probes"`
	Members []struct {
		ID        string `json:"id"`
		Address   string `json:"address"`
		Self      bool   `json:"self"`
		State     string `json:"state"`
		Connected bool   `json:"connected"`
		Converged bool   `json:"converged"`
		Missing   uint64 `json:"missing_dots"`
		LastEqual int64  `json:"last_equal"`
		RTTMs     *int64 `json:"rtt_ms"`
		SkewMs    *int64 `json:"skew_ms"`
	} `json:"members"`
	Sync struct {
		Converged  bool   `json:"converged"`
		Root       string `json:"root"`
		Keys       uint64 `json:"keys"`
		Tombstones uint64 `json:"tombstones"`
	} `json:"sync"`
	Storage struct {
		DataDir string `json:"data_dir"`
		Tree    int64  `json:"lsm_bytes"`
		Log     int64  `json:"vlog_bytes"`
	} `json:"storage"`
	Disk *struct {
		Free  uint64 `json:"free_bytes"`
		Total uint64 `json:"total_bytes"`
	} `json:"disk"`
	Audit *struct {
		Entries uint64 `json:"entries"`
		OK      bool   `json:"ok"`
	} `json:"audit"`
	Settings map[string]string `json:"settings"`
}

// well says that nobody has to look at the node.
func (s *nodeStatus) well() bool { return s.Ready && s.Status == "ok" }

// troubles are what is wrong, each once.
func (s *nodeStatus) troubles() (out []string) {
	for _, p := range s.Probes {
		if !p.OK {
			out = append(out, p.Name+": "+p.Why)
		}
	}
	return append(out, s.Reasons...)
}

func statusCommand(via http.RoundTripper) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "status", Short: "Show how a node is: its data, its members, its disk and its settings",
		Long:    "Exits with 8 unless the node is ready and nobody has to look at it.",
		Example: "  kvs status\n  kvs status -o json --addr http://10.0.0.2:8080\n  kvs status --wait 30s",
		Args:    exactly(),
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait until the node is ready, at most so long")
	return asking(via, cmd, func(r *remote, _ []string) error {
		if wait > 0 {
			if err := r.awaitReady(cmd.Context(), wait); err != nil {
				return err
			}
		}
		var s nodeStatus
		body, err := r.ask(cmd.Context(), http.MethodGet, "/status", "", &s)
		if err != nil {
			return err
		}
		if r.format == "json" {
			err = show(cmd, body, nil)
		} else {
			err = printNode(cmd.OutOrStdout(), &s)
		}
		if err == nil && !s.well() {
			err = unwell(&s)
		}
		return err
	})
}

// awaitReady waits until a node is ready, or the time is over. Each time it asks with a new
// client, since one spares a node that was not ready a moment ago.
func (r *remote) awaitReady(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		_, err := r.call(ctx, http.MethodGet, "/readyz", "")
		if fresh := r.connect(); fresh != nil || err == nil {
			return fresh
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil // the status says how far it is
		}
	}
}

// readyEvery is how often a node is asked whether it is ready.
const readyEvery = 200 * time.Millisecond

// unwell is the error of a node that somebody should look at.
func unwell(s *nodeStatus) error {
	text := s.NodeID + " is " + s.Status
	if !s.Ready {
		text = s.NodeID + " is not ready"
	}
	if list := s.troubles(); len(list) > 0 {
		text += ": " + list[0]
	}
	return &failure{exitNotConverged, text, "kvs sync status, and the log of the node"}
}

func printNode(out io.Writer, s *nodeStatus) error {
	fmt.Fprintf(out, "%s  %s, %s, version %s, up %s\n", s.NodeID, s.Status, s.Mode, s.Version, span(s.UptimeMs))
	fmt.Fprintf(out, "data     %d keys, %d deletes remembered, root %.8s\n", s.Sync.Keys, s.Sync.Tombstones, s.Sync.Root)
	fmt.Fprintf(out, "storage  %s in %s", size(uint64(s.Storage.Tree+s.Storage.Log)), s.Storage.DataDir)
	if s.Disk != nil {
		fmt.Fprintf(out, ", %s of %s free", size(s.Disk.Free), size(s.Disk.Total))
	}
	fmt.Fprintln(out)
	if s.Audit != nil {
		fmt.Fprintf(out, "audit    %d entries, %s\n", s.Audit.Entries, okOr(s.Audit.OK, "not as it was written"))
	}
	for _, text := range s.troubles() {
		fmt.Fprintln(out, "look at  "+text)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Settings)) {
		fmt.Fprintf(out, "setting  %s: %s\n", key, s.Settings[key])
	}
	return table(out, func(w io.Writer) {
		fmt.Fprintln(w, "MEMBER\tADDRESS\tSTATE\tDATA\tMISSING HERE\tRTT\tCLOCK")
		for _, m := range s.Members {
			data := okOr(m.Converged, "differs")
			if m.Self {
				data = "this node"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", m.ID, m.Address,
				okOr(m.Connected, "away ("+m.State+")"), data, m.Missing, inMillis(m.RTTMs), inMillis(m.SkewMs))
		}
	})
}

func okOr(ok bool, otherwise string) string {
	if ok {
		return "ok"
	}
	return otherwise
}

func inMillis(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return fmt.Sprintf("%d ms", *ms)
}

// size words a number of bytes.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, u := float64(n)/1024, 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	return fmt.Sprintf("%.1f %ciB", v, units[u])
}

// Exit codes that Nagios and its kin ask of a plugin.
const (
	nagiosWarning  = 1
	nagiosCritical = 2
)

func checkCommand(via http.RoundTripper) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "check", Short: "Judge a node, for scripts and monitoring",
		Long: "Exits with 0 if all is well, with 8 if somebody should look at the node, and with 6 if it\n" +
			"does not answer. With --format nagios the codes are those of a plugin: 1 if somebody\n" +
			"should look at it, 2 if it is not ready or does not answer.",
		Example: "  kvs check\n  kvs check --format nagios --addr http://10.0.0.2:8080",
		Args:    exactly(),
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, json, nagios or prometheus")
	return asking(via, cmd, func(r *remote, _ []string) error {
		if !slices.Contains([]string{"text", "json", "nagios", "prometheus"}, format) {
			return usage{fmt.Errorf("--format must be text, json, nagios or prometheus, not %q. Try: --format text", format)}
		}
		var s nodeStatus
		_, err := r.ask(cmd.Context(), http.MethodGet, "/status", "", &s)
		switch format {
		case "nagios":
			return plugin(cmd.OutOrStdout(), &s, err)
		case "prometheus":
			return textfile(cmd.OutOrStdout(), r.addr, &s, err)
		}
		if err != nil {
			return err
		}
		if err = judge(cmd.OutOrStdout(), format, &s); err == nil && !s.well() {
			err = unwell(&s)
		}
		return err
	})
}

// judge prints each thing that was looked at.
func judge(out io.Writer, format string, s *nodeStatus) error {
	if format == "json" {
		list := s.troubles()
		if list == nil {
			list = []string{}
		}
		return json.NewEncoder(out).Encode(map[string]any{
			"node_id": s.NodeID, "ok": s.well(), "ready": s.Ready, "troubles": list,
		})
	}
	for _, p := range s.Probes {
		fmt.Fprintf(out, "%-8s %s\n", p.Name, okOr(p.OK, p.Why))
	}
	for _, text := range s.Reasons {
		fmt.Fprintln(out, "look at  "+text)
	}
	return nil
}

// textfile prints metrics for a collector that reads files, such as node_exporter's: also
// of a node that does not answer, which has none of its own.
func textfile(out io.Writer, addr string, s *nodeStatus, err error) error {
	up, ready, well := err == nil, err == nil && s.Ready, err == nil && s.well()
	for _, m := range []struct {
		name, help string
		value      bool
	}{
		{"kvs_check_up", "Whether the node answers.", up}, {"kvs_check_ready", "Whether it is ready.", ready},
		{"kvs_check_ok", "Whether nobody has to look at it.", well},
	} {
		value := 0
		if m.value {
			value = 1
		}
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n%s{addr=%q} %d\n", m.name, m.help, m.name, m.name, addr, value)
	}
	if err == nil && !well {
		return unwell(s)
	}
	return err
}

// plugin prints the one line that Nagios reads, with performance data behind the bar.
func plugin(out io.Writer, s *nodeStatus, err error) error {
	var f *failure
	switch {
	case errors.As(err, &f):
		fmt.Fprintln(out, "KVS CRITICAL - "+f.text)
		return &failure{nagiosCritical, f.text, f.try}
	case err != nil:
		return err
	}
	word, code := "OK", 0
	switch {
	case !s.Ready:
		word, code = "CRITICAL", nagiosCritical
	case !s.well():
		word, code = "WARNING", nagiosWarning
	}
	text := fmt.Sprintf("%s %s", s.NodeID, s.Mode)
	if list := s.troubles(); len(list) > 0 {
		text += ": " + strings.ReplaceAll(strings.Join(list, "; "), "|", "/")
	}
	fmt.Fprintf(out, "KVS %s - %s | keys=%d tombstones=%d members=%d", word, text, s.Sync.Keys, s.Sync.Tombstones, len(s.Members))
	if s.Disk != nil {
		fmt.Fprintf(out, " disk_free=%dB", s.Disk.Free)
	}
	fmt.Fprintln(out)
	if code == 0 {
		return nil
	}
	return &failure{code, text, "kvs status"}
}
