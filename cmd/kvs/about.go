package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kvs/internal/licenses"
	"kvs/internal/server"
)

func versionCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  kvs version\n  kvs version -o json", Args: exactly(),
	}
	o.outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		finish, err := o.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		if o.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(struct {
				Version  string `json:"version"`
				Revision string `json:"revision"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{server.Version, server.Revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}))
			return nil
		}
		fmt.Fprintln(cmd.OutOrStdout(), "kvs", server.Version)
		return nil
	}
	return cmd
}

func licensesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "licenses", Short: "Print the licences of kvs and of all that is in it", Example: "  kvs licenses | less",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(licenses.Text())
			return err
		},
	}
}

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain [PROBLEM]", Short: "Say what an error of a node means, and what to try",
		Long:    "PROBLEM is the code of an error, the end of its type. Without one all are listed.",
		Example: "  kvs explain precondition-failed\n  kvs explain", Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			all := server.Problems()
			if len(args) == 0 {
				return table(cmd.OutOrStdout(), func(w io.Writer) {
					fmt.Fprintln(w, "PROBLEM\tSTATUS\tTITLE")
					for _, p := range all {
						fmt.Fprintf(w, "%s\t%d\t%s\n", p.Slug, p.Status, p.Title)
					}
				})
			}
			slug := strings.TrimPrefix(args[0], "/problems/")
			for _, p := range all {
				if p.Slug == slug {
					fmt.Fprintf(cmd.OutOrStdout(), "%s (%s, HTTP %d)\n\n%s\n", p.Title, p.Slug, p.Status, p.Text)
					return nil
				}
			}
			return &failure{exitNotFound, fmt.Sprintf("there is no problem %q", args[0]), "kvs explain, for all there are"}
		},
	}
}

// cheatCommand shows the examples that the commands have themselves.
func cheatCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cheat [COMMAND]", Short: "Print the examples of all commands, or of one", Example: "  kvs cheat\n  kvs cheat backup",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			found := false
			walkCommands(cmd.Root(), func(c *cobra.Command) {
				path := strings.Fields(c.CommandPath())
				if c.Example == "" || len(args) == 1 && !slices.Contains(path[1:], args[0]) {
					return
				}
				found = true
				fmt.Fprintf(cmd.OutOrStdout(), "# %s: %s\n%s\n\n", c.CommandPath(), c.Short, c.Example)
			})
			if !found {
				return &failure{exitNotFound, fmt.Sprintf("there is no command %q", args[0]), "kvs --help"}
			}
			return nil
		},
	}
}

// walkCommands visits a command and all below it that people see, parents first.
func walkCommands(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			walkCommands(child, visit)
		}
	}
}
