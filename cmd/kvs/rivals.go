package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"kvs/internal/server"
)

func makeConflictCommand() *cobra.Command {
	return &cobra.Command{
		Use: "make-conflict DIR1 DIR2", Short: "Make two data directories that disagree",
		Long: "Two nodes that have never met have written " + server.ConflictKey + " in the same millisecond.\n" +
			"Start a node on each, one with the other as its seed: they become equal, and kvs history says why.",
		Example: "  kvs debug make-conflict /tmp/conflict1 /tmp/conflict2",
		Args:    exactly("DIR1", "DIR2"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := server.MakeConflict(args[0], args[1]); err != nil {
				return &failure{exitOther, err.Error(), "two directories that are empty or not there yet"}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s and %s disagree about %s\n", args[0], args[1], server.ConflictKey)
			return nil
		},
	}
}
