package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Source is where the settings of a node come from. Of several values for a setting the
// flag's counts, then the environment's, then the file's, then the default.
type Source struct {
	File string   // the path
	Env  []string // NAME=value, as os.Environ has it
	Set  []string // key=value, as the flag --set has it
}

// From is a kind of origin.
type From string

// The kinds of origins, the weakest first.
const (
	FromDefault From = "default"
	FromFile    From = "file"
	FromEnv     From = "environment"
	FromFlag    From = "flag"
)

// Origin says where the value of a setting comes from.
type Origin struct {
	From From
	At   string // file:line, the variable or the flag; empty for a default
}

// Layered is a configuration and where its values come from.
type Layered struct {
	Config
	origins map[string]Origin
}

// Origin is where the value of a setting comes from.
func (l Layered) Origin(key string) Origin {
	if o, ok := l.origins[key]; ok {
		return o
	}
	return Origin{From: FromDefault}
}

// Open reads all there is. A file that does not exist is written first, with every
// setting at its default, and created is true. The error of bad settings is a *FileError
// that lists all mistakes, those of variables and flags included.
func (s Source) Open() (l Layered, created bool, err error) {
	text, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		if err := WriteDefault(s.File); err != nil {
			return Layered{}, false, err
		}
		l, err = s.parse(nil, hostName())
		return l, true, err
	}
	if err != nil {
		return Layered{}, false, fmt.Errorf("read configuration: %w", err)
	}
	l, err = s.parse(text, hostName())
	return l, false, err
}

// Read is Open for those who do not start a node: a file that does not exist is an
// error, fs.ErrNotExist, and is not written.
func (s Source) Read() (Layered, error) {
	text, err := os.ReadFile(s.File)
	if err != nil {
		return Layered{}, fmt.Errorf("read configuration: %w", err)
	}
	return s.parse(text, hostName())
}

// envPrefix is how the variables of settings begin.
const envPrefix = "KVS_"

// commandVariables begin like those of settings, but are not: they tell a command which
// node to ask, and a command of kvs watch what has changed.
var commandVariables = []string{"KVS_ADDR", "KVS_TOKEN_FILE", "KVS_CA_FILE", "KVS_CONTEXT", "KVS_CONTEXT_FILE"}

// variable is the environment variable of a setting.
func (s setting) variable() string { return envPrefix + strings.ToUpper(s.key) }

// Strangers are the variables of env that look like a setting's, but are none, each with
// the one that is probably meant.
func Strangers(env []string) map[string]string {
	table := settings()
	out := map[string]string{}
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		key, ours := strings.CutPrefix(name, envPrefix)
		key = strings.ToLower(key)
		if !ours || slices.Contains(commandVariables, name) ||
			slices.ContainsFunc(table, func(s setting) bool { return s.key == key }) {
			continue
		}
		if near, ok := nearest(table, key); ok {
			out[name] = near.variable()
		}
	}
	return out
}

// environment reads the variables of settings. An empty one counts as not set, as
// container tools pass on what nobody gave.
func (r *reader) environment(env []string) {
	values := map[string]string{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	for _, s := range r.table {
		if text := values[s.variable()]; text != "" {
			r.override(s, Origin{FromEnv, s.variable()}, text)
		}
	}
}

// flags reads key=value pairs of the command line.
func (r *reader) flags(pairs []string) {
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		i := slices.IndexFunc(r.table, func(s setting) bool { return s.key == key })
		switch {
		case !ok:
			r.report.addPlace("--set "+clip(key), "a flag is --set key=value, such as --set port=8081")
		case i < 0:
			message, meant := r.unknownName("setting", key)
			r.report.addPlace("--set", message)
			r.report.about(meant)
		case r.table[i].secret:
			r.report.addPlace("--set "+key, "a secret on the command line is there for everybody on the "+
				"machine to see; put it into the file, or into "+r.table[i].variable())
			r.report.about(key)
		default:
			r.override(r.table[i], Origin{FromFlag, "--set " + key}, text)
		}
	}
}

// override takes a text in the place of what the file says. A list is separated by
// commas.
func (r *reader) override(s setting, from Origin, text string) {
	r.origins[s.key] = from
	r.invalid[s.key] = false
	complaint := ""
	if s.kind == typeList {
		complaint = r.items(s, text)
	} else {
		complaint = r.scalar(s, text)
	}
	if complaint == "" {
		return
	}
	r.invalid[s.key] = true
	message := s.key + " " + complaint
	if !s.secret {
		message += fmt.Sprintf(", not %q", clip(text))
	}
	if from.From == FromEnv && strings.HasPrefix(text, "tcp://") {
		message += "; a service of Kubernetes sets this variable, unless enableServiceLinks is false"
	}
	r.report.addPlace(from.At, message)
	r.report.about(s.key)
}

func (r *reader) items(s setting, text string) (complaint string) {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" && text == "" {
			break
		}
		if complaint := s.checkText(item); complaint != "" {
			return "is a list with commas, each of which " + complaint
		}
		items = append(items, item)
	}
	s.field(&r.cfg).Set(reflect.ValueOf(items))
	return ""
}
