// Command kvs runs a node of the store, or a whole cluster to try it out.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kvs/internal/server"
)

// usage is an error in what was typed.
type usage struct{ error }

// mistyped makes what cobra says of arguments that nobody expects an error like the others.
func mistyped(err error) error {
	if err != nil && !errors.As(err, new(usage)) && strings.HasPrefix(err.Error(), "unknown command ") {
		return usage{fmt.Errorf("%w. Try: kvs --help", err)}
	}
	return err
}

func main() {
	if err := mistyped(rootCommand(http.DefaultTransport).Execute()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitCode(err))
	}
}

// rootCommand is the whole program. Commands that ask a node do it through via.
func rootCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kvs [config.yaml]",
		Short: "A key-value store for sites that must keep working alone",
		Long: "kvs runs a node. Without an argument it reads ./config.yaml, and writes a\n" +
			"commented one with all defaults if there is none.",
		Example: "  kvs                    start a node with ./config.yaml\n" +
			"  kvs node1.yaml         start a node with another configuration\n" +
			"  kvs demo               start three nodes in one process and try them\n" +
			"  kvs sync status        ask a running node how far it and the others are apart",
		Args:          configArgument,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       server.Version,
		RunE: func(cmd *cobra.Command, args []string) error {
			from := settingsOf{file: configPath(args)}
			return serve(cmd.ErrOrStderr(), from.source())
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage{fmt.Errorf("%w. Try: %s --help", err, cmd.CommandPath())}
	})
	cmd.SetVersionTemplate("kvs {{.Version}}\n")
	cmd.AddCommand(demoCommand(), versionCommand(), serveCommand(), contextCommand(), loginCommand(via),
		licensesCommand(), explainCommand(), cheatCommand(), dbCommand())
	cmd.AddCommand(operatorCommands(via)...)
	addCompletion(cmd, via)
	return cmd
}

// configArgument accepts one path, and takes a word that is no file for a
// mistyped command.
func configArgument(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage{fmt.Errorf("one configuration file is expected, not %d. Try: kvs --help", len(args))}
	}
	if len(args) == 0 || looksLikePath(args[0]) {
		return nil
	}
	text := fmt.Sprintf("unknown command %q.", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		slices.SortStableFunc(near, func(a, b string) int { // two letters swapped are likelier than one left out
			return abs(len(a)-len(args[0])) - abs(len(b)-len(args[0]))
		})
		text = fmt.Sprintf("unknown command %q, did you mean %q?", args[0], near[0])
	}
	return usage{errors.New(text + " A configuration file is named by its path, such as ./" + args[0] +
		" or " + args[0] + ".yaml. Try: kvs --help")}
}

func abs(n int) int { return max(n, -n) }
