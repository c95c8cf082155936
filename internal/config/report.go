package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// mistakesMax bounds how many mistakes are shown in full.
	mistakesMax = 50
	// snippetRunesMax bounds the source line shown under a mistake.
	snippetRunesMax = 120
	// clipBytesMax bounds what a message quotes of a value.
	clipBytesMax = 60
)

// FileError is every mistake of one configuration file.
type FileError struct {
	File     string
	Mistakes []Mistake

	lines  []string // The file, for the source line under each mistake.
	hidden []string // Names of keys whose values are not shown.
}

// Mistake is one mistake and its place.
type Mistake struct {
	Line, Column int    // From 1; the column counts characters.
	Place        string // Instead of both: the variable or the flag.
	Message      string
	Key          string // The setting it is about, "" if there is none.
}

func (e *FileError) add(line, column int, message string) {
	e.Mistakes = append(e.Mistakes, Mistake{Line: line, Column: column, Message: message})
}

func (e *FileError) addPlace(place, message string) {
	e.Mistakes = append(e.Mistakes, Mistake{Place: place, Message: message})
}

// about says which setting the newest mistake is about.
func (e *FileError) about(key string) { e.Mistakes[len(e.Mistakes)-1].Key = key }

// hide remembers which keys hold secrets.
func (e *FileError) hide(table []setting) {
	for _, s := range table {
		if s.secret {
			e.hidden = append(e.hidden, s.key)
		}
	}
}

// orNil is e if it holds a mistake, in the order of the file.
func (e *FileError) orNil() error {
	if len(e.Mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}

// Error lists the mistakes, each as file:line:column with its source line and
// a caret, and ends with what to do.
func (e *FileError) Error() string {
	var b strings.Builder
	for i, m := range e.Mistakes {
		if i == mistakesMax {
			fmt.Fprintf(&b, "... and %d more\n", len(e.Mistakes)-i)
			break
		}
		if m.Place != "" {
			fmt.Fprintf(&b, "%s: %s\n", m.Place, m.Message)
			continue
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", e.File, m.Line, m.Column, m.Message)
		e.snippet(&b, m)
	}
	noun := "errors"
	if len(e.Mistakes) == 1 {
		noun = "error"
	}
	fmt.Fprintf(&b, "%d %s. Try: %s", len(e.Mistakes), noun, e.next())
	return b.String()
}

// next is what to do about the first mistake that names a setting.
func (e *FileError) next() string {
	for _, m := range e.Mistakes {
		if m.Key != "" {
			return "kvs config explain " + m.Key
		}
	}
	return "kvs config init example.yaml, and compare"
}

// snippet shows the source line of a mistake.
func (e *FileError) snippet(b *strings.Builder, m Mistake) {
	if m.Line < 1 || m.Line > len(e.lines) {
		return
	}
	line := strings.TrimRight(strings.ReplaceAll(e.lines[m.Line-1], "\t", " "), " \r")
	line = strings.TrimPrefix(line, "\ufeff")
	if line == "" {
		return
	}
	line = e.mask(line)
	width := utf8.RuneCountInString(line)
	if width > snippetRunesMax {
		line = string([]rune(line)[:snippetRunesMax]) + "..."
		width = snippetRunesMax
	}
	fmt.Fprintf(b, "%5d | %s\n", m.Line, line)
	if m.Column <= width {
		fmt.Fprintf(b, "      | %s^\n", strings.Repeat(" ", m.Column-1))
	}
}

// mask covers what follows the name of a secret setting.
func (e *FileError) mask(line string) string {
	for _, name := range e.hidden {
		_, rest, ok := strings.Cut(line, name)
		rest = strings.TrimLeft(rest, `"' `)
		if ok && strings.HasPrefix(rest, ":") {
			end := strings.Index(line, name) + len(name)
			return line[:end] + ": [secret]"
		}
	}
	return line
}

// clip shortens a value for a message.
func clip(text string) string {
	if len(text) <= clipBytesMax {
		return text
	}
	return strings.ToValidUTF8(text[:clipBytesMax], "") + "..."
}

// nearest finds the setting that a misspelt key most likely means.
func nearest(table []setting, key string) (setting, bool) {
	if len(key) > clipBytesMax {
		return setting{}, false
	}
	best, bestDistance := setting{}, max(2, len(key)/3)+1
	for _, s := range table {
		if d := levenshtein(strings.ToLower(key), s.key); d < bestDistance {
			best, bestDistance = s, d
		}
	}
	return best, best.key != ""
}

// levenshtein counts the insertions, deletions and changes between two names.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
