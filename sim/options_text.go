package sim

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// NodesMax bounds the nodes of a world.
const NodesMax = 1_000

// optionLines prints the options that are not zero as name=value, a few a line. What
// is no figure and no switch is of no run, but of whoever watches it.
func optionLines(o *Options) (lines []string) {
	line := ""
	for _, w := range optionWords("", reflect.ValueOf(o).Elem()) {
		if len(line)+len(w) > 90 {
			lines, line = append(lines, strings.TrimSpace(line)), ""
		}
		line += " " + w
	}
	return append(lines, strings.TrimSpace(line))
}

func optionWords(prefix string, v reflect.Value) (words []string) {
	for i := range v.NumField() {
		name, f := prefix+v.Type().Field(i).Name, v.Field(i)
		switch {
		case name == "HashTrace" || f.IsZero():
		case f.CanInt():
			words = append(words, fmt.Sprintf("%s=%d", name, f.Int()))
		case f.CanUint():
			words = append(words, fmt.Sprintf("%s=%d", name, f.Uint()))
		case f.Kind() == reflect.Bool:
			words = append(words, name+"=true")
		case f.Kind() == reflect.Struct:
			words = append(words, optionWords(name+".", f)...)
		}
	}
	return words
}

// setOptions reads words of optionLines.
func setOptions(o *Options, line string) error {
	for _, w := range strings.Fields(line) {
		name, value, _ := strings.Cut(w, "=")
		v := reflect.ValueOf(o).Elem()
		for _, part := range strings.Split(name, ".") {
			if v.Kind() != reflect.Struct || !v.FieldByName(part).IsValid() {
				return fmt.Errorf("with %s: no option has this name", name)
			}
			v = v.FieldByName(part)
		}
		if err := setOption(v, value); err != nil {
			return fmt.Errorf("with %s=%s: %w", name, value, err)
		}
	}
	return nil
}

func setOption(v reflect.Value, value string) error {
	switch {
	case v.CanInt():
		n, err := strconv.ParseInt(value, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(value, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetUint(n)
	case v.Kind() == reflect.Bool:
		is, err := strconv.ParseBool(value)
		if err != nil {
			return err
		}
		v.SetBool(is)
	default:
		return fmt.Errorf("no figure and no switch")
	}
	return nil
}
