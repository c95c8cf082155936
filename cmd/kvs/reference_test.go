package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kvs/internal/config"
	"kvs/internal/server"
)

var update = flag.Bool("update", false, "write docs/reference and the manual page anew")

const written = "<!-- Written from the code: go test ./cmd/kvs -run Reference -update -->\n"

// wholeRoot is the program with the commands that cobra adds.
func wholeRoot() *cobra.Command {
	root := rootCommand(&fakeNode{})
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	return root
}

// Goal: the reference says what the code does, all of it and nothing else. Method: it is
// written from the code, and this is what is there.
func TestReferenceIsUpToDate(t *testing.T) {
	for path, text := range map[string]string{
		"docs/reference/cli.md":        cliReference(wholeRoot()),
		"docs/reference/settings.md":   settingsReference(),
		"docs/reference/problems.md":   problemsReference(),
		"docs/reference/exit-codes.md": exitReference(),
		"contrib/man/kvs.1":            manual(wholeRoot()),
	} {
		file := filepath.Join("..", "..", filepath.FromSlash(path))
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		there, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(there) != text {
			t.Errorf("%s is not what the code says: go test ./cmd/kvs -run Reference -update", path)
		}
	}
}

// Goal: every exit code of the code is in the list that the reference is written from.
func TestExitCodesAreListed(t *testing.T) {
	listed := map[int]bool{}
	for _, e := range exitCodes() {
		if listed[e.code] {
			t.Errorf("%d twice", e.code)
		}
		listed[e.code] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 1 // success has no name
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "exit") || len(spec.Values) != 1 {
				return true
			}
			if v, ok := spec.Values[0].(*ast.BasicLit); ok && v.Kind == token.INT {
				code, _ := strconv.Atoi(v.Value)
				if found++; !listed[code] {
					t.Errorf("%s: %s = %d is not listed", file, spec.Names[0].Name, code)
				}
			}
			return true
		})
	}
	if found != len(listed) {
		t.Errorf("%d codes are in use, %d listed", found, len(listed))
	}
}

// sharedFlags are the flags of every command that asks a node.
func sharedFlags(root *cobra.Command) (out []*pflag.Flag) {
	members, _, _ := root.Find([]string{"members"}) // it has no others
	members.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			out = append(out, f)
		}
	})
	return out
}

func isShared(root *cobra.Command, f *pflag.Flag) bool {
	return slices.ContainsFunc(sharedFlags(root), func(s *pflag.Flag) bool { return s.Name == f.Name && s.Usage == f.Usage })
}

func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}

func cliReference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(written + "# Commands\n\nWhat a node answers is printed as a table; `-o json` has it as the API gives it. " +
		"[Exit codes](exit-codes.md) say how a command ended.\n")
	b.WriteString("\n## Flags of all commands that ask a node\n\n| flag | |\n|---|---|\n")
	for _, f := range sharedFlags(root) {
		fmt.Fprintf(&b, "| `--%s` | %s%s |\n", f.Name, cell(f.Usage), defaultOf(f))
	}
	walkCommands(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n", c.CommandPath())
		if c.Long != "" {
			b.WriteString("**" + c.Short + ".** " + strings.ReplaceAll(strings.TrimSpace(c.Long), "\n\n", "\n\n") + "\n\n")
		} else {
			b.WriteString("**" + c.Short + ".**\n\n")
		}
		if c.Runnable() {
			b.WriteString("```\n" + c.UseLine() + "\n```\n\n")
		}
		if c.Example != "" {
			b.WriteString("```sh\n" + unindent(c.Example) + "\n```\n")
		}
		rows := ""
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Hidden || isShared(root, f) {
				return
			}
			name := "`--" + f.Name + "`"
			if f.Shorthand != "" {
				name = "`-" + f.Shorthand + "`, " + name
			}
			rows += "| " + name + " | " + cell(f.Usage) + defaultOf(f) + " |\n"
		})
		if rows != "" {
			b.WriteString("\n| flag | |\n|---|---|\n" + rows)
		}
	})
	return b.String()
}

// defaultOf names a default that says something, and is none of the machine's.
func defaultOf(f *pflag.Flag) string {
	if slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
		return ""
	}
	return " (`" + f.DefValue + "`)"
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

func settingsReference() string {
	var b strings.Builder
	b.WriteString(written + "# Settings\n\nOf several values the flag's counts (`kvs serve --set port=8081`), then the variable's, " +
		"then the file's, then the default. [Configuration](../configuration.md) explains the commands. **R**: a running node takes a new value.\n")
	group := ""
	for _, s := range config.Settings() {
		if s.Group != group {
			group = s.Group
			b.WriteString("\n## " + group + "\n\n| setting, variable | default | | |\n|---|---|---|---|\n")
		}
		text := s.Help + ". Accepts " + s.Accepts + "."
		if s.Needs != "" {
			text += " Without effect unless `" + s.Needs + "`."
		}
		if s.Secret {
			text += " A secret: never shown."
		}
		reload := ""
		if s.Reload {
			reload = "R"
		}
		fmt.Fprintf(&b, "| `%s`<br>`%s` | `%s` | %s | %s |\n", s.Key, s.Env, cell(s.Default), reload, cell(text))
	}
	return b.String()
}

func problemsReference() string {
	var b strings.Builder
	b.WriteString(written + "# Problems\n\nEvery refusal of a node is a document of RFC 9457 whose `code` is one of these. " +
		"`kvs explain CODE` and `GET /problems/CODE` say the same.\n")
	for _, p := range server.Problems() {
		fmt.Fprintf(&b, "\n## %s\n\n%s, HTTP %d.\n\n%s\n", p.Slug, p.Title, p.Status, strings.ReplaceAll(p.Text, "\nTry:", "\n\nTry:"))
	}
	return b.String()
}

func exitReference() string {
	var b strings.Builder
	b.WriteString(written + "# Exit codes of kvs\n\n| | |\n|---:|---|\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, cell(e.meaning))
	}
	return b.String()
}

// manual is the page kvs(1), in the man macros.
func manual(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(".\\\" Written from the code: go test ./cmd/kvs -run Reference -update\n" +
		".TH KVS 1 \"\" \"kvs " + server.Version + "\" \"User Commands\"\n.SH NAME\nkvs \\- eventually consistent key-value store\n" +
		".SH SYNOPSIS\n.B kvs\n[\\fIconfig.yaml\\fR]\n.br\n.B kvs\n\\fIcommand\\fR [\\fIflags\\fR]\n.SH DESCRIPTION\n")
	b.WriteString(roff(root.Long) + "\n")
	b.WriteString(".SH COMMANDS\n")
	walkCommands(root, func(c *cobra.Command) {
		if !c.HasParent() {
			return
		}
		use := c.CommandPath()
		if c.Runnable() {
			use = strings.TrimSuffix(c.UseLine(), " [flags]")
		}
		b.WriteString(".SS " + roff(use) + "\n" + roff(c.Short) + ".\n")
		if c.Long != "" {
			b.WriteString(".PP\n" + roff(c.Long) + "\n")
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Hidden || isShared(root, f) {
				return
			}
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			b.WriteString(".TP\n\\fB" + roff(name) + "\\fR\n" + roff(f.Usage) + "\n")
		})
		if c.Example != "" {
			b.WriteString(".PP\n.nf\n" + roff(c.Example) + "\n.fi\n")
		}
	})
	b.WriteString(".SH OPTIONS OF ALL COMMANDS THAT ASK A NODE\n")
	for _, f := range sharedFlags(root) {
		b.WriteString(".TP\n\\fB" + roff("--"+f.Name) + "\\fR\n" + roff(f.Usage) + "\n")
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&b, ".TP\n%d\n%s\n", e.code, roff(strings.ReplaceAll(e.meaning, "`", "")))
	}
	b.WriteString(".SH ENVIRONMENT\n")
	for _, v := range [][2]string{
		{"KVS_ADDR", "the node to ask"}, {"KVS_CONTEXT", "the context to ask in"}, {"KVS_TOKEN_FILE", "file with a token"},
		{"KVS_CA_FILE", "file with certificates to trust"}, {"KVS_CONTEXT_FILE", "file of the contexts"},
		{"KVS_SETTING", "any setting of a node, its name in capitals: kvs config explain SETTING"},
	} {
		b.WriteString(".TP\n.B " + v[0] + "\n" + roff(v[1]) + "\n")
	}
	return b.String()
}

// roff escapes text for the man macros.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`").Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
		if strings.TrimSpace(line) == "" {
			lines[i] = ".sp"
		}
	}
	return strings.Join(lines, "\n")
}

var (
	fenced = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	inline = regexp.MustCompile("`([^`\n]+)`")
	// oneAfterAnother lies between the commands of a line.
	oneAfterAnother = regexp.MustCompile(`&&|;|\s&(\s|$)`)
	// before is what a shell lets stand before a command: a loop, variables, another user, a
	// container, the sources.
	before    = regexp.MustCompile(`^(\$ |(while|until|if|then|do|test|!) |[A-Z_]+=\S* |sudo |docker exec \S+ |go run \./cmd/)+`)
	shorthand = regexp.MustCompile(`^-[a-zA-Z]$`)
	inside    = regexp.MustCompile(`\$\(([^()]+)\)`)
	variable  = regexp.MustCompile(`\bKVS_[A-Z_]+\b`)
)

// Goal: the rest of the documentation names no command, flag or variable that is not
// there. Method: every line of code that begins with kvs is taken apart by the program's
// own tree of commands.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	root := wholeRoot()
	known := map[string]bool{"KVS_": true, "KVS_CONTEXT_FILE": true}
	for _, s := range config.Settings() {
		known[s.Env] = true
	}
	for _, name := range []string{"ADDR", "TOKEN_FILE", "CA_FILE", "CONTEXT", "EDITOR", "WATCH_OP", "WATCH_KEY", "WATCH_VALUE", "WATCH_UUID", "WATCH_CURSOR"} {
		known["KVS_"+name] = true
	}
	lines := 0
	err := filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") && !strings.Contains(path, "decisions") && d.Name() != "cli.md" {
			lines += checkDocument(t, root, known, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines += checkDocument(t, root, known, "../../README.md"); lines < 50 {
		t.Errorf("only %d lines of commands were found", lines)
	}
}

func checkDocument(t *testing.T, root *cobra.Command, known map[string]bool, path string) (lines int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variable.FindAllString(string(text), -1) {
		if !known[name] && name != "KVS_PROT" && !strings.HasSuffix(name, "_") {
			t.Errorf("%s: there is no variable %s", path, name)
		}
	}
	var code []string
	for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
		code = append(code, strings.Split(block[1], "\n")...)
	}
	for _, span := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
		code = append(code, span[1])
	}
	var commands []string
	for _, line := range code {
		for _, part := range inside.FindAllStringSubmatch(line, -1) {
			commands = append(commands, part[1])
		}
		commands = append(commands, oneAfterAnother.Split(line, -1)...)
	}
	for _, line := range commands {
		words := strings.Fields(before.ReplaceAllString(strings.TrimSpace(line), ""))
		if len(words) < 2 || !slices.Contains([]string{"kvs", "./kvs", "/kvs"}, words[0]) || words[1] == "#" {
			continue
		}
		lines++
		if complaint := wrongCommand(root, words[1:]); complaint != "" {
			t.Errorf("%s: %s: %s", path, line, complaint)
		}
	}
	return lines
}

// wrongCommand says what of a command line is not there, "" if all is.
func wrongCommand(root *cobra.Command, words []string) string {
	first, _, _ := strings.Cut(words[0], "|")
	if looksLikePath(first) || strings.HasPrefix(first, "-") || strings.ContainsAny(first, "…") {
		return "" // a configuration
	}
	c, _, err := root.Find(append([]string{first}, words[1:]...))
	if err != nil || c == root {
		return "there is no command " + first
	}
	for _, word := range words {
		name, _, _ := strings.Cut(strings.Trim(word, "[]"), "=")
		long, isFlag := strings.CutPrefix(name, "--")
		switch {
		case word == "--" || word == "|" || word == "||" || strings.HasPrefix(word, "#"):
			return ""
		case isFlag:
			for _, alternative := range strings.Split(long, "|") {
				alternative = strings.Trim(strings.TrimPrefix(alternative, "--"), "`.,;:)]")
				if c.Flags().Lookup(alternative) == nil && alternative != "help" && !c.HasSubCommands() {
					return "there is no flag --" + alternative
				}
			}
		case shorthand.MatchString(name) && c.Flags().ShorthandLookup(name[1:]) == nil && name != "-h":
			return "there is no flag " + name
		}
	}
	return ""
}
