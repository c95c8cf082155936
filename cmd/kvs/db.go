package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"kvs/internal/server"
)

func dbCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "db", Short: "Look into the data directory of a node that does not run",
		Example: "  kvs db verify data\n  kvs db stats data\n  kvs db compact data\n  kvs db dump data > records.jsonl",
	}, dbVerifyCommand(), dbStatsCommand(), dbCompactCommand(), dbDumpCommand())
}

// refusedData gives a directory that was refused its exit code and the next step.
func refusedData(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &failure{exitNotFound, err.Error(), "the data_dir of a node, as kvs config show has it"}
	case server.IsInUse(err):
		return &failure{exitConflict, err.Error(), "the same while the node is stopped, or on a copy that kvs restore --into has made"}
	case server.IsUnclean(err):
		return &failure{exitOther, err.Error(), "kvs serve with this data_dir, and Ctrl-C"}
	}
	return &failure{exitWrong, err.Error(), "kvs restore, or start the node with an empty data_dir: other members fill it"}
}

func dbVerifyCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use: "verify DIR", Short: "Check every stored byte of a data directory",
		Long: "Checks the blocks of all files, the checksum of every stored record, and all records\n" +
			"against the digest tree and the indexes. Exits with 9 if anything is wrong, and names\n" +
			"the keys. Nothing is changed; a running node checks itself, once a day.",
		Example: "  kvs db verify data\n  kvs db verify data -o json", Args: exactly("DIR"),
	}
	o.outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		finish, err := o.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		data, err := server.OpenData(args[0])
		if err != nil {
			return refusedData(err)
		}
		var bar *progress
		v := data.Verify(func(done, of int) {
			if bar == nil {
				bar = newProgress(cmd.ErrOrStderr(), int64(of))
			}
			bar.at(int64(done))
		})
		err = data.Close()
		if !v.Sound() {
			err = &failure{exitWrong, fmt.Sprintf("%s is damaged: %d keys, %d other places", args[0], len(v.Keys)+v.More, len(v.Wrong)),
				"start its node, which fetches damaged records from other members; or kvs restore"}
		}
		if o.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(map[string]any{
				"records": v.Records, "sound": v.Sound(), "keys": append([]string{}, v.Keys...), "wrong": append([]string{}, v.Wrong...),
			}))
			return err
		}
		for _, wrong := range v.Wrong {
			fmt.Fprintln(cmd.OutOrStdout(), "wrong:", wrong)
		}
		for _, key := range v.Keys {
			fmt.Fprintf(cmd.OutOrStdout(), "damaged: %q\n", key)
		}
		if err == nil {
			fmt.Fprintf(cmd.OutOrStdout(), "%s is sound: %d stored records\n", args[0], v.Records)
		}
		return err
	}
	return cmd
}

func dbStatsCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use: "stats DIR", Short: "Count what a data directory holds", Example: "  kvs db stats data", Args: exactly("DIR"),
	}
	o.outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		finish, err := o.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		s, err := server.StatsOfData(args[0])
		if err != nil {
			return refusedData(err)
		}
		if o.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(s))
			return nil
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintf(w, "replica\t%s\ncluster\t%s\nkeys\t%d (%d expire)\ntombstones\t%d\nsystem\t%d\nvalues\t%s\n",
				s.Replica, s.Cluster, s.Keys, s.Expiring, s.Tombstones, s.System, size(uint64(s.Bytes)))
			if s.Longest != "" {
				fmt.Fprintf(w, "longest\t%s  %s\n", size(uint64(s.LongestLen)), s.Longest)
			}
		})
	}
	return cmd
}

func dbCompactCommand() *cobra.Command {
	return &cobra.Command{
		Use: "compact DIR", Short: "Write the files of a data directory anew, without what is replaced or deleted",
		Long:    "A running node does this little by little. History, tombstones and the audit queue stay.",
		Example: "  kvs db compact data", Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after, err := server.CompactData(args[0])
			if err != nil {
				return refusedData(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s before, %s now\n", args[0], size(uint64(before)), size(uint64(after)))
			return nil
		},
	}
}

func dbDumpCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "dump DIR", Short: "Write the keys of a data directory to standard output, a line of JSON each",
		Long: "The lines are those of kvs export, so that kvs import takes them. With --all the\n" +
			"tombstones come too, marked as deleted. The system's own records never do.",
		Example: "  kvs db dump data > records.jsonl", Args: exactly("DIR"),
	}
	cmd.Flags().BoolVar(&all, "all", false, "tombstones too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		out := bufio.NewWriter(cmd.OutOrStdout())
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		err := server.DumpData(args[0], func(r server.StoredRecord) error {
			if r.Deleted && !all {
				return nil
			}
			return lines.Encode(r)
		})
		if err := errors.Join(err, out.Flush()); err != nil {
			return refusedData(err)
		}
		return nil
	}
	return cmd
}
