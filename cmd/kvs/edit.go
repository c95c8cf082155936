package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// editorDefault is what every Unix has.
const editorDefault = "vi"

func editCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "edit KEY", Short: "Change a value with an editor",
		Long: "Opens the value, indented, with KVS_EDITOR, VISUAL or EDITOR. It is written only if the key\n" +
			"still has the version that was opened, on the node that is asked: else both changes are\n" +
			"shown, and nothing is stored. A text that is no JSON is opened again, until it is or stays\n" +
			"as it is. The key expires when it would have.",
		Example: "  kvs edit users/john\n  EDITOR=nano kvs edit users/john", Args: exactly("KEY"),
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		was, err := r.version(cmd, args[0], "")
		if err != nil {
			return err
		}
		e := editing{cmd: cmd, key: args[0], before: pretty(was.Data)}
		after, err := e.run()
		if err != nil || after == "" {
			return err
		}
		return e.store(r, was, after)
	})
}

// found is a version of a key, as the API shows it.
type found struct {
	UUID      string          `json:"uuid"`
	Timestamp int64           `json:"timestamp"`
	ExpiresAt int64           `json:"expires_at,omitempty"`
	Data      json.RawMessage `json:"data"`
}

// version reads a key, or one of its versions.
func (r *remote) version(cmd *cobra.Command, key, uuid string) (v found, err error) {
	path := keyPath(key)
	if uuid != "" {
		path += "?rev=" + url.QueryEscape(uuid)
	}
	_, err = r.ask(cmd.Context(), http.MethodGet, path, "", &v)
	return v, err
}

// pretty indents JSON, and ends it with a line break. Numbers and the order of members
// stay as they are.
func pretty(text json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return string(text) + "\n" // a node answers with JSON alone
	}
	return b.String() + "\n"
}

// editing is one value in an editor.
type editing struct {
	cmd    *cobra.Command
	key    string
	before string
	file   string
}

// run opens the value until it is JSON. It is "" if nothing is to be stored.
func (e *editing) run() (after string, err error) {
	f, err := os.CreateTemp("", "kvs-*.json") // for this user alone
	if err != nil {
		return "", fmt.Errorf("make a file to edit (TMPDIR names another place): %w", err)
	}
	e.file = f.Name()
	_, err = f.WriteString(e.before)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(e.file))
	}
	last := e.before
	for {
		text, err := e.open()
		if err != nil {
			return "", err
		}
		switch wrong := wrongJSON(text); {
		case wrong == "" && sameJSON(text, e.before):
			fmt.Fprintln(e.cmd.ErrOrStderr(), "nothing was changed")
			return "", os.Remove(e.file)
		case wrong == "":
			return text, nil
		case text == last:
			return "", &failure{exitUsage, wrong + "; nothing was stored", "kvs put " + e.key + " @" + e.file + ", once it is JSON"}
		default:
			fmt.Fprintln(e.cmd.ErrOrStderr(), wrong+": opening it again; leave it as it is to give up")
			last = text
		}
	}
}

// open runs the editor, and reads what it leaves.
func (e *editing) open() (string, error) {
	editor := cmp.Or(os.Getenv("KVS_EDITOR"), os.Getenv("VISUAL"), os.Getenv("EDITOR"), editorDefault)
	words := append(strings.Fields(editor), e.file)
	run := exec.CommandContext(e.cmd.Context(), words[0], words[1:]...)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := run.Run(); err != nil {
		return "", &failure{exitOther, fmt.Sprintf("the editor %s: %v; nothing was stored, the text is in %s", editor, err, e.file),
			"EDITOR=nano kvs edit " + e.key}
	}
	f, err := os.Open(e.file)
	if err != nil {
		return "", fmt.Errorf("read what was edited: %w. Try: an editor that leaves the file there", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, valueBytesMax))
	return string(text), err
}

// wrongJSON says where a text is no JSON, "" if it is.
func wrongJSON(text string) string {
	var syntax *json.SyntaxError
	err := json.Unmarshal([]byte(text), new(any))
	if !errors.As(err, &syntax) {
		return ""
	}
	before := text[:min(int(syntax.Offset), len(text))]
	return fmt.Sprintf("line %d, character %d: %v", strings.Count(before, "\n")+1,
		len(before)-strings.LastIndexByte(before, '\n')-1, err)
}

// sameJSON says that two texts differ in white space at most.
func sameJSON(a, b string) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, []byte(b)) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// store writes what was edited, unless somebody else has been there.
func (e *editing) store(r *remote, was found, after string) error {
	query := url.Values{"raw": {"true"}, "ttl": {"0"}}
	if was.ExpiresAt != 0 {
		left := time.Until(time.UnixMilli(was.ExpiresAt)).Truncate(time.Millisecond)
		query.Set("ttl", max(left, time.Millisecond).String())
	}
	var value bytes.Buffer
	if err := json.Compact(&value, []byte(after)); err != nil {
		return err
	}
	out, err := r.call(e.cmd.Context(), http.MethodPut, keyPath(e.key)+"?"+query.Encode(), value.String(),
		"If-Match", `"`+was.UUID+`"`)
	var f *failure
	switch {
	case err == nil:
		_ = os.Remove(e.file) // a copy of what is stored
		return r.showVersion(e.cmd, e.key, out, nil)
	case errors.As(err, &f) && f.code == exitConflict:
		return e.conflict(r, after)
	}
	return errors.Join(err, fmt.Errorf("the text is in %s", e.file))
}

// conflict shows what both have made of the value.
func (e *editing) conflict(r *remote, after string) error {
	theirs := ""
	if now, err := r.version(e.cmd, e.key, ""); err == nil {
		theirs = pretty(now.Data)
	}
	fmt.Fprint(e.cmd.ErrOrStderr(), lineDiff("opened", "meanwhile there", e.before, theirs), lineDiff("opened", "yours", e.before, after))
	return &failure{exitConflict, e.key + " was changed meanwhile; nothing was stored, your text is in " + e.file,
		"kvs edit " + e.key + " again"}
}

// diffCommand compares two versions of a key.
func diffCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "diff KEY A [B]", Short: "Compare two versions of a key, by lines",
		Long:    "A and B are versions as kvs history shows them; without B, A is compared with what stands.",
		Example: "  kvs history users/john\n  kvs diff users/john ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 || len(args) > 3 {
				return usage{fmt.Errorf("%s takes KEY, a version, and maybe another. Try: kvs history KEY", cmd.CommandPath())}
			}
			return nil
		},
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		a, err := r.version(cmd, args[0], args[1])
		if err != nil {
			return err
		}
		second := ""
		if len(args) == 3 {
			second = args[2]
		}
		b, err := r.version(cmd, args[0], second)
		if err != nil {
			return err
		}
		if r.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(map[string]any{"key": args[0], "a": a, "b": b}))
			return nil
		}
		fmt.Fprint(cmd.OutOrStdout(), lineDiff(a.UUID, b.UUID, pretty(a.Data), pretty(b.Data)))
		return nil
	})
}
