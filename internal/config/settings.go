package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setting is one row of the table: one field of Config and its tags.
type setting struct {
	index    int // Of the field in Config.
	key      string
	group    string // The heading, if the setting starts a group.
	grouped  bool
	help     string
	unit     string
	def      string
	check    string
	needs    string
	oneOf    []string
	min, max int64 // Of a number, in its unit.
	reload   bool
	secret   bool
	kind     reflect.Type
}

// Types of fields, as decoding tells them apart.
var (
	typeInt      = reflect.TypeFor[int]()
	typeBool     = reflect.TypeFor[bool]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeList     = reflect.TypeFor[[]string]()
)

// settings reads the table off Config. A malformed tag is a bug.
func settings() []setting {
	config := reflect.TypeFor[Config]()
	table := make([]setting, config.NumField())
	for i := range table {
		field := config.Field(i)
		tag := field.Tag
		s := setting{
			index: i, key: tag.Get("yaml"), help: tag.Get("help"), unit: tag.Get("unit"),
			def: tag.Get("default"), check: tag.Get("check"), needs: tag.Get("needs"),
			oneOf: strings.Fields(tag.Get("oneof")), reload: tag.Get("reload") == "true",
			secret: tag.Get("secret") == "true",
			kind:   field.Type,
		}
		s.group, s.grouped = tag.Lookup("group")
		if s.numeric() {
			s.min, s.max = tagNumber(tag, "min"), tagNumber(tag, "max")
		}
		table[i] = s
	}
	return table
}

func tagNumber(tag reflect.StructTag, name string) int64 {
	n, err := strconv.ParseInt(tag.Get(name), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("config: tag %s of %s: %v", name, tag.Get("yaml"), err))
	}
	return n
}

// numeric says whether the file has a whole number for this setting.
func (s setting) numeric() bool {
	return s.kind == typeInt || (s.kind == typeDuration && s.scale() > 0)
}

// scale is what one unit of a whole number means; 0 for durations as text.
func (s setting) scale() time.Duration {
	switch s.unit {
	case "ms":
		return time.Millisecond
	case "s":
		return time.Second
	case "h":
		return time.Hour
	case "d":
		return 24 * time.Hour
	}
	return 0
}

// field is the setting's field of c.
func (s setting) field(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().Field(s.index) }

// settingValues are the comparable values of c, in the table's order. A list
// is compared as its text.
func settingValues(c Config, table []setting) []any {
	values := make([]any, len(table))
	for i, s := range table {
		v := s.field(&c).Interface()
		if list, ok := v.([]string); ok {
			v = strings.Join(list, "\n")
		}
		values[i] = v
	}
	return values
}

// hostPlaceholder is the default of node_id in the table; the seed's example
// file writes it as "hostname", and means the same.
const (
	hostPlaceholder     = "${hostname}"
	hostPlaceholderSeed = "hostname"
)

// defaults is the table's Config for a host name.
func defaults(host string) Config {
	var c Config
	for _, s := range settings() {
		text := s.def
		if text == hostPlaceholder {
			text = host
		}
		if s.kind == typeList {
			continue // The only default of a list is the empty one.
		}
		if complaint := s.set(s.field(&c), text); complaint != "" {
			panic("config: default of " + s.key + ": " + complaint)
		}
	}
	return c
}

// set parses a scalar into field. The complaint, "" if there is none, says
// what the value must be.
func (s setting) set(field reflect.Value, text string) (complaint string) {
	switch {
	case s.numeric():
		n, err := parseWhole(text)
		if err != nil || n < s.min || n > s.max {
			return s.wants()
		}
		if s.kind == typeDuration {
			n *= int64(s.scale())
		}
		field.SetInt(n)
	case s.kind == typeDuration:
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || (d == 0 && s.unit != "ttl") {
			return s.wants()
		}
		field.SetInt(int64(d))
	case s.kind == typeBool:
		b, ok := parseSwitch(text)
		if !ok {
			return s.wants()
		}
		field.SetBool(b)
	default:
		field.SetString(text)
	}
	return ""
}

// parseWhole reads a plain decimal number; no hexadecimal, no underscores.
func parseWhole(text string) (int64, error) {
	if strings.HasPrefix(text, "+") || (len(text) > 1 && text[0] == '0') {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(text, 10, 64)
}

// parseSwitch reads YAML 1.2's booleans.
func parseSwitch(text string) (value, ok bool) {
	switch text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// wants says in words what the setting's value must be.
func (s setting) wants() string {
	switch {
	case len(s.oneOf) > 0:
		last := len(s.oneOf) - 1
		return "must be " + strings.Join(s.oneOf[:last], ", ") + " or " + s.oneOf[last]
	case s.numeric():
		words := map[string]string{"ms": " of milliseconds", "s": " of seconds",
			"h": " of hours", "d": " of days"}[s.unit]
		return fmt.Sprintf("must be a number%s from %d to %d", words, s.min, s.max)
	case s.kind == typeBool:
		return "must be true or false"
	case s.unit == "ttl":
		return `must be a duration such as "90s" or "720h", or "0" for no expiry`
	case s.kind == typeDuration:
		return `must be a duration such as "30s" or "1m"`
	case s.check == "prefix":
		return "must be a list, such as [] or [\"10.0.0.0/8\"]"
	case s.check == "origin":
		return "must be a list, such as [] or [\"https://example.org\"]"
	case s.check == "recipient":
		return "must be a list of recipients of age, such as [] or [\"age1…\"]"
	case s.kind == typeList:
		return "must be a list, such as [] or [\"10.0.0.1:8080\"]"
	}
	return "must be text"
}
