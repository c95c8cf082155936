package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"kvs/internal/backup"
	"kvs/internal/server"
)

// bulkAttempts is how often a part of much is sent to a node that is busy, or limits
// requests.
const bulkAttempts = 20

// restoring is one restore, as it was asked for.
type restoring struct {
	merge, rewind, dry, yes bool
	prefix, into, identity  string
}

func restoreCommand(via http.RoundTripper) *cobra.Command {
	var o restoring
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Restore a backup into a running cluster, or into an empty directory",
		Long: "The whole file is verified first: a damaged one is refused with 9, and nothing is restored.\n" +
			"What an incremental one builds on is looked for beside it, by any name.\n" +
			"  --merge     write what the cluster lacks or has older versions of, and undo nothing newer\n" +
			"  --rewind    make the keys what they were, and delete those that were not there\n" +
			"  --into DIR  make an empty DIR the data_dir of a new replica, without any node\n" +
			"The first two are ordinary writes of one node, which all others get. They leave users and\n" +
			"rights as they are; --into restores those too.",
		Example: "  kvs restore today.kvsbak --merge --dry-run\n  kvs restore today.kvsbak --rewind --prefix users/ --yes\n" +
			"  kvs restore today.kvsbak --into data",
		Args: exactly("FILE"),
	}
	f := cmd.Flags()
	f.BoolVar(&o.merge, "merge", false, "write what is missing or older")
	f.BoolVar(&o.rewind, "rewind", false, "make the keys what they were")
	f.StringVar(&o.into, "into", "", "an empty directory to restore into")
	f.StringVar(&o.prefix, "prefix", "", "only keys that begin with this")
	identityFlag(cmd, &o.identity)
	f.BoolVar(&o.dry, "dry-run", false, "only count")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return perhapsAsking(via, cmd, func(r *remote, args []string) error {
		if err := o.check(); err != nil {
			return err
		}
		ids, err := readIdentities(o.identity)
		if err != nil {
			return err
		}
		file, err := openFile(args[0], ids)
		if err != nil {
			return err
		}
		if o.into != "" {
			return o.toDirectory(cmd, file)
		}
		if err := r.check(cmd.Context()); err != nil {
			return err
		}
		return o.toNode(cmd, r, file)
	})
}

func (o *restoring) check() error {
	ways := 0
	for _, chosen := range []bool{o.merge, o.rewind, o.into != ""} {
		if chosen {
			ways++
		}
	}
	switch {
	case ways != 1:
		return usage{errors.New("exactly one of --merge, --rewind and --into DIR says how. Try: kvs restore --help")}
	case o.into != "" && (o.prefix != "" || o.dry):
		return usage{errors.New("--into restores everything: it goes without --prefix and --dry-run. Try: kvs restore FILE --into DIR")}
	}
	return nil
}

func (o *restoring) toDirectory(cmd *cobra.Command, file *backupFile) error {
	p := file.progress(cmd)
	m, err := server.RestoreInto(o.into, file.chain.Open)
	if err != nil {
		return backupFailed(file.path, err)
	}
	p.at(p.total)
	fmt.Fprintf(cmd.OutOrStdout(), "restored %d keys, %d deletions and %d system records into %s; start a node with it as data_dir\n",
		m.Keys, m.Tombstones, m.System, o.into)
	return nil
}

// restored is what became of keys, as the API says it.
type restored struct {
	Unchanged int64  `json:"unchanged"`
	Written   int64  `json:"written"`
	Deleted   int64  `json:"deleted"`
	Newer     int64  `json:"newer"`
	Expired   int64  `json:"expired"`
	Busy      int64  `json:"busy"`
	Next      string `json:"next"`
}

func (s *restored) add(o restored) {
	s.Unchanged += o.Unchanged
	s.Written += o.Written
	s.Deleted += o.Deleted
	s.Newer += o.Newer
	s.Expired += o.Expired
	s.Busy += o.Busy
}

func (o *restoring) toNode(cmd *cobra.Command, r *remote, file *backupFile) error {
	p := file.progress(cmd)
	if err := file.verify(); err != nil {
		return backupFailed(file.path, err)
	}
	query := url.Values{"mode": {"merge"}, "prefix": {o.prefix}}
	what := "write what is missing"
	if o.rewind {
		query.Set("mode", "rewind")
		what = fmt.Sprintf("make all keys that begin with %q what they were, and delete newer ones", o.prefix)
	}
	if o.dry {
		query.Set("dry_run", "true")
	} else if err := confirm(cmd, o.yes, what+", at "+r.addr); err != nil {
		return err
	}
	r.attempts = bulkAttempts
	if err := r.connect(); err != nil {
		return err
	}
	var sum restored
	err := file.chain.Each(func(f backup.Frame) error {
		if !o.touches(&f) {
			return nil
		}
		return r.restoreFrame(cmd, f.Raw, query, &sum)
	})
	if err != nil {
		return backupFailed(file.path, err)
	}
	p.at(p.total)
	done := "restored"
	if o.dry {
		done = "would restore"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d written, %d deleted, %d unchanged, %d left as newer, %d expired, %d busy\n", done,
		sum.Written, sum.Deleted, sum.Unchanged, sum.Newer, sum.Expired, sum.Busy)
	if sum.Busy > 0 {
		return &failure{exitConflict, fmt.Sprintf("%d keys were written to by others all the time", sum.Busy), "the same again"}
	}
	return nil
}

// touches says that a frame may stand for keys with the prefix.
func (o *restoring) touches(f *backup.Frame) bool {
	return f.Last || f.To >= o.prefix && (f.After < o.prefix || len(f.After) >= len(o.prefix) && f.After[:len(o.prefix)] == o.prefix)
}

// restoreFrame sends a frame until the node has come to its end.
func (r *remote) restoreFrame(cmd *cobra.Command, raw []byte, query url.Values, sum *restored) error {
	for query.Del("start"); ; {
		var out restored
		if err := r.octets(cmd.Context(), "/admin/restore?"+query.Encode(), raw, &out); err != nil {
			return err
		}
		sum.add(out)
		if out.Next == "" {
			return nil
		}
		query.Set("start", out.Next)
	}
}
