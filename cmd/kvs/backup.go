package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"kvs/client"
	"kvs/internal/backup"
	"kvs/internal/durable"
)

// downloadBytes is how much of a file one request asks for.
const downloadBytes = 4 << 20

// backupRow is a backup as the API shows it.
type backupRow struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Time       int64  `json:"time"`
	Size       int64  `json:"size"`
	Keys       int64  `json:"keys"`
	Tombstones int64  `json:"tombstones"`
	System     int64  `json:"system"`
	Encrypted  bool   `json:"encrypted"`
	Verified   bool   `json:"verified"`
	Base       string `json:"base"`
	Kept       int64  `json:"kept"`
	Error      string `json:"error"`
}

func backupCommand(via http.RoundTripper) *cobra.Command {
	return parent(&cobra.Command{
		Use: "backup", Short: "Make, list and verify backups",
		Example: "  kvs backup create --out today.kvsbak\n  kvs backup ls\n  kvs backup verify today.kvsbak\n" +
			"  kvs backup prune --days 30 --yes",
	}, backupCreateCommand(via), backupListCommand(via), backupVerifyCommand(via), backupPruneCommand(via))
}

func backupCreateCommand(via http.RoundTripper) *cobra.Command {
	var out, identity string
	var incremental bool
	cmd := &cobra.Command{
		Use: "create", Short: "Make a backup of all data of a node",
		Long: "The file is in the node's backup_path; with --out there is a copy of it here. Whoever has\n" +
			"it has everything, users, rights and keys too, unless backup_recipients encrypts it. The copy\n" +
			"of an encrypted one is verified with --identity. --incremental keeps only what has changed\n" +
			"since the newest backup: to restore it, all that it builds on must lie beside it. Where there\n" +
			"is none to build on, a full one is made.",
		Example: "  kvs backup create\n  kvs backup create --out today.kvsbak\n  kvs backup create --incremental",
		Args:    exactly(),
	}
	cmd.Flags().StringVar(&out, "out", "", "also copy it into this file")
	cmd.Flags().BoolVar(&incremental, "incremental", false, "only what has changed since the newest backup")
	identityFlag(cmd, &identity)
	return asking(via, cmd, func(r *remote, _ []string) error {
		ids, err := readIdentities(identity)
		if err != nil {
			return err
		}
		var made backupRow
		path := "/admin/backups"
		if incremental {
			path += "?incremental=true"
		}
		body, err := r.ask(cmd.Context(), http.MethodPost, path, "", &made)
		if err == nil {
			made, body, err = r.awaitBackup(cmd.Context(), made.ID)
		}
		if err == nil && out != "" {
			err = r.download(cmd, &made, out, ids)
		}
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), made.inWords())
		return nil
	})
}

// inWords says what a backup holds.
func (b *backupRow) inWords() string {
	text := b.ID + "  "
	if b.Base != "" {
		text += "on " + b.Base + ", "
	}
	if b.Encrypted {
		return text + fmt.Sprintf("encrypted, %d bytes", b.Size)
	}
	text += fmt.Sprintf("%d keys, %d deletions, %d system records, ", b.Keys, b.Tombstones, b.System)
	if b.Base != "" {
		text += fmt.Sprintf("%d records as they were, ", b.Kept)
	}
	return text + fmt.Sprintf("%d bytes", b.Size)
}

// awaitBackup waits until a backup is done.
func (r *remote) awaitBackup(ctx context.Context, id string) (row backupRow, body []byte, err error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		body, err = r.ask(ctx, http.MethodGet, "/admin/backups/"+url.PathEscape(id), "", &row)
		switch {
		case err != nil:
			return row, nil, err
		case row.State == "failed":
			return row, nil, &failure{exitOther, "the backup failed: " + row.Error, "the log of " + r.addr}
		case row.State == "done":
			return row, body, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return row, nil, ctx.Err()
		}
	}
}

// download copies the file of a backup, and verifies it before it has its name, if it can
// be read here.
func (r *remote) download(cmd *cobra.Command, row *backupRow, path string, ids []age.Identity) error {
	p := newProgress(cmd.ErrOrStderr(), row.Size)
	err := durable.Create(path, func(f *os.File) error {
		if err := r.fetch(cmd.Context(), row, f, p.at); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if row.Encrypted && len(ids) == 0 {
			_, err := backup.Summarize(f)
			return err
		}
		plain, err := backup.Decrypt(f, ids)
		if err != nil {
			return err
		}
		_, _, err = backup.Verify(plain)
		return err
	})
	return backupFailed(path, err)
}

// fetch reads the file of a backup range by range.
func (r *remote) fetch(ctx context.Context, row *backupRow, to io.Writer, at func(int64)) error {
	for done := int64(0); done < row.Size; {
		part, err := r.call(ctx, http.MethodGet, "/admin/backups/"+url.PathEscape(row.ID)+"/download", "",
			"Range", fmt.Sprintf("bytes=%d-%d", done, min(done+downloadBytes, row.Size)-1))
		if err != nil {
			return err
		}
		if len(part) == 0 {
			return io.ErrUnexpectedEOF
		}
		if _, err := to.Write(part); err != nil {
			return err
		}
		done += int64(len(part))
		at(done)
	}
	return nil
}

// backupFailed gives an error about a file its exit code.
func backupFailed(path string, err error) error {
	var known *failure
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, backup.ErrNoBase):
		return &failure{exitWrong, path + ": " + err.Error() + "; nothing was restored", "a copy of it in the same directory; kvs backup ls lists what a node has"}
	case errors.Is(err, backup.ErrCorrupt):
		return &failure{exitWrong, path + ": " + err.Error() + "; nothing was restored", "another copy of it, or an older backup"}
	case errors.Is(err, backup.ErrEncrypted):
		return usage{fmt.Errorf("%s: %w. Try: --identity FILE, with an identity of age that it was encrypted to", path, err)}
	case errors.Is(err, backup.ErrIdentity):
		return &failure{exitForbidden, path + ": " + err.Error(), "the identity of a recipient that backup_recipients had when it was made"}
	}
	return &failure{exitOther, path + ": " + err.Error(), "kvs backup verify " + path}
}

func backupListCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Short: "List the backups that a node made",
		Example: "  kvs backup ls\n  kvs backup ls -o json --addr http://10.0.0.2:8080",
		Args:    exactly(),
	}
	return asking(via, cmd, func(r *remote, _ []string) error {
		rows, body, err := r.listBackups(cmd.Context())
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "BACKUP\tSTATE\tMADE\tBUILDS ON\tKEYS\tDELETIONS\tSYSTEM\tBYTES")
			for _, b := range rows {
				state := b.State
				if b.Error != "" {
					state += ": " + b.Error
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\n", b.ID, state, ago(b.Time), cmp.Or(b.Base, "-"), b.counts(), b.Size)
			}
		})
	})
}

// counts are the cells of the records in it.
func (b *backupRow) counts() string {
	if b.Encrypted {
		return "encrypted\t\t"
	}
	return fmt.Sprintf("%d\t%d\t%d", b.Keys, b.Tombstones, b.System)
}

func (r *remote) listBackups(ctx context.Context) ([]backupRow, []byte, error) {
	var all struct {
		Backups []backupRow `json:"backups"`
	}
	body, err := r.ask(ctx, http.MethodGet, "/admin/backups", "", &all)
	return all.Backups, body, err
}

// backupVerifyCommand reads a file that is here. It asks a node only for a backup that is
// no file.
func backupVerifyCommand(via http.RoundTripper) *cobra.Command {
	var identity string
	cmd := &cobra.Command{
		Use: "verify FILE|BACKUP", Short: "Read all of a backup, and exit with 9 if it is not what was written",
		Long: "A file here needs no node. Anything else is the name of a backup that a node has: it is\n" +
			"read from there, and not kept. What an incremental one builds on is read with it.",
		Example: "  kvs backup verify today.kvsbak\n  kvs backup verify today.kvsbak --identity backup.key\n" +
			"  kvs backup verify 20261125T103000.000Z-5e0c8a1f",
		Args: exactly("FILE"),
	}
	identityFlag(cmd, &identity)
	return perhapsAsking(via, cmd, func(r *remote, args []string) error {
		ids, err := readIdentities(identity)
		if err != nil {
			return err
		}
		h, m, err := r.verifyBackup(cmd.Context(), args[0], ids)
		if err != nil {
			return backupFailed(args[0], err)
		}
		if r.format == "json" {
			text, err := json.Marshal(m)
			return show(cmd, text, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "sound: %d keys, %d deletions, %d system records of %s in cluster %x, at %s\n", m.Keys,
			m.Tombstones, m.System, h.Node, h.Cluster, time.UnixMilli(h.Time).UTC().Format(time.RFC3339))
		return nil
	})
}

// verifyBackup reads a file here, or one of the node's, with all that it builds on.
func (r *remote) verifyBackup(ctx context.Context, name string, ids []age.Identity) (h backup.Header, m backup.Manifest, err error) {
	chain, err := r.chainOf(ctx, name, ids)
	if err != nil {
		return h, m, err
	}
	in, err := chain.Open()
	if err != nil {
		return h, m, err
	}
	defer in.Close()
	return backup.Verify(in)
}

func (r *remote) chainOf(ctx context.Context, name string, ids []age.Identity) (c backup.Chain, err error) {
	_, err = os.Stat(name)
	if err == nil {
		return backup.Follow(backup.FileLink(name), backup.Beside(filepath.Dir(name)), ids)
	}
	failed := r.check(ctx)
	var rows []backupRow
	if failed == nil {
		rows, _, failed = r.listBackups(ctx)
	}
	if failed != nil {
		return c, errors.Join(err, failed)
	}
	find := func(base backup.Base) (backup.Link, error) {
		for i := range rows {
			if rows[i].ID == base.ID {
				return r.link(ctx, &rows[i]), nil
			}
		}
		return backup.Link{}, fmt.Errorf("%w: %s is no backup of %s", backup.ErrNoBase, base.ID, r.addr)
	}
	newest, err := find(backup.Base{ID: name})
	if err != nil {
		return c, &failure{exitNotFound, name + " is no file here, and no backup of " + r.addr, "kvs backup ls"}
	}
	return backup.Follow(newest, find, ids)
}

// link is a file that a node has. It is read from there, and not kept.
func (r *remote) link(ctx context.Context, row *backupRow) backup.Link {
	return backup.Link{Name: row.ID, Open: func() (io.ReadCloser, error) {
		in, out := io.Pipe()
		go func() { out.CloseWithError(r.fetch(ctx, row, out, func(int64) {})) }()
		return in, nil
	}}
}

func backupPruneCommand(via http.RoundTripper) *cobra.Command {
	var days int
	var yes bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove the backups of a node that are older than some days",
		Long: "The newest one stays, however old it is, and so does what one that stays builds on. The\n" +
			"node does this by itself, after backup_retention, whenever it makes a backup by its schedule.",
		Example: "  kvs backup prune --days 30\n  kvs backup prune --days 30 --yes",
		Args:    exactly(),
	}
	cmd.Flags().IntVar(&days, "days", 0, "how many days to keep")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return asking(via, cmd, func(r *remote, _ []string) error {
		if days < 1 {
			return usage{fmt.Errorf("--days must be at least 1, not %d. Try: --days 30", days)}
		}
		rows, _, err := r.listBackups(cmd.Context())
		if err != nil {
			return err
		}
		old := outdated(rows, time.Now().AddDate(0, 0, -days).UnixMilli())
		if len(old) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "removed 0 backups")
			return nil
		}
		if err := confirm(cmd, yes, fmt.Sprintf("remove %d backups of %s", len(old), r.addr)); err != nil {
			return err
		}
		for _, b := range old {
			if _, err := r.call(cmd.Context(), http.MethodDelete, "/admin/backups/"+url.PathEscape(b.ID), ""); err != nil {
				return err
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "removed %d backups\n", len(old))
		return nil
	})
}

// outdated are the backups from before a time, newest first, but for the newest that is
// sound, and what one that stays builds on.
func outdated(rows []backupRow, before int64) (old []backupRow) {
	needed, spared := map[string]bool{}, false
	for _, b := range slices.Backward(rows) {
		sound := b.State == "done"
		if sound && spared && b.Time < before && !needed[b.ID] {
			old = append(old, b)
			continue
		}
		spared = spared || sound
		needed[b.Base] = true
	}
	return old
}

// octets sends bytes that are no JSON.
func (r *remote) octets(ctx context.Context, path string, body []byte, into any) error {
	a, err := r.client.Do(ctx, client.Request{
		Method: http.MethodPost, Path: path, Body: bytes.Clone(body),
		Header: http.Header{"Content-Type": {"application/octet-stream"}},
	})
	if err != nil {
		return r.failed(err)
	}
	return r.read(a.Body, into)
}
