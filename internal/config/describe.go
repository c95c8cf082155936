package config

import "strings"

// Setting is a row of the table, for people.
type Setting struct {
	Key     string `json:"key"`
	Group   string `json:"group"`
	Help    string `json:"help"`
	Default string `json:"default"` // as the file has it
	Accepts string `json:"accepts"` // what values there may be, in words
	Env     string `json:"env"`     // the variable that sets it too
	Needs   string `json:"needs,omitempty"`
	Reload  bool   `json:"reload"` // whether a running node takes a new value
	Secret  bool   `json:"secret,omitempty"`
}

// groupFirst is the heading of the settings before the first one that has any.
const groupFirst = "Node"

// Settings returns every setting, in the order of the file.
func Settings() []Setting {
	var out []Setting
	group := groupFirst
	for _, s := range settings() {
		if s.group != "" {
			group = s.group
		}
		out = append(out, s.describe(group))
	}
	return out
}

func (s setting) describe(group string) Setting {
	def := s.literal(hostPlaceholder)
	if s.key == "node_id" {
		def = "the name of the host"
	}
	return Setting{
		Key: s.key, Group: group, Help: s.help, Default: def, Accepts: s.accepts(),
		Env: s.variable(), Needs: s.needs, Reload: s.reload, Secret: s.secret,
	}
}

// accepts is what a value has to be, as the complaint about one that is not says it.
func (s setting) accepts() string {
	const bad = "\x00" // no rule accepts it
	complaint := s.wants()
	if broken := s.checkText(bad); broken != "" && s.kind != typeList {
		complaint = broken
	}
	if s.check == "required" {
		complaint = "must be text, not empty"
	}
	return strings.TrimPrefix(complaint, "must be ")
}

// Find returns a setting by its key, or else the key that is probably meant.
func Find(key string) (found Setting, meant string, ok bool) {
	for _, s := range Settings() {
		if s.Key == key {
			return s, "", true
		}
	}
	if near, ok := nearest(settings(), key); ok {
		meant = near.key
	}
	return Setting{}, meant, false
}

// Value is a setting with its value, for people.
type Value struct {
	Setting
	Value  string // as the file would have it; of a secret only whether it is set
	Origin Origin
}

// Values are all settings, in the order of the file.
func (l Layered) Values() []Value {
	table := settings()
	out := make([]Value, len(table))
	for i, row := range Settings() {
		v := Value{Setting: row, Value: table[i].valueOf(&l.Config), Origin: l.Origin(row.Key)}
		if row.Secret && v.Value != `""` {
			v.Value = Secret("set").String()
		}
		out[i] = v
	}
	return out
}
