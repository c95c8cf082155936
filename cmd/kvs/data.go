package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kvs/client"
)

// valueBytesMax is the longest value that put reads: more than any node takes.
const valueBytesMax = 2 << 20

// keyPath is where the API has a key. One that ends with a slash is what lies below.
func keyPath(key string) string {
	return "/kv/" + client.EscapeKey(strings.TrimPrefix(key, "/"))
}

// condition is a header for what a write asks of the version that is there.
type condition struct {
	match  string
	create bool
}

func (c *condition) flags(cmd *cobra.Command, creates bool) {
	cmd.Flags().StringVar(&c.match, "if-match", "", "only if the key has this version, a UUID")
	if creates {
		cmd.Flags().BoolVar(&c.create, "create", false, "only if the key is not there")
	}
}

func (c *condition) headers() []string {
	switch {
	case c.create:
		return []string{"If-None-Match", "*"}
	case c.match != "":
		return []string{"If-Match", `"` + c.match + `"`}
	}
	return nil
}

func getCommand(via http.RoundTripper) *cobra.Command {
	var meta bool
	cmd := &cobra.Command{
		Use: "get KEY", Short: "Print a value",
		Example: "  kvs get users/john\n  kvs get users/john --meta", Args: exactly("KEY"),
	}
	cmd.Flags().BoolVar(&meta, "meta", false, "with its version, timestamp and expiry, as the API answers")
	return asking(via, cmd, func(r *remote, args []string) error {
		path := keyPath(args[0])
		if !meta && r.format != "json" {
			path += "?raw"
		}
		out, err := r.call(cmd.Context(), http.MethodGet, path, "")
		return show(cmd, out, err)
	})
}

func putCommand(via http.RoundTripper) *cobra.Command {
	var ttl string
	var text bool
	var only condition
	cmd := &cobra.Command{
		Use: "put KEY VALUE|@FILE|-", Short: "Store a value and print its version",
		Long: "VALUE is JSON, @FILE is read from a file, and - from standard input.",
		Example: "  kvs put users/john '{\"name\":\"John\"}'\n  kvs put users/john @john.json --ttl 1h\n" +
			"  kvs put counter 8 --if-match ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11\n" +
			"  echo '[1,2]' | kvs put list - --create\n  kvs put greeting 'hello there' --string",
		Args: exactly("KEY", "VALUE"),
	}
	cmd.Flags().StringVar(&ttl, "ttl", "", `how long it is kept, such as "90s" or "1h"; "0" for ever`)
	cmd.Flags().BoolVar(&text, "string", false, "the value is text, to be stored as a JSON string")
	only.flags(cmd, true)
	return asking(via, cmd, func(r *remote, args []string) error {
		if only.create && only.match != "" {
			return usage{errors.New("--create and --if-match exclude each other. Try: --create alone")}
		}
		value, err := readValue(cmd, args[1])
		if err != nil {
			return err
		}
		if text {
			value = body(value)
		}
		query := url.Values{"raw": {"true"}}
		if ttl != "" {
			query.Set("ttl", ttl)
		}
		out, err := r.call(cmd.Context(), http.MethodPut, keyPath(args[0])+"?"+query.Encode(), value, only.headers()...)
		return r.showVersion(cmd, args[0], out, err)
	})
}

// showVersion prints what a write became.
func (r *remote) showVersion(cmd *cobra.Command, key string, out []byte, err error) error {
	if err != nil || r.format == "json" {
		return show(cmd, out, err)
	}
	var w struct {
		UUID string `json:"uuid"`
	}
	if err := r.read(out, &w); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", key, w.UUID)
	return nil
}

// readValue reads what an argument stands for.
func readValue(cmd *cobra.Command, arg string) (string, error) {
	in := cmd.InOrStdin()
	file, named := strings.CutPrefix(arg, "@")
	switch {
	case named:
		f, err := os.Open(file)
		if err != nil {
			return "", usage{fmt.Errorf("%w. Try: @FILE of one that is there", err)}
		}
		defer f.Close()
		in = f
	case arg != "-":
		return arg, nil
	}
	text, err := io.ReadAll(io.LimitReader(in, valueBytesMax))
	if err != nil {
		return "", usage{fmt.Errorf("read the value: %w. Try: kvs put --help", err)}
	}
	return strings.TrimSpace(string(text)), nil
}
