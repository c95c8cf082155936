package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	yaml "go.yaml.in/yaml/v4"
)

// formats are what -o may be.
var formats = []string{"table", "json", "jsonl", "yaml", "raw"}

// output is how a command prints what it has to say.
type output struct {
	format string // what the command itself prints: table or json
	wanted string // what is to come of it
}

func (o *output) outputFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.wanted, "output", "o", "table", "table, raw (no headings, a tab between columns), json as the "+
		"API answers, jsonl (a line for each item) or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// begin makes the command's output become the wanted one. All of it is out when finish
// returns.
func (o *output) begin(cmd *cobra.Command) (finish func(), err error) {
	if !slices.Contains(formats, o.wanted) {
		return nil, usage{fmt.Errorf("-o must be table, json, jsonl, yaml or raw, not %q. Try: -o json", o.wanted)}
	}
	o.format = "json"
	out := cmd.OutOrStdout()
	switch o.wanted {
	case "table":
		o.format = "table"
	case "raw":
		o.format = "table"
		cmd.SetOut(rawOut{out})
	case "jsonl":
		return pipeThrough(cmd, out, writeLines), nil
	case "yaml":
		return pipeThrough(cmd, out, writeYAML), nil
	}
	return func() {}, nil
}

// pipeThrough has a writer of JSON values between the command and its output. What is no
// JSON goes through as it is.
func pipeThrough(cmd *cobra.Command, out io.Writer, write func(io.Writer, json.RawMessage) error) (finish func()) {
	read, in := io.Pipe()
	done := make(chan struct{})
	cmd.SetOut(in)
	go func() {
		defer close(done)
		values := json.NewDecoder(read)
		for {
			var value json.RawMessage
			err := values.Decode(&value)
			if err == nil {
				err = write(out, value)
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				_, _ = io.Copy(out, io.MultiReader(values.Buffered(), read)) // nothing is left of a good end
				return
			}
		}
	}()
	return func() {
		_ = in.Close() // never fails
		<-done
	}
}

// writeLines writes the items of a list, each on a line: of the value itself, of a page, or
// of the only list that an object has. Any other value is one line.
func writeLines(out io.Writer, value json.RawMessage) error {
	var lines bytes.Buffer
	for _, item := range itemsOf(value) {
		if err := json.Compact(&lines, item); err != nil {
			return err
		}
		lines.WriteByte('\n')
	}
	_, err := out.Write(lines.Bytes())
	return err
}

func itemsOf(value json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil && list != nil {
		return list
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return []json.RawMessage{value}
	}
	if items, paged := object["items"]; paged { // and maybe next
		object = map[string]json.RawMessage{"items": items}
	}
	if len(object) != 1 {
		return []json.RawMessage{value}
	}
	for _, only := range object {
		if json.Unmarshal(only, &list) == nil && list != nil {
			return list
		}
	}
	return []json.RawMessage{value}
}

// writeYAML writes a value as a YAML document, its members in the order that they have.
func writeYAML(out io.Writer, value json.RawMessage) error {
	values := json.NewDecoder(bytes.NewReader(value))
	values.UseNumber()
	node, err := yamlOf(values)
	if err != nil {
		return err
	}
	text, err := yaml.Dump(node, yaml.WithV3Defaults(), yaml.WithIndent(2))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "---\n%s", text)
	return err
}

// yamlOf reads one JSON value.
func yamlOf(values *json.Decoder) (*yaml.Node, error) {
	token, err := values.Token()
	if err != nil {
		return nil, err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return yamlScalar(token), nil
	}
	node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if open == '{' {
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
	}
	for values.More() { // of an object: keys and values in turn
		item, err := yamlOf(values)
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, item)
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle // [] and {}
	}
	_, err = values.Token()
	return node, err
}

func yamlScalar(token json.Token) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := token.(type) {
	case nil:
		node.Tag, node.Value = "!!null", "null"
	case bool:
		node.Tag, node.Value = "!!bool", fmt.Sprint(v)
	case json.Number:
		node.Tag, node.Value = "!!int", v.String()
		if strings.ContainsAny(v.String(), ".eE") {
			node.Tag = "!!float"
		}
	case string:
		node.Tag, node.Value = "!!str", v
		if slices.Contains(switches, strings.ToLower(v)) {
			node.Style = yaml.DoubleQuotedStyle
		}
	}
	return node
}

// switches are texts that readers of YAML 1.1 take for booleans, unless they are quoted.
var switches = []string{"y", "n", "yes", "no", "on", "off"}

// rawOut is an output for scripts.
type rawOut struct{ io.Writer }

// table aligns columns. For scripts it leaves out the headings, and a tab stays between
// columns.
func table(out io.Writer, rows func(w io.Writer)) error {
	raw, ok := out.(rawOut)
	if !ok {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		rows(w)
		return w.Flush()
	}
	var text bytes.Buffer
	rows(&text)
	first, rest, _ := strings.Cut(text.String(), "\n")
	if first != strings.ToUpper(first) || first == strings.ToLower(first) {
		rest = text.String() // it has no headings
	}
	_, err := io.WriteString(raw, rest)
	return err
}
