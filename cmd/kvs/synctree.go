package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// The digest tree has three levels below its root, of 64 nodes below each node. The hash
// of a key leads down: six bits a level.
const (
	treeLevels = 3
	treeBits   = 6
)

// difference is a record that a member does not have alike.
type difference struct {
	Hash  string `json:"hash"`
	Here  bool   `json:"here"`
	There bool   `json:"there"`
	Key   string `json:"key"`
}

// where says on which side there is one.
func (d *difference) where() string {
	switch {
	case !d.There:
		return "only here"
	case !d.Here:
		return "only there"
	}
	return "both, in different versions"
}

// path is the way to the record's leaf, as numbers of nodes.
func (d *difference) path() (out [treeLevels]int) {
	hash, err := strconv.ParseUint(d.Hash, 16, 64)
	if err != nil {
		hash = 0 // no node sends such a hash
	}
	for level := range out {
		out[level] = int(hash >> (64 - treeBits*(level+1)) & (1<<treeBits - 1))
	}
	return out
}

// comparison is what a node says of itself and a member.
type comparison struct {
	Peer        string       `json:"peer"`
	More        bool         `json:"more"`
	Differences []difference `json:"differences"`
}

// compare asks for what differs from a member right now.
func (r *remote) compare(cmd *cobra.Command, peer string, query url.Values) (c comparison, body []byte, err error) {
	query.Set("peer", peer)
	body, err = r.ask(cmd.Context(), http.MethodGet, "/sync/diff?"+query.Encode(), "", &c)
	return c, body, err
}

func syncTreeCommand(via http.RoundTripper) *cobra.Command {
	var depth int
	cmd := &cobra.Command{
		Use: "tree PEER", Short: "Show where in the digest tree a member differs right now",
		Long: "The digest tree has 64 nodes below its root, 64 below each of them, and 64 leaves below each of\n" +
			"those; the hash of its key puts a record into one. Shown are the nodes that differ, by their\n" +
			"numbers, down to the records: --depth 1 to 3 stops above those. Nothing is repaired by it.",
		Example: "  kvs sync tree gamma\n  kvs sync tree gamma --depth 2",
		Args:    exactly("PEER"),
	}
	cmd.Flags().IntVar(&depth, "depth", treeLevels+1, "how many levels below the root to show, 1 to 4")
	return asking(via, cmd, func(r *remote, args []string) error {
		if depth < 1 || depth > treeLevels+1 {
			return usage{fmt.Errorf("--depth must be from 1 to %d, not %d. Try: --depth 3", treeLevels+1, depth)}
		}
		c, body, err := r.compare(cmd, args[0], url.Values{"keys": {"true"}})
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		c.printTree(cmd.OutOrStdout(), depth)
		if c.More {
			fmt.Fprintln(cmd.ErrOrStderr(), "there are more")
		}
		return nil
	})
}

// printTree prints what differs, level by level.
func (c *comparison) printTree(out io.Writer, depth int) {
	all := slices.SortedFunc(slices.Values(c.Differences), func(a, b difference) int { return cmp.Compare(a.Hash, b.Hash) })
	fmt.Fprintf(out, "root: %s from %s\n", differing(len(all)), c.Peer)
	for i := range all {
		d, path := &all[i], all[i].path()
		for level := range min(depth, treeLevels) {
			if below := path[:level+1]; i == 0 || !leadsBy(&all[i-1], below) {
				n := 1
				for i+n < len(all) && leadsBy(&all[i+n], below) {
					n++
				}
				fmt.Fprintf(out, "%s%s: %s\n", strings.Repeat("  ", level+1), nodeName(below), differing(n))
			}
		}
		if depth > treeLevels {
			fmt.Fprintf(out, "%s%s: %s\n", strings.Repeat("  ", treeLevels+1), cmp.Or(d.Key, "hash "+d.Hash), d.where())
		}
	}
}

// leadsBy says that the way to a record leads by a node.
func leadsBy(d *difference, node []int) bool {
	path := d.path()
	return slices.Equal(path[:len(node)], node)
}

// nodeName names a node by the way to it.
func nodeName(path []int) string {
	parts := make([]string, len(path))
	for i, n := range path {
		parts[i] = fmt.Sprintf("%02d", n)
	}
	return []string{"node", "node", "leaf"}[len(path)-1] + " " + strings.Join(parts, ".")
}

func differing(n int) string {
	switch n {
	case 0:
		return "no records differ"
	case 1:
		return "1 record differs"
	}
	return fmt.Sprintf("%d records differ", n)
}
