package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kvs/internal/durable"
)

// WriteDefault writes a file with every setting at its default, each with its
// comment, readable by its owner only: it is where a secret will be put. An
// existing file is replaced whole or not at all.
func WriteDefault(path string) error {
	if err := durable.WriteFile(path, []byte(render(hostName(), Default()))); err != nil {
		return fmt.Errorf("write default configuration: %w", err)
	}
	return nil
}

// render is the text of a file that means cfg.
func render(host string, cfg Config) string {
	var b strings.Builder
	b.WriteString("# Configuration of kvs. Every setting is here with its default;\n" +
		"# a line that is removed means the same.\n")
	table := settings()
	values, base := settingValues(cfg, table), settingValues(defaults(host), table)
	for i, s := range table {
		if s.grouped && s.group != "" {
			b.WriteString("\n# " + s.group + "\n")
		}
		line := s.key + ": " + s.literal(host)
		if values[i] != base[i] {
			line = s.key + ": " + s.valueOf(&cfg)
		}
		fmt.Fprintf(&b, "%-*s # %s", commentColumn, line, s.help)
		b.WriteByte('\n')
	}
	return b.String()
}

// valueOf is what c sets, as YAML. JSON's strings and lists are YAML too.
func (s setting) valueOf(c *Config) string {
	switch v := s.field(c).Interface().(type) {
	case []string:
		quoted := make([]string, len(v))
		for i, text := range v {
			quoted[i] = strconv.Quote(text)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case time.Duration:
		if s.scale() > 0 {
			return strconv.FormatInt(int64(v/s.scale()), 10)
		}
		return strconv.Quote(v.String())
	case Secret:
		return strconv.Quote(v.Reveal())
	case string:
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
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
