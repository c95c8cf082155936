package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// fileBytesMax bounds a configuration file before it is parsed.
const fileBytesMax = 1 << 20

// Parse reads the text of a configuration file; name is for messages.
func Parse(name string, text []byte) (Config, error) { return parse(name, text, hostName()) }

func parse(name string, text []byte, host string) (Config, error) {
	l, err := Source{File: name}.parse(text, host)
	return l.Config, err
}

func (s Source) parse(text []byte, host string) (Layered, error) {
	r := &reader{
		table:   settings(),
		cfg:     defaults(host),
		host:    host,
		set:     map[string]*yaml.Node{},
		origins: map[string]Origin{},
		invalid: map[string]bool{},
		report:  FileError{File: s.File},
	}
	r.report.hide(r.table)
	if r.readable(text) {
		r.report.lines = strings.Split(string(text), "\n")
		if root := r.root(text); root != nil {
			r.mapping(root)
		}
	}
	r.environment(s.Env)
	r.flags(s.Set)
	r.ownDirectory()
	r.relate()
	if err := r.report.orNil(); err != nil {
		return Layered{}, err
	}
	return Layered{r.cfg, r.origins}, nil
}

// reader collects one file's settings and mistakes.
type reader struct {
	table   []setting
	cfg     Config
	host    string
	set     map[string]*yaml.Node // The value of each key that the file sets.
	origins map[string]Origin     // Of the keys that are set at all.
	invalid map[string]bool       // The keys whose value was refused.
	report  FileError
}

// readable refuses what the YAML parser would refuse without a place.
func (r *reader) readable(text []byte) bool {
	if len(text) > fileBytesMax {
		r.report.add(1, 1, fmt.Sprintf("the file has %d bytes, more than %d: is it a configuration?",
			len(text), fileBytesMax))
		return false
	}
	line, column := 1, 1
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.report.add(line, column, "the file is not valid UTF-8 here")
			return false
		case c == '\n':
			line, column = line+1, 0
		case c < ' ' && c != '\t' && c != '\r', c == 0x7f:
			r.report.add(line, column, fmt.Sprintf("control character %U", c))
			return false
		}
		column++
		i += size
	}
	return true
}

// root parses the YAML and returns its one mapping, nil if there is none.
func (r *reader) root(text []byte) *yaml.Node {
	// Repeated keys are found here, with both places, so the parser need not.
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithUniqueKeys(false))
	var document, second yaml.Node
	if err == nil {
		err = loader.Load(&document)
	}
	if errors.Is(err, io.EOF) {
		return nil // Nothing but comments: all defaults.
	}
	if err != nil {
		r.syntax(err)
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		r.report.add(max(second.Line, 1), 1, "a second YAML document: a configuration is one")
	case !errors.Is(err, io.EOF):
		r.syntax(err)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil
	}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.MappingNode:
		return root
	case root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null":
		return nil
	}
	r.report.add(root.Line, root.Column, "settings are expected, one a line, such as port: 8080")
	return nil
}

// syntax reports what the YAML parser found.
func (r *reader) syntax(err error) {
	var one *yaml.LoadError
	if errors.As(err, &one) && one.Mark.Line > 0 {
		message := one.Message
		if one.ContextMsg != "" {
			message += ", " + one.ContextMsg
		}
		r.report.add(one.Mark.Line, max(one.Mark.Column, 1), message)
		return
	}
	r.report.add(1, 1, err.Error())
}

// mapping reads every key of the file.
func (r *reader) mapping(root *yaml.Node) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		s, ok := r.find(key)
		if !ok {
			r.unknown(key)
			continue
		}
		if first, ok := r.set[s.key]; ok {
			r.report.add(key.Line, key.Column,
				fmt.Sprintf("duplicate key %q, already set on line %d", s.key, first.Line))
			r.report.about(s.key)
			continue
		}
		r.set[s.key] = value
		r.origins[s.key] = Origin{FromFile, fmt.Sprintf("%s:%d", r.report.File, key.Line)}
		if !r.value(s, value) {
			r.invalid[s.key] = true
		}
	}
}

// ownDirectory gives a node that is named, but no directory, one beside the
// default: the files of several nodes may lie in one place.
func (r *reader) ownDirectory() {
	name := r.cfg.NodeID
	if !r.given("node_id") || r.given("data_dir") || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return
	}
	r.origins["data_dir"] = r.origins["node_id"]
	r.cfg.DataDir += "-" + name
}

func (r *reader) given(key string) bool {
	_, ok := r.origins[key]
	return ok
}

func (r *reader) find(key *yaml.Node) (setting, bool) {
	if key.Kind == yaml.ScalarNode {
		for _, s := range r.table {
			if s.key == key.Value {
				return s, true
			}
		}
	}
	return setting{}, false
}

// unknown reports a key that is not in the table.
func (r *reader) unknown(key *yaml.Node) {
	if key.Kind != yaml.ScalarNode {
		r.report.add(key.Line, key.Column, "a key must be a plain name")
		return
	}
	message, near := r.unknownName("key", key.Value)
	r.report.add(key.Line, key.Column, message)
	r.report.about(near)
}

// unknownName words that there is no such setting, and finds the one that is meant.
func (r *reader) unknownName(kind, name string) (message, meant string) {
	message = fmt.Sprintf("unknown %s %q", kind, clip(name))
	near, ok := nearest(r.table, name)
	if !ok {
		return message, ""
	}
	if near.secret {
		r.report.hidden = append(r.report.hidden, name)
	}
	return message + fmt.Sprintf(", did you mean %q?", near.key), near.key
}

// value decodes and checks one value; false if it was refused.
func (r *reader) value(s setting, node *yaml.Node) bool {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if s.kind == typeList {
		return r.list(s, node)
	}
	if node.Kind != yaml.ScalarNode {
		r.refuse(s, node, s.wants(), "a list or a mapping")
		return false
	}
	if node.ShortTag() == "!!null" {
		r.report.add(node.Line, node.Column,
			s.key+" has no value: give it one, or remove the line for its default")
		r.report.about(s.key)
		return false
	}
	text := node.Value
	quotedNumber := s.numeric() || s.kind == typeBool
	if quotedNumber && node.ShortTag() == "!!str" && node.Style != 0 {
		r.refuse(s, node, s.wants(), fmt.Sprintf("text in quotes (%q)", clip(text)))
		return false
	}
	complaint := r.scalar(s, text)
	if complaint != "" {
		r.refuse(s, node, complaint, fmt.Sprintf("%q", clip(text)))
	}
	return complaint == ""
}

// scalar stores and checks a text; the complaint is "" if it is good.
func (r *reader) scalar(s setting, text string) (complaint string) {
	if s.check == "name" && text == hostPlaceholderSeed {
		text = r.host
	}
	if complaint := s.set(s.field(&r.cfg), text); complaint != "" {
		return complaint
	}
	return s.checkText(text)
}

// list decodes and checks a list of texts.
func (r *reader) list(s setting, node *yaml.Node) bool {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		return true // "seed_nodes:" with all its items commented out.
	}
	if node.Kind != yaml.SequenceNode {
		r.refuse(s, node, s.wants(), describe(node))
		return false
	}
	good := true
	var items []string
	for i, item := range node.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		complaint := "must be text"
		if item.Kind == yaml.ScalarNode && item.ShortTag() != "!!null" {
			complaint = s.checkText(item.Value)
		}
		if complaint != "" {
			good = false
			r.report.add(item.Line, item.Column, fmt.Sprintf("item %d of %s %s, not %s",
				i+1, s.key, complaint, describe(item)))
			r.report.about(s.key)
			continue
		}
		items = append(items, item.Value)
	}
	s.field(&r.cfg).Set(reflect.ValueOf(items))
	return good
}

// describe is a node as a message shows it.
func describe(node *yaml.Node) string {
	if node.Kind == yaml.ScalarNode {
		return fmt.Sprintf("%q", clip(node.Value))
	}
	return "a list or a mapping"
}

// refuse reports a bad value; not says what it is, but for secrets.
func (r *reader) refuse(s setting, node *yaml.Node, complaint, not string) {
	message := s.key + " " + complaint
	if !s.secret {
		message += ", not " + not
	}
	r.report.add(node.Line, node.Column, message)
	r.report.about(s.key)
}

// relate checks the rules between settings, as far as both sides are good.
func (r *reader) relate() {
	for _, broken := range r.cfg.relations() {
		at, spoilt := "", false
		for _, key := range broken.keys {
			spoilt = spoilt || r.invalid[key]
			if at == "" && r.given(key) {
				at = key
			}
		}
		if at != "" && !spoilt {
			r.complain(at, broken.message)
		}
	}
}

// complain puts a complaint where a setting got its value.
func (r *reader) complain(key, message string) {
	if o := r.origins[key]; o.From != FromFile {
		r.report.addPlace(o.At, message)
	} else {
		r.report.add(r.set[key].Line, r.set[key].Column, message)
	}
	r.report.about(key)
}
