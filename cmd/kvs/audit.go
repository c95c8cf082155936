package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/audit"
)

const (
	// auditPage is how many entries are asked for at a time.
	auditPage = 1000
	// auditTail is how many entries audit tail begins with.
	auditTail = 10
	// followEvery is how often audit tail -f looks.
	followEvery = time.Second
)

func auditCommand(via http.RoundTripper) *cobra.Command {
	return parent(&cobra.Command{
		Use: "audit", Short: "Read and verify the tamper-evident log",
		Example: "  kvs audit verify data/audit --addr http://10.0.0.2:8080\n  kvs audit tail -f\n" +
			"  kvs audit export --since 1000",
	}, auditVerifyCommand(via), auditTailCommand(via), auditExportCommand(via))
}

// auditVerifyCommand verifies the files themselves. It asks a node only if one is
// named.
func auditVerifyCommand(via http.RoundTripper) *cobra.Command {
	r := &remote{via: via}
	cmd := &cobra.Command{
		Use: "verify DIR", Short: "Verify the log in a directory, without its node",
		Long: "Reads all of audit_path, or of a copy of it, and exits with 9 and the number of the entry\n" +
			"if the log is not the one that was written. With --addr it asks another node for the\n" +
			"newest checkpoint that it keeps of this log: only that shows that the end was cut off,\n" +
			"or that all of it was forged by somebody who has the node's key.",
		Example: "  kvs audit verify data/audit\n  kvs audit verify data/audit --addr http://10.0.0.2:8080",
		Args:    exactly("DIR"),
	}
	r.flags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		finish, err := r.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		if err := r.check(cmd.Context()); err != nil {
			return err
		}
		var asked *remote
		if cmd.Flags().Changed("addr") || cmd.Flags().Changed("context") {
			asked = r
		}
		report, err := verifyAudit(cmd.Context(), args[0], asked)
		if err != nil {
			return wrongAudit(args[0], err)
		}
		if r.format == "json" {
			text, err := json.Marshal(report)
			return show(cmd, text, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "entries %d to %d verify, in %d segments with %d checkpoints; signed up to %d\n",
			report.First, report.Last, report.Segments, report.Checkpoints, report.Signed)
		if asked == nil {
			fmt.Fprintln(cmd.ErrOrStderr(), "whether entries are missing at the end, only another node can tell: --addr")
		}
		return nil
	}
	return cmd
}

// errNoAnchor says that a node keeps no checkpoint of a log.
var errNoAnchor = errors.New("keeps no checkpoint of the log")

// verifyAudit verifies a directory, against what a node keeps unless that is nil.
func verifyAudit(ctx context.Context, dir string, asked *remote) (audit.Report, error) {
	id, err := audit.Owner(dir)
	if err != nil {
		return audit.Report{}, err
	}
	o := audit.VerifyOptions{Replica: id}
	var key ed25519.PublicKey
	if key, o.Checkpoints, err = heldAgainst(ctx, dir, asked, id); err != nil {
		return audit.Report{}, err
	}
	if audit.LogID(key) != id {
		return audit.Report{}, fmt.Errorf("%w: the log says that it is %s, but its key is that of %s",
			audit.ErrTampered, id, audit.LogID(key))
	}
	sum := audit.LogID(key)
	o.Keys = map[string]ed25519.PublicKey{base64.RawURLEncoding.EncodeToString(sum[:]): key}
	report, err := audit.Verify(dir, o)
	if err != nil {
		return report, err
	}
	aside, err := audit.Aside(dir)
	if err == nil && len(aside) > 0 {
		err = fmt.Errorf("%w: %s was set aside: %s", audit.ErrTampered, aside[0], audit.AsideFinding(aside[0]))
	}
	if err == nil && asked != nil && len(o.Checkpoints) == 0 {
		err = unanchored(report, asked)
	}
	return report, err
}

// heldAgainst is what a log is verified with: what a node keeps of it, else the key beside it.
func heldAgainst(ctx context.Context, dir string, asked *remote, id audit.ReplicaID) (ed25519.PublicKey,
	[]audit.Checkpoint, error) {
	if asked != nil {
		a, err := anchorOf(ctx, asked, id)
		if !errors.Is(err, errNoAnchor) {
			return a.Key, []audit.Checkpoint{a.Checkpoint}, err
		}
	}
	key, err := publicKey(dir)
	return key, nil, err
}

// unanchored says what it means that a node keeps no checkpoint of a log that is
// consistent in itself. One that has signed none yet is young, or was begun anew by
// somebody else a moment ago: nobody can tell before there is a checkpoint.
func unanchored(r audit.Report, asked *remote) error {
	if r.Checkpoints == 0 {
		return &failure{exitNotConverged, fmt.Sprintf("no checkpoint yet: entries %d to %d are consistent in themselves, "+
			"but nothing is signed and %s keeps nothing to hold them against", r.First, r.Last, asked.addr),
			"again a minute after the node has begun its log"}
	}
	return fmt.Errorf("%w, or %s is of another cluster: it %w %s", audit.ErrTampered, asked.addr, errNoAnchor, r.Replica)
}

// publicKey is the key that lies beside the log.
func publicKey(dir string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, audit.PublicKeyFile))
	if err != nil {
		return nil, &failure{exitNotFound, err.Error(), "--addr of another node, which knows the key too"}
	}
	key, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: %s is no key", audit.ErrTampered, audit.PublicKeyFile)
	}
	return key, nil
}

// anchorOf is the checkpoint of a log that a node keeps.
func anchorOf(ctx context.Context, r *remote, id audit.ReplicaID) (audit.Anchor, error) {
	var answer struct{ Checkpoints []json.RawMessage }
	if _, err := r.ask(ctx, http.MethodGet, "/audit/checkpoints", "", &answer); err != nil {
		return audit.Anchor{}, err
	}
	for _, text := range answer.Checkpoints {
		var a audit.Anchor
		if json.Unmarshal(text, &a) == nil && a.Replica == id {
			return a, nil
		}
	}
	return audit.Anchor{}, errNoAnchor
}

// wrongAudit gives the errors of a verification their exit codes.
func wrongAudit(dir string, err error) error {
	switch {
	case errors.Is(err, audit.ErrTampered):
		return &failure{exitWrong, err.Error(), "keep a copy of " + dir + " before anything else, then compare it with " +
			"what kvs audit export has saved before"}
	case errors.Is(err, audit.ErrNoLog), errors.Is(err, os.ErrNotExist):
		return &failure{exitNotFound, err.Error(), "kvs audit verify DATA_DIR/audit"}
	}
	return err
}

// pages calls visit for each entry behind since, as it is logged, page by page,
// and returns the last number.
func pages(ctx context.Context, r *remote, since uint64, visit func(line []byte)) (uint64, error) {
	for {
		var page struct {
			Entries []json.RawMessage `json:"entries"`
			Next    uint64            `json:"next"`
		}
		path := fmt.Sprintf("/audit?since=%d&limit=%d", since, auditPage)
		if _, err := r.ask(ctx, http.MethodGet, path, "", &page); err != nil {
			return since, err
		}
		for _, line := range page.Entries {
			visit(line)
		}
		if len(page.Entries) == 0 {
			return since, nil
		}
		since = page.Next
	}
}

func auditExportCommand(via http.RoundTripper) *cobra.Command {
	var since uint64
	cmd := &cobra.Command{
		Use: "export", Short: "Print all entries of a node's log, one JSON object a line",
		Long: "Each line is exactly what is hashed, so a saved export can be compared with the log later.",
		Example: "  kvs audit export > audit.jsonl\n" +
			"  kvs audit export --since 1000 --addr http://10.0.0.2:8080",
		Args: exactly(),
	}
	cmd.Flags().Uint64Var(&since, "since", 0, "begin behind this entry")
	return asking(via, cmd, func(r *remote, _ []string) error {
		_, err := pages(cmd.Context(), r, since, func(line []byte) {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", line)
		})
		return err
	})
}

func auditTailCommand(via http.RoundTripper) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "tail", Short: "Print the newest entries of a node's log",
		Example: "  kvs audit tail\n  kvs audit tail -f --addr http://10.0.0.2:8080",
		Args:    exactly(),
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing new ones until interrupted")
	return asking(via, cmd, func(r *remote, _ []string) error {
		last, err := newest(cmd.Context(), r)
		if err != nil {
			return err
		}
		printLine := func(line []byte) { fmt.Fprintln(cmd.OutOrStdout(), entryLine(r.format, line)) }
		last, err = pages(cmd.Context(), r, last-min(last, auditTail), printLine)
		for follow && err == nil {
			select {
			case <-cmd.Context().Done():
				return nil
			case <-time.After(followEvery):
				last, err = pages(cmd.Context(), r, last, printLine)
			}
		}
		return err
	})
}

// newest is the number of the newest entry, which every page says.
func newest(ctx context.Context, r *remote) (uint64, error) {
	var page struct {
		Last uint64 `json:"last"`
	}
	_, err := r.ask(ctx, http.MethodGet, "/audit?since=0&limit=1", "", &page)
	return page.Last, err
}

// entryLine words an entry for people, or leaves it as it is.
func entryLine(format string, line []byte) string {
	var e struct {
		Number  uint64 `json:"n"`
		Time    int64  `json:"t"`
		Actor   string `json:"actor"`
		Action  string `json:"action"`
		Key     string `json:"key"`
		Version string `json:"version"`
		Set     string `json:"set"`
		Result  string `json:"result"`
	}
	if format == "json" || json.Unmarshal(line, &e) != nil {
		return string(line)
	}
	return fmt.Sprintf("%d  %s  %s  %s  %q  %s  %s", e.Number,
		time.UnixMilli(e.Time).UTC().Format(time.RFC3339), e.Actor, e.Action, e.Key, e.Result, e.Version+e.Set)
}
