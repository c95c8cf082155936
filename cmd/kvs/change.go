package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// delCommand deletes a key or, page by page, all below a path.
func delCommand(via http.RoundTripper) *cobra.Command {
	var only condition
	var recurse, dry, yes bool
	cmd := &cobra.Command{
		Use: "del KEY", Short: "Delete a key, or with -r all keys below it",
		Long:    "Also a key that the node does not know: a write of it may be on its way from another.",
		Example: "  kvs del users/john\n  kvs del users/ -r --dry-run\n  kvs del users/ -r --yes", Args: exactly("KEY"),
	}
	only.flags(cmd, false)
	cmd.Flags().BoolVarP(&recurse, "recurse", "r", false, "what lies below KEY, but not KEY itself")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "with -r: count what would go, and delete nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "with -r: do it")
	return asking(via, cmd, func(r *remote, args []string) error {
		switch {
		case !recurse && (dry || yes):
			return usage{errors.New("--dry-run and --yes go with -r. Try: kvs del KEY -r --dry-run")}
		case !recurse:
			_, err := r.call(cmd.Context(), http.MethodDelete, keyPath(args[0]), "", only.headers()...)
			return err
		case only.match != "":
			return usage{errors.New("--if-match is for one key, and -r for many. Try: -r without it")}
		case dry == yes:
			return usage{errors.New("-r needs --dry-run or --yes. Try: kvs del " + args[0] + " -r --dry-run")}
		}
		return sweep(cmd, r, prefixPath(args), dry)
	})
}

// sweep deletes, or counts, all below a path.
func sweep(cmd *cobra.Command, r *remote, path string, dry bool) error {
	query := url.Values{"recurse": {"true"}, "limit": {strconv.Itoa(pageItems)}}
	if dry {
		query.Set("dry_run", "true")
	}
	var sum listed
	err := r.pages(cmd.Context(), http.MethodDelete, path, query, func(text []byte, page *listed) error {
		sum.Matched, sum.Deleted = sum.Matched+page.Matched, sum.Deleted+page.Deleted
		sum.Refused, sum.Changed = sum.Refused+page.Refused, sum.Changed+page.Changed
		if r.format == "json" {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
		}
		return nil
	}, "KVS-Confirm", strings.TrimPrefix(path, "/kv"))
	if r.format != "json" && (err == nil || sum.Deleted > 0) {
		done, count := "deleted", sum.Deleted
		if dry {
			done, count = "would be deleted", sum.Matched-sum.Refused
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d of %d keys %s", count, sum.Matched, done)
		if sum.Refused > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), ", %d you may not delete", sum.Refused)
		}
		if sum.Changed > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), ", %d were written meanwhile", sum.Changed)
		}
		fmt.Fprintln(cmd.OutOrStdout())
	}
	return err
}

// touchCommand sets how long a key is kept.
func touchCommand(via http.RoundTripper) *cobra.Command {
	var ttl string
	var only condition
	cmd := &cobra.Command{
		Use: "touch KEY --ttl TIME", Short: "Set how long a key is kept, its value as it is",
		Example: "  kvs touch cache/s1 --ttl 1h\n  kvs touch cache/s1 --ttl 0", Args: exactly("KEY"),
	}
	cmd.Flags().StringVar(&ttl, "ttl", "", `how long from now on, such as "90s" or "1h"; "0" for ever`)
	only.flags(cmd, false)
	return asking(via, cmd, func(r *remote, args []string) error {
		if ttl == "" {
			return usage{errors.New("--ttl says how long. Try: --ttl 1h, or --ttl 0 for ever")}
		}
		path := keyPath(args[0]) + "?" + url.Values{"ttl": {ttl}}.Encode()
		out, err := r.call(cmd.Context(), http.MethodPatch, path, "", only.headers()...)
		return r.showVersion(cmd, args[0], out, err)
	})
}
