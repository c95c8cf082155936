package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// commentColumn is where the comments behind values begin.
const commentColumn = 36

// Format returns the text of a configuration file in the form that kvs writes itself:
// settings in the order of the table, one space behind the colon, comments below each
// other. Values and comments stay as they are, those above a setting go with it. The
// file has to be a good one.
func Format(name string, text []byte) (string, error) {
	host := hostName()
	before, err := parse(name, text, host)
	if err != nil {
		return "", err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return "", err
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return string(text), nil // nothing but comments
	}
	root := document.Content[0]
	if root.Style&yaml.FlowStyle != 0 {
		return "", errors.New(name + " is written in braces. Try: one setting a line, such as port: 8080")
	}
	out := arrange(root, strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"))
	// What cannot be moved safely, such as anchors, is left to its author.
	if after, err := parse(name, []byte(out), host); err != nil || !reflect.DeepEqual(before, after) {
		return "", errors.New(name + " cannot be put in order without changing what it says. " +
			"Try: without anchors, aliases and values over several lines")
	}
	return out, nil
}

// chunk is a setting of a file with what stands above it.
type chunk struct {
	rank  int      // in the table
	above []string // comments and empty lines
	lines []string
}

// arrange puts the lines of a file in order.
func arrange(root *yaml.Node, lines []string) string {
	var chunks []chunk
	from := 0
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		if n := len(chunks); n > 0 {
			above := leadOf(lines[from : key.Line-1])
			chunks[n-1].lines = append(chunks[n-1].lines, lines[from:key.Line-1-len(above)]...)
			from = key.Line - 1 - len(above)
		}
		chunks = append(chunks, chunk{
			rank: rankOf(key.Value), above: lines[from : key.Line-1],
			lines: []string{tidy(lines[key.Line-1], key, root.Content[i+1])},
		})
		from = key.Line
	}
	tail := leadOf(lines[from:])
	last := &chunks[len(chunks)-1]
	last.lines = append(last.lines, lines[from:len(lines)-len(tail)]...)
	head := headOf(&chunks[0])
	slices.SortStableFunc(chunks, func(a, b chunk) int { return a.rank - b.rank })
	out := head
	for _, c := range chunks {
		out = append(append(out, c.above...), c.lines...)
	}
	return squeeze(append(out, tail...))
}

// leadOf is the end of lines that holds only comments from the margin and empty lines.
func leadOf(lines []string) []string {
	i := len(lines)
	for i > 0 && (strings.TrimSpace(lines[i-1]) == "" || lines[i-1][0] == '#') {
		i--
	}
	return lines[i:]
}

// headOf takes what is about the whole file, as an empty line says, off the first chunk.
func headOf(c *chunk) []string {
	for i := len(c.above) - 1; i >= 0; i-- {
		if strings.TrimSpace(c.above[i]) == "" || strings.HasPrefix(c.above[i], "---") || strings.HasPrefix(c.above[i], "%") {
			head := slices.Clone(c.above[:i+1])
			c.above = c.above[i+1:]
			return head
		}
	}
	return nil
}

func rankOf(key string) int {
	return slices.IndexFunc(settings(), func(s setting) bool { return s.key == key })
}

// tidy writes the line of a setting anew.
func tidy(line string, key, value *yaml.Node) string {
	if value.Line != key.Line || key.Style != 0 {
		return strings.TrimRight(line, " \t")
	}
	runes := []rune(strings.TrimRight(line, " \t"))
	rest, comment := string(runes[value.Column-1:]), ""
	for _, c := range []string{value.LineComment, key.LineComment} {
		c = strings.TrimRight(c, " \t")
		if cut, ok := strings.CutSuffix(rest, c); c != "" && ok {
			rest, comment = strings.TrimRight(cut, " \t"), c
		}
	}
	out := key.Value + ": " + rest
	if comment == "" {
		return out
	}
	return fmt.Sprintf("%-*s %s", commentColumn, out, comment)
}

// squeeze joins lines, with no empty ones at either end and never two of them together.
func squeeze(lines []string) string {
	var b strings.Builder
	gap := false
	for _, line := range lines {
		if line = strings.TrimRight(line, " \t"); line == "" {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('\n')
		}
		gap = false
		b.WriteString(line + "\n")
	}
	return b.String()
}
