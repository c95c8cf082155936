package openapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Schema is the part of JSON Schema 2020-12 that there are rules for. The zero Schema
// takes everything.
type Schema struct {
	Ref                  string             `yaml:"$ref"`
	Type                 any                `yaml:"type"` // A name, or a list of names.
	Title                string             `yaml:"title"`
	Description          string             `yaml:"description"`
	Properties           map[string]*Schema `yaml:"properties"`
	Required             []string           `yaml:"required"`
	AdditionalProperties *Schema            `yaml:"additionalProperties"`
	Items                *Schema            `yaml:"items"`
	OneOf                []*Schema          `yaml:"oneOf"`
	Enum                 []string           `yaml:"enum"`
	Pattern              string             `yaml:"pattern"`
	Format               string             `yaml:"format"`
	Minimum              *int64             `yaml:"minimum"`
	Maximum              *int64             `yaml:"maximum"`
	Default              any                `yaml:"default"`  // An annotation.
	Examples             []any              `yaml:"examples"` // An annotation.

	resolved bool
	target   *Schema // What Ref refers to.
	pattern  *regexp.Regexp
}

// types are the types that a value may have; none is any.
func (s *Schema) types() (out []string) {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []any:
		for _, one := range t {
			out = append(out, fmt.Sprint(one))
		}
	}
	return out
}

// Needs says whether an object must have a member.
func (s *Schema) Needs(name string) bool { return slices.Contains(s.Required, name) }

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// check says what is wrong with a value, as encoding/json decodes it with UseNumber.
func (s *Schema) check(at string, value any) error {
	if s == nil {
		return nil
	}
	if s.target != nil {
		return s.target.check(at, value)
	}
	if err := s.checkType(at, value); err != nil {
		return err
	}
	if len(s.OneOf) > 0 {
		if err := s.checkOneOf(at, value); err != nil {
			return err
		}
	}
	switch v := value.(type) {
	case map[string]any:
		return s.checkObject(at, v)
	case []any:
		for i, item := range v {
			if err := s.Items.check(fmt.Sprintf("%s[%d]", at, i), item); err != nil {
				return err
			}
		}
	case string:
		return s.checkString(at, v)
	case json.Number:
		return s.checkNumber(at, v)
	}
	return nil
}

func (s *Schema) checkType(at string, value any) error {
	types := s.types()
	if len(types) == 0 || slices.Contains(types, typeOf(value)) ||
		typeOf(value) == "integer" && slices.Contains(types, "number") {
		return nil
	}
	return fmt.Errorf("%s is of type %s, want %s", at, typeOf(value), strings.Join(types, " or "))
}

// typeOf is the most exact type of a value.
func typeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return "integer"
		}
		return "number"
	}
	return "object"
}

func (s *Schema) checkOneOf(at string, value any) error {
	var wrong []string
	for _, one := range s.OneOf {
		if err := one.check(at, value); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if fit := len(s.OneOf) - len(wrong); fit != 1 {
		return fmt.Errorf("%s fits %d of %d: %s", at, fit, len(s.OneOf), strings.Join(wrong, "; "))
	}
	return nil
}

func (s *Schema) checkObject(at string, object map[string]any) error {
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	for name, value := range object {
		p, known := s.Properties[name]
		if !known {
			if p = s.AdditionalProperties; p == nil && s.Properties != nil {
				return fmt.Errorf("%s has %s, which is not described", at, name)
			}
		}
		if err := p.check(at+"."+name, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) checkString(at, text string) error {
	switch {
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		return fmt.Errorf("%s is %q, want one of %q", at, text, s.Enum)
	case s.pattern != nil && !s.pattern.MatchString(text):
		return fmt.Errorf("%s is %q, which does not match %s", at, text, s.Pattern)
	case s.Format == "uuid" && !uuid.MatchString(text):
		return fmt.Errorf("%s is %q, which is no UUID", at, text)
	}
	return nil
}

func (s *Schema) checkNumber(at string, number json.Number) error {
	n, err := number.Int64()
	if err != nil {
		return nil // no bounds of ours are about fractions
	}
	if s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum {
		return fmt.Errorf("%s is %d, which is out of its bounds", at, n)
	}
	return nil
}
