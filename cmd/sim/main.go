// Command sim runs clusters of the real core on a virtual clock, over bad
// networks and disks, until something breaks. The same seed and code give the
// same run, on every machine.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Exit codes, as scripts rely on them.
const (
	exitOracle          = 1
	exitUsage           = 2
	exitNotReproducible = 3
)

// exit is an error that carries its exit code.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return e.err.Error() }

func main() {
	// Worlds are small and make much garbage: memory is cheaper than time here.
	debug.SetGCPercent(400)
	if err := commands().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		var e exit
		if errors.As(err, &e) {
			os.Exit(e.code)
		}
		os.Exit(exitUsage)
	}
}

// commands is the program: all that it can be asked for.
func commands() *cobra.Command {
	root := &cobra.Command{
		Use:           "sim",
		Short:         "Simulate clusters of kvs: one seed, a swarm of seeds, the smallest that fails",
		SilenceUsage:  true,
		SilenceErrors: true,
		Example: `  sim run --seed 7
  sim run --scenario partition --nodes 5 --seed 42 --trace out.txt
  sim swarm --seeds 2000
  sim shrink --seed 4711`,
	}
	root.AddCommand(runCommand(), swarmCommand(), mutantsCommand(), shrinkCommand(), replayCommand())
	return root
}
