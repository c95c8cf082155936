package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// served is what a server is told.
type served struct {
	name, addr, dir string
	keys, size      int
	member, cluster string // of etcd: its name, and name=peer address of all
	peer            string // of etcd: where it listens for the others
	loading         bool   // of NATS: whether it is filled, and need not sync
}

// serve runs one of the servers that this program brings along, until it is stopped.
func serve(name string, args []string) error {
	s := served{name: name}
	f := flag.NewFlagSet("serve", flag.ExitOnError)
	f.StringVar(&s.addr, "addr", "", "host:port for clients")
	f.StringVar(&s.dir, "dir", "", "where to store")
	f.IntVar(&s.keys, "keys", 0, "keys to begin with")
	f.IntVar(&s.size, "size", 0, "bytes of a value")
	f.StringVar(&s.member, "member", "m1", "name of a member")
	f.StringVar(&s.peer, "peer", "", "host:port for other members")
	f.StringVar(&s.cluster, "cluster", "", "all members")
	f.BoolVar(&s.loading, "loading", false, "do not sync")
	_ = f.Parse(args) // ends the process by itself
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	switch name {
	case "fixed":
		return serveFixed(stop, s)
	case "grouped", "synced":
		return serveBadger(stop, s)
	case "etcd":
		return serveEtcd(stop, s)
	case "nats":
		return serveNATS(stop, s)
	}
	return fmt.Errorf("there is no server %q", name)
}
