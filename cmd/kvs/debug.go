package main

import "github.com/spf13/cobra"

// debugCommand holds what looks into a node, or sets one up to be looked into.
func debugCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "debug", Short: "Look into a node, or set up something to look at",
		Example: "  kvs debug make-conflict /tmp/conflict1 /tmp/conflict2",
	}, makeConflictCommand())
}
