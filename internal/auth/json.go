package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode reads one JSON object into a T. encoding/json alone would let pass
// three things that two readers can understand differently: a member twice
// (the last wins), a name in another case, and a member nobody knows.
func decode[T any](raw []byte) (T, error) {
	var out T
	if len(raw) > recordBytesMax {
		return out, badField("", "the document is longer than "+
			strconv.Itoa(recordBytesMax)+" bytes")
	}
	if err := checkMembers(raw, memberNames(reflect.TypeFor[T]())); err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) && mismatch.Field != "" {
			return out, badField(mismatch.Field, "cannot be a JSON "+mismatch.Value)
		}
		var field *FieldError
		if errors.As(err, &field) {
			return out, field
		}
		return out, badField("", "the document has a value of the wrong form")
	}
	return out, nil
}

// memberNames lists the JSON names of a struct.
func memberNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// level is an object or array that is still open.
type level struct {
	names     map[string]bool // Seen so far; nil in an array.
	wantsName bool
}

// checkMembers accepts exactly one JSON object, whose own members are all
// allowed, and in which no object at any depth has a member twice.
func checkMembers(raw []byte, allowed []string) error {
	if !utf8.Valid(raw) || !json.Valid(raw) || bytes.TrimLeft(raw, " \t\r\n")[0] != '{' {
		return badField("", "the document is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var open []level
	for first := true; first || len(open) > 0; first = false {
		token, err := d.Token()
		if err != nil {
			return badField("", "the document is not a JSON object")
		}
		if len(open) > 0 && open[len(open)-1].wantsName {
			if name, ok := token.(string); ok {
				if err := open[len(open)-1].add(name, len(open) == 1, allowed); err != nil {
					return err
				}
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{map[string]bool{}, true})
			continue
		case json.Delim('['):
			open = append(open, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > 0 { // A value is complete.
			top := &open[len(open)-1]
			top.wantsName = top.names != nil
		}
	}
	return nil
}

// add notes a member's name. Only the outermost object has a list of names.
func (l *level) add(name string, outermost bool, allowed []string) error {
	if l.names[name] {
		return badField(strconv.Quote(name), "appears twice")
	}
	if outermost && !slices.Contains(allowed, name) {
		return badField(strconv.Quote(name), "is no field here: known are "+
			strings.Join(allowed, ", "))
	}
	l.names[name], l.wantsName = true, false
	return nil
}
