package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

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
	var version string
	var copies int
	cmd := &cobra.Command{
		Use: "get KEY", Short: "Print a value",
		Long: "A terminal gets it over several lines if it is long. A pipe, a file and -o raw get the bytes\n" +
			"that were stored, and nothing behind them.",
		Example: "  kvs get users/john\n  kvs get users/john --meta\n  kvs get users/john --rev ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11",
		Args:    exactly("KEY"),
	}
	cmd.Flags().BoolVar(&meta, "meta", false, "with its version, timestamp and expiry, as the API answers")
	cmd.Flags().StringVar(&version, "rev", "", "a version that it had, as kvs history shows them")
	cmd.Flags().IntVar(&copies, "read", 0, "the newest that so many replicas have, this one among them")
	return asking(via, cmd, func(r *remote, args []string) error {
		query := url.Values{}
		if version != "" {
			query.Set("rev", version)
		}
		if cmd.Flags().Changed("read") {
			query.Set("read", strconv.Itoa(copies))
		}
		path := keyPath(args[0])
		bare := !meta && r.format != "json"
		switch {
		case bare && len(query) == 0:
			path += "?raw"
		case bare:
			query.Set("raw", "true")
			fallthrough
		case len(query) > 0:
			path += "?" + query.Encode()
		}
		out, err := r.call(cmd.Context(), http.MethodGet, path, "")
		switch {
		case err != nil || !bare:
			return show(cmd, out, err)
		case r.wanted == "table" && isTerminal(cmd.OutOrStdout()):
			out = forReading(out)
		}
		_, err = cmd.OutOrStdout().Write(out)
		return err
	})
}

// lineMax is how long a value may be to be shown in one line.
const lineMax = 80

// forReading is a value as people read it.
func forReading(value []byte) []byte {
	var out bytes.Buffer
	if len(value) <= lineMax || json.Indent(&out, value, "", "  ") != nil {
		out.Reset()
		out.Write(value)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

func putCommand(via http.RoundTripper) *cobra.Command {
	var ttl, acks string
	var wait time.Duration
	var text bool
	var only condition
	cmd := &cobra.Command{
		Use: "put KEY VALUE|@FILE|-", Short: "Store a value and print its version",
		Long: "VALUE is JSON, @FILE is read from a file, and - from standard input. With --acks the answer\n" +
			"waits until so many replicas have the value durably. If they do not in time it is stored\n" +
			"all the same, on fewer of them for now, and the exit code is 6.",
		Example: "  kvs put users/john '{\"name\":\"John\"}'\n  kvs put users/john @john.json --ttl 1h\n" +
			"  kvs put counter 8 --if-match ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11\n" +
			"  echo '[1,2]' | kvs put list - --create\n  kvs put greeting 'hello there' --string",
		Args: exactly("KEY", "VALUE"),
	}
	cmd.Flags().StringVar(&ttl, "ttl", "", `how long it is kept, such as "90s" or "1h"; "0" for ever`)
	cmd.Flags().BoolVar(&text, "string", false, "the value is text, to be stored as a JSON string")
	cmd.Flags().StringVar(&acks, "acks", "", "on how many replicas it has to be: a number, or all")
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Second, "with --acks: how long to wait for them, at most 1m")
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
		if acks == "" {
			out, err := r.call(cmd.Context(), http.MethodPut, keyPath(args[0])+"?"+query.Encode(), value, only.headers()...)
			return r.showVersion(cmd, args[0], out, err)
		}
		query.Set("acks", acks)
		query.Set("wait", wait.String())
		a, err := r.answer(cmd.Context(), http.MethodPut, keyPath(args[0])+"?"+query.Encode(), value, only.headers()...)
		if err != nil {
			return err
		}
		if err := r.showVersion(cmd, args[0], a.Body, nil); err != nil || a.Status != http.StatusAccepted {
			return err
		}
		return &failure{exitUnreachable, fmt.Sprintf("%s is stored, but after %v only %s replicas have it", args[0], wait, a.Header.Get("KVS-Acks")),
			"kvs sync status, for which member is away or behind"}
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
