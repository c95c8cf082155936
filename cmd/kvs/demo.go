package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/demo"
)

// demoPort is that of the first node unless another is given.
const demoPort = 8081

func demoCommand() *cobra.Command {
	var (
		opt  demo.Options
		loss string
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a cluster in this process, with sample data, and break it",
		Long: "Real nodes over real QUIC, in one process. At a terminal keys cut nodes off, make conflicts\n" +
			"and so on; from another one, kvs demo cut gamma and the like do the same.",
		Example: "  kvs demo\n" +
			"  kvs demo --nodes 5 --port 9001 --latency 20ms --loss 1%\n" +
			"  kvs demo cut gamma",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if opt.Nodes < 1 || opt.Nodes > demo.NodesMax {
				return usage{fmt.Errorf("--nodes must be from 1 to %d, not %d", demo.NodesMax, opt.Nodes)}
			}
			if opt.Port < 1 || opt.Port+opt.Nodes > 1<<16 {
				return usage{fmt.Errorf("--port must leave room for %d ports below 65536, not %d", opt.Nodes, opt.Port)}
			}
			if opt.Latency < 0 || opt.Latency > time.Minute {
				return usage{fmt.Errorf("--latency must be from 0s to 1m, not %v. Try: --latency 20ms", opt.Latency)}
			}
			if opt.Loss, err = perMillion(loss); err != nil {
				return usage{fmt.Errorf("--loss must be a share of the packets below 100%%, not %q. Try: --loss 1%%", loss)}
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runDemo(ctx, cmd.OutOrStdout(), opt)
		},
	}
	f := cmd.Flags()
	f.IntVar(&opt.Nodes, "nodes", 3, "how many nodes")
	f.StringVar(&opt.Keep, "keep", "", "directory for the data, which stays and is gone on with the next time")
	f.DurationVar(&opt.Latency, "latency", 0, "how long each packet between nodes takes")
	f.StringVar(&loss, "loss", "0%", "how many of the packets between nodes get lost")
	cmd.PersistentFlags().IntVar(&opt.Port, "port", demoPort, "port of the first node; the others follow")
	for _, v := range demoVerbs {
		cmd.AddCommand(demoVerbCommand(v, &opt.Port))
	}
	return cmd
}

// perMillion reads a percentage below 100.
func perMillion(text string) (int, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(f >= 0 && f < 100) || !strings.HasSuffix(text, "%") {
		return 0, errors.New("no percentage")
	}
	return int(math.Round(f * 10_000)), nil
}

// demoVerb is what another terminal can have a demo do.
type demoVerb struct {
	use, short, example string
	least, most         int // arguments
	fill                func(a *demo.Ask, args []string) error
}

func askNode(a *demo.Ask, args []string) error {
	if len(args) > 0 {
		a.Node = args[0]
	}
	return nil
}

var demoVerbs = []demoVerb{
	{"cut NODE", "Take a node of the demo off the network", "kvs demo cut gamma", 1, 1, askNode},
	{"heal [NODE]", "Take nodes back that were cut off", "kvs demo heal", 0, 1, askNode},
	{"kill NODE", "End a node without a word to the others", "kvs demo kill beta", 1, 1, askNode},
	{"restart NODE", "Start a node again that was killed", "kvs demo restart beta", 1, 1, askNode},
	{"skew NODE BY", "Make a node's clock wrong", "kvs demo skew gamma 5s\n  kvs demo skew gamma 0s", 2, 2,
		func(a *demo.Ask, args []string) (err error) {
			if a.By, err = time.ParseDuration(args[1]); err != nil {
				return usage{fmt.Errorf("BY must be a time, not %q. Try: kvs demo skew gamma 5s", args[1])}
			}
			return askNode(a, args)
		}},
	{"conflict", "Let two nodes write one key while they are apart", "kvs demo conflict", 0, 0, askNode},
	{"writers on|off", "Let sensors write on every node, or stop that", "kvs demo writers on", 1, 1,
		func(a *demo.Ask, args []string) error {
			if a.On = args[0] == "on"; !a.On && args[0] != "off" {
				return usage{fmt.Errorf("writers are on or off, not %q. Try: kvs demo writers on", args[0])}
			}
			return nil
		}},
}

func demoVerbCommand(v demoVerb, port *int) *cobra.Command {
	verb, _, _ := strings.Cut(v.use, " ")
	return &cobra.Command{
		Use: v.use, Short: v.short, Example: "  " + v.example, Args: cobra.RangeArgs(v.least, v.most),
		RunE: func(_ *cobra.Command, args []string) error {
			ask := demo.Ask{Verb: verb}
			if err := v.fill(&ask, args); err != nil {
				return err
			}
			err := demo.Command(*port, ask)
			if errors.Is(err, demo.ErrNoDemo) {
				return &failure{exitUnreachable, err.Error(), "kvs demo, in another terminal; --port, if it has another"}
			}
			return err
		},
	}
}
