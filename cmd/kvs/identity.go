package main

import (
	"fmt"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"
)

// identityFlag adds the flag for a file that opens encrypted backups.
func identityFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "identity", "", "file with an identity of age, as age-keygen writes it, for an encrypted backup")
}

// readIdentities reads such a file; without a path there are none.
func readIdentities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usage{fmt.Errorf("--identity: %w. Try: the file that age-keygen -o made", err)}
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, usage{fmt.Errorf("--identity: %s: %w. Try: a file with a line AGE-SECRET-KEY-1…", path, err)}
	}
	return ids, nil
}
