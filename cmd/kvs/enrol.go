package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/config"
	"kvs/internal/server"
)

const (
	configName = "config.yaml"
	secretName = "cluster.secret" // beside the configuration

	tokenTTLDefault = time.Hour
	tokenTTLMax     = 24 * time.Hour
)

// newcomer is what the flags say about a node that gets a configuration.
type newcomer struct {
	nodeID, bind, dataDir string
	port                  int
}

func (n *newcomer) flags(cmd *cobra.Command) {
	base := config.Default()
	cmd.Flags().StringVar(&n.nodeID, "node-id", "", "name of this node (default the host's, with the port unless that is "+
		strconv.Itoa(base.Port)+")")
	cmd.Flags().StringVar(&n.bind, "bind-address", base.BindAddress, "address of this machine that others reach")
	cmd.Flags().IntVar(&n.port, "port", base.Port, "port of this node")
	cmd.Flags().StringVar(&n.dataDir, "data-dir", base.DataDir, "directory for its data")
}

// set fills in a configuration. Nodes on one machine have a port each, so the port
// tells apart those that nobody has named.
func (n *newcomer) set(cfg *config.Config) {
	switch {
	case n.nodeID != "":
		cfg.NodeID = n.nodeID
	case n.port != cfg.Port:
		cfg.NodeID += "-" + strconv.Itoa(n.port)
	}
	cfg.BindAddress, cfg.Port, cfg.DataDir = n.bind, n.port, n.dataDir
}

func configPath(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return configName
}

func secretPath(config string) string { return filepath.Join(filepath.Dir(config), secretName) }

// enrol writes a secret and the configuration that names it, or neither.
func enrol(cmd *cobra.Command, path string, secret config.Secret, set func(*config.Config)) error {
	if err := config.WriteSecret(secretPath(path), secret); err != nil {
		return taken(err, cmd)
	}
	err := config.WriteNew(path, func(cfg *config.Config) {
		cfg.ClusterSecretFile = secretPath(path)
		set(cfg)
	})
	if err != nil {
		return taken(errors.Join(err, os.Remove(secretPath(path))), cmd)
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "wrote %s: the secret of the cluster. Whoever has it is a member: keep it so.\n", secretPath(path))
	fmt.Fprintf(out, "wrote %s\n", path)
	return nil
}

// taken explains an error about a file that is there already.
func taken(err error, cmd *cobra.Command) error {
	if errors.Is(err, fs.ErrExist) {
		return &failure{exitConflict, err.Error(), cmd.CommandPath() + " in another directory"}
	}
	return err
}

func initCommand() *cobra.Command {
	var n newcomer
	var name string
	cmd := &cobra.Command{
		Use: "init [config.yaml]", Short: "Draw the secret of a new cluster, for its first node",
		Long: "Writes cluster.secret beside the configuration, readable by its owner only, and a\n" +
			"configuration that names it. If there is a configuration already it is left alone, and\n" +
			"the line to add is shown. The flags are for a new one.",
		Example: "  kvs cluster init\n  kvs cluster init node1.yaml --node-id alpha --bind-address 10.0.0.1",
		Args:    atMostOne,
	}
	n.flags(cmd)
	cmd.Flags().StringVar(&name, "cluster-name", "", "name that all its nodes share")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, out := configPath(args), cmd.OutOrStdout()
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = enrol(cmd, path, config.NewSecret(), func(cfg *config.Config) {
				n.set(cfg)
				cfg.ClusterName = name
			})
		case err == nil:
			err = secretFor(cmd, path, text)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Next:\n  kvs %s\n  kvs cluster join-token %s    once for each further node\n", path, path)
		return nil
	}
	return cmd
}

// secretFor draws a secret beside a configuration that somebody has written.
func secretFor(cmd *cobra.Command, path string, text []byte) error {
	cfg, err := config.Parse(path, text)
	if err != nil {
		return err
	}
	if cfg.ClusterSecret != "" || cfg.ClusterSecretFile != "" || cfg.HasPKI() {
		return &failure{exitConflict, path + " says already what nodes know each other by", "kvs cluster ca show " + path}
	}
	if err := config.WriteSecret(secretPath(path), config.NewSecret()); err != nil {
		return taken(err, cmd)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "wrote %s: the secret of the cluster. Whoever has it is a member: keep it so.\n"+
		"Add to %s:\n  cluster_secret_file: %q\n", secretPath(path), path, secretPath(path))
	return nil
}

func joinTokenCommand() *cobra.Command {
	var ttl time.Duration
	var address string
	cmd := &cobra.Command{
		Use: "join-token [config.yaml]", Short: "Print what a further node needs to join",
		Long: "The token holds the secret of the cluster. Its time bounds how long kvs cluster join\n" +
			"takes it, not what somebody learns who reads it: hand it over as you would the secret.\n" +
			"Run it on a machine that has the configuration of a node; the node need not run.",
		Example: "  kvs cluster join-token\n  kvs cluster join-token node1.yaml --ttl 10m",
		Args:    atMostOne,
	}
	cmd.Flags().DurationVar(&ttl, "ttl", tokenTTLDefault, "how long it is taken, at most 24h")
	cmd.Flags().StringVar(&address, "address", "", "host:port of a member, if not this node's own")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if ttl <= 0 || ttl > tokenTTLMax {
			return usage{fmt.Errorf("--ttl must be more than 0 and at most %v, not %v. Try: --ttl 1h", tokenTTLMax, ttl)}
		}
		path := configPath(args)
		cfg, err := readConfig(path)
		if err != nil {
			return err
		}
		t, err := tokenFor(cfg, path, address, time.Now().Add(ttl))
		if err != nil {
			return err
		}
		text, err := t.encode()
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "It holds the secret of the cluster, and is taken until %s. On the new machine:\n"+
			"  kvs cluster join --token - --bind-address ITS-ADDRESS\n",
			time.Unix(t.Expires, 0).UTC().Format(time.RFC3339))
		fmt.Fprintln(cmd.OutOrStdout(), text)
		return nil
	}
	return cmd
}

func tokenFor(cfg config.Config, path, address string, end time.Time) (joinToken, error) {
	trust, err := server.TrustOf(cfg)
	if err != nil {
		return joinToken{}, err
	}
	if trust.Source != "cluster_secret" {
		return joinToken{}, &failure{exitConflict, path + " names no secret that a token could hold", "kvs cluster init " + path}
	}
	secret, err := cfg.LoadClusterSecret()
	if err != nil {
		return joinToken{}, err
	}
	if address == "" {
		if address, err = server.PeerAddress(cfg); err != nil {
			return joinToken{}, err
		}
	}
	return joinToken{
		Address: address, Cluster: cfg.ClusterName, Auth: cfg.AuthEnabled, Secret: secret.Reveal(),
		Authority: fingerprint(trust.Authorities[0]), Expires: end.Unix(),
	}, nil
}

// readConfig reads what a node at path would start with, where it must be there.
func readConfig(path string) (config.Config, error) {
	l, err := config.Source{File: path, Env: os.Environ()}.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return config.Config{}, &failure{exitNotFound, "there is no " + path + " here", "kvs cluster init " + path}
	}
	return l.Config, err
}

func joinCommand() *cobra.Command {
	var n newcomer
	var text, path string
	cmd := &cobra.Command{
		Use: "join [ADDRESS]", Short: "Write the configuration of a node that joins a cluster",
		Long: "Writes cluster.secret and a configuration from a token of kvs cluster join-token, and\n" +
			"starts nothing. It refuses where there is a configuration, a secret or data already.\n" +
			"ADDRESS is a member's, host:port, if not the one in the token. --token - reads the token\n" +
			"from the standard input, so that it shows in no list of processes.",
		Example: "  kvs cluster join --token - --bind-address 10.0.0.2\n" +
			"  kvs cluster join 10.0.0.1:8080 --token kvsjoin1.eyJh... --node-id beta",
		Args: atMostOne,
	}
	n.flags(cmd)
	cmd.Flags().StringVar(&text, "token", "", "the token, or - to read it from the standard input")
	cmd.Flags().StringVar(&path, "config", configName, "configuration to write")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t, err := takeToken(cmd, text)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			t.Address = args[0]
		}
		if err := n.mayJoin(t.Address); err != nil {
			return err
		}
		err = enrol(cmd, path, config.Secret(t.Secret), func(cfg *config.Config) {
			n.set(cfg)
			cfg.ClusterName, cfg.AuthEnabled, cfg.SeedNodes = t.Cluster, t.Auth, []string{t.Address}
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "authority %s\nNext:\n  kvs %s\n", t.Authority, path)
		return nil
	}
	return cmd
}

// takeToken reads a token and sees that its secret arrived whole.
func takeToken(cmd *cobra.Command, text string) (joinToken, error) {
	const try = "kvs cluster join-token, on a machine with a node of the cluster"
	switch text {
	case "":
		return joinToken{}, usage{errors.New("--token is needed. Try: " + try)}
	case "-":
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), tokenBytesMax)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return joinToken{}, fmt.Errorf("read the token: %w. Try: --token with the token itself", err)
		}
		text = line
	}
	t, err := parseToken(text, time.Now())
	if err == nil {
		var trust server.Trust
		trust, err = server.TrustOf(config.Config{ClusterSecret: config.Secret(t.Secret)})
		if err == nil && fingerprint(trust.Authorities[0]) != t.Authority {
			err = errNoToken
		}
	}
	if err != nil {
		return joinToken{}, &failure{exitForbidden, err.Error(), try}
	}
	return t, nil
}

// mayJoin refuses what could not work, or would take over somebody's data.
func (n *newcomer) mayJoin(member string) error {
	host, _, err := net.SplitHostPort(member)
	if err != nil {
		return usage{fmt.Errorf("the address of a member must be host:port, not %q. Try: 10.0.0.1:8080", member)}
	}
	theirs, _ := netip.ParseAddr(host) // a name may be of any machine
	ours, err := netip.ParseAddr(n.bind)
	if err == nil && ours.IsLoopback() && !theirs.IsLoopback() && host != "localhost" {
		return usage{fmt.Errorf("a node on %s cannot reach %s, nor be reached. Try: --bind-address with an address "+
			"of this machine", n.bind, member)}
	}
	if own := net.JoinHostPort(n.bind, strconv.Itoa(n.port)); own == member {
		return usage{fmt.Errorf("this node would be at %s, where the member is that it joins. Try: --port with another",
			own)}
	}
	if files, err := os.ReadDir(n.dataDir); err == nil && len(files) > 0 {
		return &failure{exitConflict, "there is data in " + n.dataDir + " already: it would join with it",
			"--data-dir with a directory that is empty or not there"}
	}
	return nil
}

func authorityCommand() *cobra.Command {
	show := &cobra.Command{
		Use: "show [config.yaml]", Short: "Show what the nodes of a cluster know each other by",
		Long: "Nodes with the same fingerprint are of one authority. That of a secret is derived: it\n" +
			"is on no disk, and every node issues itself a certificate of 90 days at its start, and\n" +
			"a fresh one when two thirds of that are over.",
		Example: "  kvs cluster ca show\n  kvs cluster ca show node1.yaml",
		Args:    atMostOne,
	}
	show.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := readConfig(configPath(args))
		if err != nil {
			return err
		}
		trust, err := server.TrustOf(cfg)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		switch trust.Source {
		case "":
			fmt.Fprintln(out, "no secret and no files: peers on loopback only, with an authority that everybody has")
		default:
			fmt.Fprintln(out, "from", trust.Source)
		}
		return table(out, func(w io.Writer) {
			for _, c := range trust.Authorities {
				fmt.Fprintf(w, "authority\t%s\tuntil %s\t%s\n", fingerprint(c), c.NotAfter.UTC().Format(time.RFC3339), c.Subject)
			}
			if c := trust.Own; c != nil {
				fmt.Fprintf(w, "this node\t%s\tuntil %s\t%v\n", fingerprint(c), c.NotAfter.UTC().Format(time.RFC3339), c.URIs)
			}
		})
	}
	return parent(&cobra.Command{Use: "ca", Short: "The authority of the cluster", Example: "  kvs cluster ca show"}, show)
}
