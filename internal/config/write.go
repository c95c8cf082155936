package config

import (
	"fmt"
	"strconv"
	"strings"

	"kvs/internal/durable"
)

// WriteDefault writes a file with every setting at its default, each with its
// comment, readable by its owner only: it is where a secret will be put. An
// existing file is replaced whole or not at all.
func WriteDefault(path string) error {
	if err := durable.WriteFile(path, []byte(render(hostName()))); err != nil {
		return fmt.Errorf("write default configuration: %w", err)
	}
	return nil
}

// render is the text of the default file.
func render(host string) string {
	var b strings.Builder
	b.WriteString("# Configuration of kvs. Every setting is here with its default;\n" +
		"# a line that is removed means the same. [later]: accepted, but without effect\n" +
		"# until its feature is there.\n")
	for _, s := range settings() {
		if s.grouped && s.group != "" {
			b.WriteString("\n# " + s.group + "\n")
		}
		line := s.key + ": " + s.literal(host)
		fmt.Fprintf(&b, "%-36s # %s", line, s.help)
		if s.pending {
			b.WriteString(" [later]")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// literal is the default as YAML.
func (s setting) literal(host string) string {
	text := s.def
	if text == hostPlaceholder {
		text = host
	}
	if s.numeric() || s.kind == typeBool || s.kind == typeList {
		return text
	}
	return strconv.Quote(text)
}
