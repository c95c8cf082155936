package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/client"
)

const (
	// importBatch is how many keys, and importBytes how many bytes, go in one request.
	importBatch = 500
	importBytes = 2 << 20
	// lineBytesMax bounds one line of what is imported: a value and its key.
	lineBytesMax = 4 << 20
	// namedMax bounds the refused keys that are named.
	namedMax = 10
)

// ported is one key on its way out or in: a line of JSON.
type ported struct {
	Key       string          `json:"key"`
	UUID      string          `json:"uuid,omitempty"`
	Timestamp int64           `json:"timestamp,omitempty"`
	ExpiresAt int64           `json:"expires_at,omitempty"`
	Data      json.RawMessage `json:"data"`
}

func exportCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "export [PREFIX]", Short: "Write all keys that begin with PREFIX to standard output, a line of JSON each",
		Example: "  kvs export > all.jsonl\n  kvs export users/ > users.jsonl", Args: atMostOne,
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		options := client.RangeOptions{}
		if len(args) == 1 {
			options.Prefix = strings.TrimPrefix(args[0], "/")
		}
		out := bufio.NewWriter(cmd.OutOrStdout())
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		for record, err := range r.client.Range(cmd.Context(), options) {
			if err != nil {
				return errors.Join(out.Flush(), r.failed(err))
			}
			p := ported{Key: record.Key, UUID: string(record.Version), Timestamp: record.Timestamp.UnixMilli(), Data: record.Data}
			if !record.ExpiresAt.IsZero() {
				p.ExpiresAt = record.ExpiresAt.UnixMilli()
			}
			if err := lines.Encode(p); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// importing is an import under way.
type importing struct {
	from       string
	skip, dry  bool
	r          *remote
	ops        []client.Op
	keys       []string
	bytes      int
	done, kept int
	expired    int
	refused    []string
	failed     int
}

func importCommand(via http.RoundTripper) *cobra.Command {
	var im importing
	cmd := &cobra.Command{
		Use: "import [FILE|-]", Short: "Store what kvs export, Consul or etcd have written",
		Long: "Without --from a line is {\"key\":..., \"data\":...} as kvs export writes it. Consul: the output of\n" +
			"consul kv export. etcd: that of etcdctl get --prefix '' -w json. What is no JSON there becomes a string.",
		Example: "  kvs import users.jsonl\n  kvs export | kvs import - --addr other:8080\n  consul kv export | kvs import - --from consul --skip-existing",
		Args:    atMostOne,
	}
	cmd.Flags().StringVar(&im.from, "from", "kvs", "who has written it: kvs, consul or etcd")
	cmd.Flags().BoolVar(&im.skip, "skip-existing", false, "leave keys alone that are there")
	cmd.Flags().BoolVar(&im.dry, "dry-run", false, "read all of it, and store nothing")
	return asking(via, cmd, func(r *remote, args []string) error {
		in := cmd.InOrStdin()
		if len(args) == 1 && args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return usage{fmt.Errorf("%w. Try: a file that is there", err)}
			}
			defer f.Close()
			in = f
		}
		im.r, r.attempts = r, bulkAttempts
		if err := r.connect(); err != nil {
			return err
		}
		if err := im.read(cmd.Context(), in); err != nil {
			return err
		}
		return im.report(cmd)
	})
}

// read hands on what comes in, a batch at a time.
func (im *importing) read(ctx context.Context, in io.Reader) error {
	read, ok := map[string]func(io.Reader, func(ported) error) error{
		"kvs": readLines, "consul": readConsul, "etcd": readEtcd,
	}[im.from]
	if !ok {
		return usage{fmt.Errorf("--from must be kvs, consul or etcd, not %q. Try: --from consul", im.from)}
	}
	if err := read(in, func(p ported) error { return im.add(ctx, p) }); err != nil {
		return err
	}
	return im.send(ctx)
}

func readLines(in io.Reader, visit func(ported) error) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, lineBytesMax)
	for n := 1; scan.Scan(); n++ {
		if len(strings.TrimSpace(scan.Text())) == 0 {
			continue
		}
		var p ported
		if err := json.Unmarshal(scan.Bytes(), &p); err != nil || p.Key == "" || p.Data == nil {
			return usage{fmt.Errorf("line %d is not {\"key\":..., \"data\":...}. Try: a file that kvs export has written", n)}
		}
		if err := visit(p); err != nil {
			return err
		}
	}
	return scan.Err()
}

func readConsul(in io.Reader, visit func(ported) error) error {
	var rows []struct{ Key, Value string }
	if err := json.NewDecoder(in).Decode(&rows); err != nil {
		return usage{fmt.Errorf("this is not an export of Consul: %w. Try: consul kv export", err)}
	}
	for _, row := range rows {
		value, err := base64.StdEncoding.DecodeString(row.Value)
		if err != nil {
			return usage{fmt.Errorf("the value of %q is not base64. Try: consul kv export", row.Key)}
		}
		if strings.HasSuffix(row.Key, "/") && len(value) == 0 {
			continue // a folder, which is no key here
		}
		if err := visit(ported{Key: row.Key, Data: asJSON(value)}); err != nil {
			return err
		}
	}
	return nil
}

func readEtcd(in io.Reader, visit func(ported) error) error {
	var dump struct {
		Kvs []struct{ Key, Value []byte }
	}
	if err := json.NewDecoder(in).Decode(&dump); err != nil {
		return usage{fmt.Errorf("this is not a dump of etcd: %w. Try: etcdctl get --prefix '' -w json", err)}
	}
	for _, row := range dump.Kvs {
		if err := visit(ported{Key: strings.TrimPrefix(string(row.Key), "/"), Data: asJSON(row.Value)}); err != nil {
			return err
		}
	}
	return nil
}

// asJSON takes a value as it is if it is JSON, and as text if not.
func asJSON(value []byte) json.RawMessage {
	if json.Valid(value) {
		return value
	}
	return json.RawMessage(body(strings.ToValidUTF8(string(value), "\uFFFD")))
}

// add puts a key into the batch.
func (im *importing) add(ctx context.Context, p ported) error {
	var options []client.WriteOption
	if im.skip {
		options = append(options, client.IfAbsent())
	}
	if p.ExpiresAt != 0 {
		left := time.Until(time.UnixMilli(p.ExpiresAt))
		if left <= 0 {
			im.expired++
			return nil
		}
		options = append(options, client.TTL(left))
	}
	twice := slices.Contains(im.keys, p.Key) // which one batch refuses
	if len(im.ops) == importBatch || twice || im.bytes+len(p.Data) > importBytes && len(im.ops) > 0 {
		if err := im.send(ctx); err != nil {
			return err
		}
	}
	im.ops = append(im.ops, client.OpPut(p.Key, p.Data, options...))
	im.keys = append(im.keys, p.Key)
	im.bytes += len(p.Data) + len(p.Key)
	return nil
}

func (im *importing) send(ctx context.Context) error {
	defer func() { im.ops, im.keys, im.bytes = im.ops[:0], im.keys[:0], 0 }()
	if len(im.ops) == 0 {
		return nil
	}
	if im.dry {
		im.done += len(im.ops)
		return nil
	}
	results, err := im.r.client.Batch(ctx, im.ops)
	if err != nil {
		return im.r.failed(err)
	}
	for i := range results {
		switch err := results[i].Err; {
		case err == nil:
			im.done++
		case im.skip && errors.Is(err, client.ErrPrecondition):
			im.kept++
		default:
			if im.failed++; len(im.refused) < namedMax {
				im.refused = append(im.refused, fmt.Sprintf("%s: %v", im.keys[i], err))
			}
		}
	}
	return nil
}

func (im *importing) report(cmd *cobra.Command) error {
	verb := "stored"
	if im.dry {
		verb = "would be stored"
	}
	text := fmt.Sprintf("%d keys %s", im.done, verb)
	if im.kept > 0 {
		text += fmt.Sprintf(", %d were there", im.kept)
	}
	if im.expired > 0 {
		text += fmt.Sprintf(", %d had expired", im.expired)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), text)
	if im.failed > 0 {
		return &failure{exitOther, fmt.Sprintf("%d keys are refused:\n  %s", im.failed, strings.Join(im.refused, "\n  ")),
			"kvs import of the rest after mending these"}
	}
	return nil
}

func copyCommand(via http.RoundTripper) *cobra.Command {
	return carryCommand(via, "cp", "Copy a value to another key", false)
}

func moveCommand(via http.RoundTripper) *cobra.Command {
	return carryCommand(via, "mv", "Move a value to another key: a copy, then a delete of what was copied", true)
}

// carryCommand copies one key, and deletes the first if it has not changed meanwhile.
func carryCommand(via http.RoundTripper, name, short string, move bool) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: name + " FROM TO", Short: short,
		Long:    "The time that the value is kept goes along. Two writes: nobody promises that both happen.",
		Example: "  kvs " + name + " users/john users/jane", Args: exactly("FROM", "TO"),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also where TO is there")
	return asking(via, cmd, func(r *remote, args []string) error {
		c := r.client
		record, err := c.Get(cmd.Context(), args[0])
		if err != nil {
			return r.failed(err)
		}
		var options []client.WriteOption
		if !force {
			options = append(options, client.IfAbsent())
		}
		if !record.ExpiresAt.IsZero() {
			options = append(options, client.TTL(max(time.Until(record.ExpiresAt), time.Millisecond)))
		}
		if _, err := c.Put(cmd.Context(), args[1], record.Data, options...); err != nil {
			return r.failed(err)
		}
		if !move {
			return nil
		}
		if err := c.Delete(cmd.Context(), args[0], client.IfMatch(record.Version)); err != nil {
			return r.failed(err)
		}
		return nil
	})
}
