package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// pageItems is how many items a command asks for at a time.
const pageItems = 1000

// listed is one page of a listing, or of a recursive delete.
type listed struct {
	Items []struct {
		Key       string          `json:"key"`
		UUID      string          `json:"uuid"`
		Timestamp int64           `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	} `json:"items"`
	Keys, Bytes                        int64
	Matched, Deleted, Refused, Changed int64
	Next                               string
}

// errEnough ends pages early.
var errEnough = errors.New("enough")

// pages asks for one page after the other, and hands each to visit.
func (r *remote) pages(ctx context.Context, method, path string, query url.Values, visit func(text []byte, page *listed) error, headers ...string) error {
	for {
		out, err := r.call(ctx, method, path+"?"+query.Encode(), "", headers...)
		if err != nil {
			return err
		}
		var page listed
		if err := r.read(out, &page); err != nil {
			return err
		}
		if err := visit(out, &page); err != nil || page.Next == "" {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
		query.Set("cursor", page.Next)
	}
}

// prefixPath is where the API has what lies below a path.
func prefixPath(args []string) string {
	if len(args) == 1 && strings.Trim(args[0], "/") != "" {
		return keyPath(strings.Trim(args[0], "/")) + "/"
	}
	return "/kv/"
}

// lsCommand lists page by page, printing each as it comes.
func lsCommand(via http.RoundTripper) *cobra.Command {
	var recurse, count, long, reverse bool
	var by string
	var limit int
	cmd := &cobra.Command{
		Use: "ls [PREFIX]", Short: "List the keys below a path",
		Example: "  kvs ls\n  kvs ls rooms/\n  kvs ls rooms/ -l\n  kvs ls rooms/ -R --reverse --limit 10\n  kvs ls rooms/ --count",
		Args:    atMostOne,
	}
	cmd.Flags().BoolVarP(&recurse, "recurse", "R", false, "all keys, not those of one level and the directories")
	cmd.Flags().BoolVarP(&long, "long", "l", false, "with the time of the version and the bytes of the value")
	cmd.Flags().BoolVar(&reverse, "reverse", false, "from the last to the first")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	cmd.Flags().StringVar(&by, "sort", "", "size or time: gather all, and print the longest or the newest first")
	cmd.Flags().BoolVar(&count, "count", false, "how many keys there are, and the bytes of their values")
	return asking(via, cmd, func(r *remote, args []string) error {
		if limit < 0 {
			return usage{errors.New("--limit must not be negative. Try: --limit 10")}
		}
		if by != "" && by != "size" && by != "time" {
			return usage{fmt.Errorf("--sort must be size or time, not %q. Try: --sort size", by)}
		}
		query := url.Values{"list": {"true"}}
		if count {
			return countKeys(cmd, r, prefixPath(args), query)
		}
		query.Set("limit", strconv.Itoa(pageItems))
		if limit > 0 && limit < pageItems {
			query.Set("limit", strconv.Itoa(limit))
		}
		if by != "" {
			return sorted(cmd, r, prefixPath(args), sorting{by, reverse, long, limit})
		}
		if !long {
			query.Set("keys_only", "true")
		}
		if !recurse {
			query.Set("delimiter", "/")
		}
		if reverse {
			query.Set("reverse", "true")
		}
		shown := 0
		return r.pages(cmd.Context(), http.MethodGet, prefixPath(args), query, func(text []byte, page *listed) error {
			if r.format == "json" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
			}
			for _, item := range page.Items {
				if shown++; r.format == "table" {
					fmt.Fprintln(cmd.OutOrStdout(), row(item.Key, item.Timestamp, len(item.Data), long))
				}
				if shown == limit {
					return errEnough
				}
			}
			return nil
		})
	})
}

// sorting is how a listing is sorted.
type sorting struct {
	by            string // size or time
	reverse, long bool
	limit         int
}

// sorted lists all keys below a path in another order than that of the keys.
func sorted(cmd *cobra.Command, r *remote, path string, how sorting) error {
	query := url.Values{"list": {"true"}, "limit": {strconv.Itoa(pageItems)}}
	all := []sortedRow{}
	err := r.pages(cmd.Context(), http.MethodGet, path, query, func(_ []byte, page *listed) error {
		for _, item := range page.Items {
			all = append(all, sortedRow{item.Key, item.UUID, item.Timestamp, len(item.Data)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b sortedRow) int {
		if how.reverse {
			a, b = b, a
		}
		if how.by == "size" {
			return cmp.Compare(b.Bytes, a.Bytes)
		}
		return cmp.Compare(b.Timestamp, a.Timestamp)
	})
	if how.limit > 0 {
		all = all[:min(how.limit, len(all))]
	}
	if r.format == "json" {
		fmt.Fprintln(cmd.OutOrStdout(), body(all))
		return nil
	}
	for _, item := range all {
		fmt.Fprintln(cmd.OutOrStdout(), row(item.Key, item.Timestamp, item.Bytes, how.long))
	}
	return nil
}

// sortedRow is a key of a sorted listing.
type sortedRow struct {
	Key       string `json:"key"`
	UUID      string `json:"uuid"`
	Timestamp int64  `json:"timestamp"`
	Bytes     int    `json:"bytes"`
}

// row is a line of a listing. A directory has no version.
func row(key string, timestamp int64, bytes int, long bool) string {
	switch {
	case !long:
		return key
	case timestamp == 0:
		return fmt.Sprintf("%-20s %9s  %s", "-", "-", key)
	}
	return fmt.Sprintf("%-20s %9d  %s", time.UnixMilli(timestamp).UTC().Format(time.RFC3339), bytes, key)
}

func countKeys(cmd *cobra.Command, r *remote, path string, query url.Values) error {
	query.Set("count", "true")
	keys, bytes := int64(0), int64(0)
	err := r.pages(cmd.Context(), http.MethodGet, path, query, func(text []byte, page *listed) error {
		keys, bytes = keys+page.Keys, bytes+page.Bytes
		if r.format == "json" {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
		}
		return nil
	})
	if err == nil && r.format != "json" {
		fmt.Fprintf(cmd.OutOrStdout(), "%d keys, %d bytes\n", keys, bytes)
	}
	return err
}

// treeCommand shows what lies below a path with its levels, as it comes.
func treeCommand(via http.RoundTripper) *cobra.Command {
	var depth int
	cmd := &cobra.Command{
		Use: "tree [PREFIX]", Short: "Show the keys below a path as a tree",
		Example: "  kvs tree\n  kvs tree rooms/ --depth 2", Args: atMostOne,
	}
	cmd.Flags().IntVar(&depth, "depth", 0, "how many levels, at most 64; 0 is all")
	return asking(via, cmd, func(r *remote, args []string) error {
		query := url.Values{"list": {"true"}, "keys_only": {"true"}, "limit": {strconv.Itoa(pageItems)}}
		if depth != 0 {
			query.Set("depth", strconv.Itoa(depth))
		}
		path := prefixPath(args)
		skip := 0
		if len(args) == 1 && path != "/kv/" {
			skip = len(strings.Trim(args[0], "/")) + 1
		}
		t := tree{out: cmd.OutOrStdout()}
		return r.pages(cmd.Context(), http.MethodGet, path, query, func(text []byte, page *listed) error {
			for _, item := range page.Items {
				if r.format != "json" {
					t.add(item.Key[min(skip, len(item.Key)):])
				}
			}
			if r.format == "json" {
				fmt.Fprintf(t.out, "%s\n", text)
			}
			return nil
		})
	})
}

// tree prints paths in order, each level once.
type tree struct {
	out  io.Writer
	open []string // the directories of the path before
}

func (t *tree) add(path string) {
	parts := strings.SplitAfter(path, "/")
	if parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1] // a directory
	}
	same := 0
	for same < len(parts)-1 && same < len(t.open) && parts[same] == t.open[same] {
		same++
	}
	for i := same; i < len(parts); i++ {
		fmt.Fprintf(t.out, "%s%s\n", strings.Repeat("  ", i), parts[i])
	}
	t.open = parts
}
