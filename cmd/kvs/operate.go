package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// operatorCommands are the commands that ask a running node, through via.
func operatorCommands(via http.RoundTripper) []*cobra.Command {
	return []*cobra.Command{
		getCommand(via), putCommand(via), delCommand(via), lsCommand(via), treeCommand(via), touchCommand(via),
		watchCommand(via), historyCommand(via), revertCommand(via), conflictsCommand(via), rewindCommand(via),
		exportCommand(via), importCommand(via), copyCommand(via), moveCommand(via),
		syncCommand(via), membersCommand(via), leaveCommand(via), modeCommand(via),
		clusterCommand(via), userCommand(via), groupCommand(via), tokenCommand(via),
		doctorCommand(via), keyCommand(via), aclCommand(via), chmodCommand(via), chownCommand(via),
		auditCommand(via), statusCommand(via), checkCommand(via), topCommand(via),
		backupCommand(via), restoreCommand(via), configCommand(via),
		editCommand(via), diffCommand(via), latencyCommand(via), benchCommand(via), bigkeysCommand(via), debugCommand(via),
	}
}

// asking completes a command that asks a node: its flags, and the check of them
// before run.
func asking(via http.RoundTripper, cmd *cobra.Command, run func(r *remote, args []string) error) *cobra.Command {
	return perhapsAsking(via, cmd, func(r *remote, args []string) error {
		if err := r.check(cmd.Context()); err != nil {
			return err
		}
		return run(r, args)
	})
}

// perhapsAsking is asking for a command that checks the node itself, once it turns out that
// it needs one.
func perhapsAsking(via http.RoundTripper, cmd *cobra.Command, run func(r *remote, args []string) error) *cobra.Command {
	r := &remote{via: via}
	r.flags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		finish, err := r.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		return run(r, args)
	}
	return cmd
}

// parent is a command that only holds others.
func parent(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(children...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usage{fmt.Errorf("unknown command %q of %s. Try: %s --help", args[0],
			cmd.CommandPath(), cmd.CommandPath())}
	}
	return cmd
}

// exactly accepts n arguments and names them if they are not there.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		want := "no argument"
		if len(names) > 0 {
			want = strings.Join(names, " and ")
		}
		return usage{fmt.Errorf("%s takes %s. Try: %s --help", cmd.CommandPath(), want, cmd.CommandPath())}
	}
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage{fmt.Errorf("%s takes at most one argument. Try: %s --help", cmd.CommandPath(), cmd.CommandPath())}
	}
	return nil
}

// peerRow is a member as answers name it.
type peerRow struct {
	ID      string `json:"id"`
	Replica string `json:"replica"`
}

func names(peers []peerRow) string {
	var out []string
	for _, p := range peers {
		out = append(out, cmp.Or(p.ID, p.Replica))
	}
	return strings.Join(out, ", ")
}

func membersCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "members", Short: "List the members of the cluster",
		Example: "  kvs members\n  kvs members -o json --addr http://10.0.0.2:8080",
		Args:    exactly(),
	}
	return asking(via, cmd, func(r *remote, _ []string) error {
		var rows []struct {
			peerRow
			Address  string `json:"address"`
			LastSeen int64  `json:"last_seen"`
			Joined   int64  `json:"joined_timestamp"`
			State    string `json:"state"`
			Reach    string `json:"reach"`
		}
		body, err := r.ask(cmd.Context(), http.MethodGet, "/members/", "", &rows)
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "NODE\tADDRESS\tSTATE\tREACH\tLAST SEEN\tJOINED\tREPLICA")
			for _, m := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Address, m.State, m.Reach, ago(m.LastSeen),
					time.UnixMilli(m.Joined).UTC().Format(time.RFC3339), m.Replica)
			}
		})
	})
}

func leaveCommand(via http.RoundTripper) *cobra.Command {
	var all, force, yes bool
	cmd := &cobra.Command{
		Use: "leave", Short: "Take the node out of its cluster for good",
		Long: "The node refuses writes, hands what others lack to at least one member, says that\n" +
			"it leaves, and stays up read-only. If that does not work out within 10 seconds\n" +
			"nothing has changed.",
		Example: "  kvs leave --addr http://10.0.0.2:8080\n  kvs leave --all --yes",
		Args:    exactly(),
	}
	cmd.Flags().BoolVar(&all, "all", false, "wait until every member has all writes")
	cmd.Flags().BoolVar(&force, "force", false, "leave even if nobody takes the last writes: they are lost")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return asking(via, cmd, func(r *remote, _ []string) error {
		if err := confirm(cmd, yes, "take "+r.addr+" out of its cluster for good"); err != nil {
			return err
		}
		query := url.Values{}
		if all {
			query.Set("drain", "all")
		}
		if force {
			query.Set("force", "true")
		}
		var left struct {
			Drained bool      `json:"drained"`
			By      []peerRow `json:"acknowledged_by"`
		}
		body, err := r.ask(cmd.Context(), http.MethodPost, "/members/leave?"+query.Encode(), "", &left)
		if err != nil || r.format == "json" {
			return show(cmd, body, err)
		}
		if !left.Drained {
			fmt.Fprintln(cmd.OutOrStdout(), "left; no other member is known to have its last writes")
			return nil
		}
		fmt.Fprintln(cmd.OutOrStdout(), "left; all its writes are on", names(left.By))
		return nil
	})
}

func modeCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "mode [normal|read-only]", Short: "Show or switch whether the node takes writes",
		Long:    "A switch lasts until the node starts again: its setting read_only then counts.",
		Example: "  kvs mode\n  kvs mode read-only --addr http://10.0.0.2:8080",
		Args:    atMostOne, ValidArgs: []string{"normal", "read-only"},
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		method, path, body := http.MethodGet, "/health", ""
		if len(args) == 1 {
			if args[0] != "normal" && args[0] != "read-only" {
				return usage{fmt.Errorf("the mode must be normal or read-only, not %q. Try: kvs mode read-only", args[0])}
			}
			method, path, body = http.MethodPut, "/admin/mode", fmt.Sprintf(`{"mode":%q}`, args[0])
		}
		var answer struct {
			Mode string `json:"mode"`
		}
		out, err := r.ask(cmd.Context(), method, path, body, &answer)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), answer.Mode)
		return nil
	})
}

func clusterCommand(via http.RoundTripper) *cobra.Command {
	var yes, force bool
	forget := &cobra.Command{
		Use: "forget NODE", Short: "Evict a member that will not come back",
		Long: "Nobody waits for the member any more, and what it has not yet handed on is lost.\n" +
			"Should it come back, it joins as a new one. NODE is a node_id, or a replica id if\n" +
			"several members have the same node_id.",
		Example: "  kvs cluster forget gamma\n  kvs cluster forget 5e0c8a1f00d24c7e9b1a6f3d2c4b5a69 --yes",
		Args:    exactly("NODE"),
	}
	forget.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	forget.Flags().BoolVar(&force, "force", false, "also from a node without a cluster, or without all data yet")
	asking(via, forget, func(r *remote, args []string) error {
		if err := confirm(forget, yes, "forget "+args[0]+" for good"); err != nil {
			return err
		}
		path := "/members/" + url.PathEscape(args[0])
		if force {
			path += "?force=true"
		}
		if _, err := r.call(forget.Context(), http.MethodDelete, path, ""); err != nil {
			return err
		}
		if r.format == "table" {
			fmt.Fprintln(forget.OutOrStdout(), "forgotten:", args[0])
		}
		return nil
	})
	return parent(&cobra.Command{
		Use: "cluster", Short: "Administer the cluster", Example: "  kvs cluster init\n  kvs cluster forget gamma",
	}, initCommand(), joinTokenCommand(), joinCommand(), authorityCommand(), forget)
}

// confirm asks a person before what cannot be undone; a script says --yes.
func confirm(cmd *cobra.Command, yes bool, what string) error {
	if yes {
		return nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usage{fmt.Errorf("this would %s. Try: %s --yes", what, cmd.CommandPath())}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "This will %s. Go on? [y/N] ", what)
	answer, _ := bufio.NewReader(in).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return &failure{exitOther, "nothing was done", cmd.CommandPath() + " --yes"}
	}
	return nil
}

// show prints an answer as the API gave it, or passes the error on.
func show(cmd *cobra.Command, body []byte, err error) error {
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", strings.TrimSpace(string(body)))
	}
	return err
}

// ago words how long a moment of Unix milliseconds is past.
func ago(at int64) string {
	if at == 0 {
		return "never"
	}
	return span(time.Since(time.UnixMilli(at)).Milliseconds()) + " ago"
}

// span words a number of milliseconds.
func span(ms int64) string {
	d := time.Duration(max(ms, 0)) * time.Millisecond
	if d < time.Minute {
		return fmt.Sprintf("%d.%ds", d/time.Second, d%time.Second/(100*time.Millisecond))
	}
	return d.Round(time.Second).String()
}
