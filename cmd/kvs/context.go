package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func contextCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "context", Short: "Keep the addresses and tokens of nodes under names",
		Long: "A context is the address of a node, a token and the certificates to trust. Commands ask\n" +
			"the node of --context, of KVS_CONTEXT, or of the context in use. They are kept in a file\n" +
			"of this user alone, kvs/contexts.json below the user's configuration directory; or where\n" +
			"KVS_CONTEXT_FILE says.",
		Example: "  kvs context add prod --addr https://10.0.0.1:8080 --token-file prod.token\n" +
			"  kvs context use prod\n  curl -H \"$(kvs context header)\" \"$(kvs context url)/kv/_range\"",
	}, contextAddCommand(), contextListCommand(), contextUseCommand(), contextRemoveCommand(),
		contextURLCommand(), contextHeaderCommand())
}

func contextAddCommand() *cobra.Command {
	var c nodeContext
	var replace bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Keep a node under a name", Args: exactly("NAME"),
		Long: "The first context is in use at once; kvs context use changes that. A token file is read\n" +
			"at every command, so that it may change; kvs login keeps the token itself.",
		Example: "  kvs context add prod --addr https://10.0.0.1:8080 --token-file prod.token --ca-file ca.pem",
	}
	cmd.Flags().StringVar(&c.Addr, "addr", addrDefault, "the address of the node")
	cmd.Flags().StringVar(&c.TokenFile, "token-file", "", "file with a token, such as DATA_DIR/admin.token")
	cmd.Flags().StringVar(&c.CAFile, "ca-file", "", "file with the certificates (PEM) to trust at https:// addresses")
	cmd.Flags().BoolVar(&replace, "replace", false, "also if there is such a context")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		known, err := openContexts()
		if err != nil {
			return err
		}
		if _, there := known.Named[args[0]]; there && !replace {
			return &failure{exitConflict, "there is a context " + args[0] + " already", cmd.CommandPath() + " --replace"}
		}
		if err := c.check(args[0]); err != nil {
			return err
		}
		known.set(args[0], c)
		if err := known.save(); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), "added:", args[0])
		return nil
	}
	return cmd
}

// check refuses what no command could use, and makes paths good in every directory.
func (c *nodeContext) check(name string) error {
	if !contextName.MatchString(name) {
		return usage{fmt.Errorf("a context has 1 to 64 letters, digits, '.', '_' and '-' as its name, not %q. Try: prod", name)}
	}
	for _, path := range []*string{&c.TokenFile, &c.CAFile} {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = full
	}
	r := remote{addr: c.Addr, secret: c.TokenFile, token: c.Token, trust: c.CAFile, via: http.DefaultTransport}
	if err := r.connect(); err != nil {
		return err
	}
	c.Addr = r.addr
	return nil
}

func contextListCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use: "ls", Short: "List the contexts, the one in use with a star", Example: "  kvs context ls", Args: exactly(),
	}
	o.outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		finish, err := o.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		known, err := openContexts()
		if err != nil {
			return err
		}
		rows := contextRows(known)
		if o.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(rows))
			return nil
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "NAME\tADDRESS\tTOKEN\tCERTIFICATES\tIN USE")
			for _, c := range rows {
				star := ""
				if c.InUse {
					star = "*"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Name, c.Addr, cmp.Or(c.Token, "-"), cmp.Or(c.CAFile, "-"), star)
			}
		})
	}
	return cmd
}

// contextRow is a context without its secret.
type contextRow struct {
	Name   string `json:"name"`
	Addr   string `json:"addr"`
	Token  string `json:"token,omitempty"` // the file, or "kept"
	CAFile string `json:"ca_file,omitempty"`
	InUse  bool   `json:"in_use"`
}

func contextRows(known *contexts) []contextRow {
	out := []contextRow{}
	used := cmp.Or(os.Getenv("KVS_CONTEXT"), known.Current)
	for _, name := range slices.Sorted(maps.Keys(known.Named)) {
		c := known.Named[name]
		row := contextRow{name, c.Addr, c.TokenFile, c.CAFile, name == used}
		if c.Token != "" {
			row.Token = "kept"
		}
		out = append(out, row)
	}
	return out
}

func contextUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use CONTEXT", Short: "Ask the node of this context from now on", Example: "  kvs context use prod",
		Args: exactly("CONTEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			known, err := openContexts()
			if err != nil {
				return err
			}
			if _, err := known.get(args[0]); err != nil {
				return err
			}
			known.Current = args[0]
			if err := known.save(); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "in use:", args[0])
			return nil
		},
	}
}

func contextRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm CONTEXT", Short: "Forget a context, and the token that it keeps", Example: "  kvs context rm prod",
		Args: exactly("CONTEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			known, err := openContexts()
			if err != nil {
				return err
			}
			if _, err := known.get(args[0]); err != nil {
				return err
			}
			known.remove(args[0])
			if err := known.save(); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "removed:", args[0])
			return nil
		},
	}
}

func contextURLCommand() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use: "url", Short: "Print the address that commands ask", Args: exactly(),
		Example: "  curl -H \"$(kvs context header)\" \"$(kvs context url)/kv/users/john\"",
	}
	r.whereFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.locate(); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), r.addr)
		return nil
	}
	return cmd
}

func contextHeaderCommand() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use: "header", Short: "Print the header with the token, for curl -H", Args: exactly(),
		Long:    "Without a token it prints an empty line. What it prints is as good as the token.",
		Example: "  curl -H \"$(kvs context header)\" \"$(kvs context url)/kv/users/john\"",
	}
	r.whereFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.locate(); err != nil {
			return err
		}
		token := r.token
		if token == "" && r.secret != "" {
			text, err := os.ReadFile(r.secret)
			if err != nil {
				return fmt.Errorf("read the token: %w. Try: kvs login", err) // connect has read it a moment ago
			}
			token = strings.TrimSpace(string(text))
		}
		if token != "" {
			token = "Authorization: Bearer " + token
		}
		fmt.Fprintln(cmd.OutOrStdout(), token)
		return nil
	}
	return cmd
}

func loginCommand(via http.RoundTripper) *cobra.Command {
	r := &remote{via: via}
	cmd := &cobra.Command{
		Use: "login [CONTEXT]", Short: "Keep a token, once its node has taken it",
		Long: "Reads a token from the terminal, which does not show it, or from standard input; asks the\n" +
			"node whose it is; and keeps it in the context that is named, or else in the one in use.\n" +
			"With --addr the context is made, or gets another address.",
		Example: "  kvs login\n  kvs login prod --addr https://10.0.0.1:8080 < prod.token", Args: atMostOne,
	}
	cmd.Flags().StringVar(&r.addr, "addr", "", "the address of the node")
	cmd.Flags().StringVar(&r.trust, "ca-file", "", "file with the certificates (PEM) to trust at https:// addresses")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		known, err := openContexts()
		if err != nil {
			return err
		}
		name := known.Current
		if len(args) == 1 {
			name = args[0]
		}
		c, err := r.loginTo(known, name)
		if err != nil {
			return err
		}
		if c.Token, err = readToken(cmd); err != nil {
			return err
		}
		return r.keep(cmd, known, name, c)
	}
	return cmd
}

// loginTo is the context that a token is for.
func (r *remote) loginTo(known *contexts, name string) (nodeContext, error) {
	if name == "" {
		return nodeContext{}, usage{errors.New("no context is in use. Try: kvs login NAME --addr " + addrDefault)}
	}
	c, err := known.get(name)
	if err != nil && r.addr == "" {
		return c, usage{fmt.Errorf("there is no context %q. Try: kvs login %s --addr %s", name, name, addrDefault)}
	}
	c.Addr, c.CAFile = cmp.Or(r.addr, c.Addr), cmp.Or(r.trust, c.CAFile)
	c.Token, c.TokenFile = "", ""
	return c, nil
}

// keep asks the node of a context whether it takes the token, and saves both.
func (r *remote) keep(cmd *cobra.Command, known *contexts, name string, c nodeContext) error {
	if err := c.check(name); err != nil {
		return err
	}
	r.addr, r.token, r.trust = c.Addr, c.Token, c.CAFile
	if err := r.connect(); err != nil {
		return err
	}
	var me struct {
		User    string   `json:"user_uuid"`
		Scopes  []string `json:"scopes"`
		Expires int64    `json:"expires_at"`
	}
	if _, err := r.ask(cmd.Context(), http.MethodGet, "/auth/whoami", "", &me); err != nil {
		return err
	}
	known.set(name, c)
	if err := known.save(); err != nil {
		return err
	}
	who := "user " + me.User
	if strings.Trim(me.User, "0-") == "" {
		who = "the node's administrator"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, until %s\n", name, who,
		strings.Join(me.Scopes, " "), time.UnixMilli(me.Expires).UTC().Format(time.RFC3339))
	return nil
}

// readToken reads a line, from a terminal without showing it.
func readToken(cmd *cobra.Command) (string, error) {
	in := cmd.InOrStdin()
	var text []byte
	var err error
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(cmd.ErrOrStderr(), "Token: ")
		text, err = term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
	} else {
		text, err = bufio.NewReader(io.LimitReader(in, tokenBytesMax)).ReadBytes('\n')
	}
	token := strings.TrimSpace(string(text))
	if err != nil && !errors.Is(err, io.EOF) || token == "" {
		return "", usage{errors.New("there is no token to read. Try: kvs login < DATA_DIR/admin.token")}
	}
	return token, nil
}
