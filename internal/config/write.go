package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// WriteDefault writes a file with every setting at its default, each with its
// comment, readable by its owner only: it is where a secret will be put. An
// existing file is replaced whole or not at all.
func WriteDefault(path string) error {
	if err := writeAtomic(path, []byte(render(hostName()))); err != nil {
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

// writeAtomic writes beside path, makes it durable and renames.
func writeAtomic(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // Mode 0600.
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
