package main

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/client"
	"kvs/internal/config"
	"kvs/internal/server"
)

const (
	// completionTime is how long a node may take, so that nobody waits for a shell: with
	// the start of the program it is below a quarter of a second.
	completionTime = 200 * time.Millisecond
	// completionKeys bounds the keys that are looked at for one completion.
	completionKeys = 1000
)

// offer is what may stand in a place of a command line, as a node or a file says. It has
// nothing to offer if that fails: who completes a word wants no error.
type offer func(ctx context.Context, r *remote, args []string, typed string) []string

// offers are the kinds of places, as commands name them in their use lines.
func offers(place string) (from offer, directive cobra.ShellCompDirective) {
	const only = cobra.ShellCompDirectiveNoFileComp
	switch place {
	case "KEY", "PREFIX", "FROM", "TO":
		return offerKeys, only | cobra.ShellCompDirectiveNoSpace
	case "VERSION", "A", "B":
		return offerVersions, only
	case "USER":
		return offerUsers, only
	case "GROUP":
		return offerGroups, only
	case "NODE", "PEER":
		return offerMembers, only
	case "CONTEXT":
		return offerContexts, only
	case "BACKUP":
		return offerBackups, cobra.ShellCompDirectiveDefault
	case "SETTING":
		return offerSettings, only
	case "PROBLEM":
		return offerProblems, only
	case "FILE", "DIR", "VALUE", "config.yaml":
		return nil, cobra.ShellCompDirectiveDefault
	}
	return nil, only
}

// addCompletion lets all commands complete the arguments that their use lines name, and
// the flags that name a node.
func addCompletion(root *cobra.Command, via http.RoundTripper) {
	walkCommands(root, func(c *cobra.Command) {
		for flag, place := range map[string]string{"node": "NODE", "context": "CONTEXT"} {
			if c.Flags().Lookup(flag) != nil {
				_ = c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
					return complete(c, via, place, args, typed)
				})
			}
		}
		if len(c.ValidArgs) == 0 && c.HasParent() {
			c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
				return complete(c, via, placeOf(c.Use, len(args)), args, typed)
			}
		}
	})
}

// placeOf is what a use line, such as "diff KEY A [B]", calls its n-th argument.
func placeOf(use string, n int) string {
	var places []string
	for _, word := range strings.Fields(use)[1:] {
		if strings.HasPrefix(strings.Trim(word, "["), "-") {
			break
		}
		places = append(places, strings.Trim(word, "[]"))
	}
	if n >= len(places) {
		return ""
	}
	for _, part := range strings.Split(places[n], "|") {
		if from, _ := offers(part); from != nil {
			return part
		}
	}
	first, _, _ := strings.Cut(places[n], "|")
	return first
}

func complete(c *cobra.Command, via http.RoundTripper, place string, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	from, directive := offers(place)
	if from == nil {
		return nil, directive
	}
	r := &remote{via: via}
	for flag, field := range map[string]*string{"addr": &r.addr, "context": &r.within, "token-file": &r.secret, "ca-file": &r.trust} {
		if f := c.Flags().Lookup(flag); f != nil {
			*field = f.Value.String()
		}
	}
	if place != "CONTEXT" && r.locate() != nil {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	return slices.DeleteFunc(from(ctx, r, args, typed), func(word string) bool { return !strings.HasPrefix(word, typed) }), directive
}

// offerKeys offers what lies in the directory that was typed so far.
func offerKeys(ctx context.Context, r *remote, _ []string, typed string) (out []string) {
	dir := typed[:strings.LastIndexByte(typed, '/')+1]
	seen := 0
	for record, err := range r.client.List(ctx, strings.Trim(dir, "/"), client.ListOptions{Depth: 1, KeysOnly: true}) {
		if seen++; err != nil || seen > completionKeys {
			break
		}
		key := record.Key
		if strings.HasPrefix(typed, "/") {
			key = "/" + key
		}
		out = append(out, key)
	}
	return out
}

func offerVersions(ctx context.Context, r *remote, args []string, _ string) (out []string) {
	if len(args) == 0 {
		return nil
	}
	var got struct{ Revisions []version }
	if _, err := r.ask(ctx, http.MethodGet, keyPath(args[0])+"?revisions=20", "", &got); err != nil {
		return nil
	}
	for _, v := range got.Revisions {
		out = append(out, v.UUID+"\t"+clock(v.Timestamp))
	}
	return out
}

func offerUsers(ctx context.Context, r *remote, _ []string, _ string) (out []string) {
	rows, _, _ := r.users(ctx) // none, if it fails
	for _, u := range rows {
		out = append(out, u.Nickname+"\t"+u.UUID)
	}
	return out
}

func offerGroups(ctx context.Context, r *remote, _ []string, _ string) (out []string) {
	rows, _, _ := r.groups(ctx) // none, if it fails
	for _, g := range rows {
		out = append(out, g.Name+"\t"+g.UUID)
	}
	return out
}

func offerMembers(ctx context.Context, r *remote, _ []string, _ string) (out []string) {
	var rows []struct {
		peerRow
		Address string `json:"address"`
	}
	if _, err := r.ask(ctx, http.MethodGet, "/members/", "", &rows); err != nil {
		return nil
	}
	for _, m := range rows {
		out = append(out, m.ID+"\t"+m.Address)
	}
	return out
}

func offerContexts(context.Context, *remote, []string, string) []string {
	known, err := openContexts()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(known.Named))
}

func offerBackups(ctx context.Context, r *remote, _ []string, _ string) (out []string) {
	var got struct{ Backups []backupRow }
	if _, err := r.ask(ctx, http.MethodGet, "/admin/backups", "", &got); err != nil {
		return nil
	}
	for _, b := range got.Backups {
		out = append(out, b.ID)
	}
	return out
}

func offerSettings(context.Context, *remote, []string, string) (out []string) {
	for _, s := range config.Settings() {
		out = append(out, s.Key+"\t"+s.Help)
	}
	return out
}

func offerProblems(context.Context, *remote, []string, string) (out []string) {
	for _, p := range server.Problems() {
		out = append(out, p.Slug+"\t"+p.Title)
	}
	return out
}
