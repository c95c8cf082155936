package openapi

import (
	"encoding/json"
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Description is what an OpenAPI document says. Fields are named and used as there
// (OpenAPI 3.1.1 section 4.8); those that ours does not use are missing.
type Description struct {
	OpenAPI    string                `yaml:"openapi"`
	Info       Info                  `yaml:"info"`
	Security   []map[string][]string `yaml:"security"`
	Tags       []Tag                 `yaml:"tags"`
	Paths      map[string]*Path      `yaml:"paths"`
	Components Components            `yaml:"components"`
}

// Info says what the API is.
type Info struct {
	Title       string `yaml:"title"`
	Version     string `yaml:"version"`
	Summary     string `yaml:"summary"`
	Description string `yaml:"description"`
	License     struct {
		Name       string `yaml:"name"`
		Identifier string `yaml:"identifier"`
	} `yaml:"license"`
}

// Tag is a group of operations.
type Tag struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
}

// Components are what others refer to.
type Components struct {
	Schemas         map[string]*Schema    `yaml:"schemas"`
	Responses       map[string]*Response  `yaml:"responses"`
	Parameters      map[string]*Parameter `yaml:"parameters"`
	Headers         map[string]*Header    `yaml:"headers"`
	SecuritySchemes map[string]struct {
		Type         string `yaml:"type"`
		Scheme       string `yaml:"scheme"`
		BearerFormat string `yaml:"bearerFormat"`
		Description  string `yaml:"description"`
	} `yaml:"securitySchemes"`
}

// Path is the operations at one path. HEAD is as GET without a body, and OPTIONS is
// everywhere: neither is listed.
type Path struct {
	Parameters []*Parameter `yaml:"parameters"`
	Get        *Operation   `yaml:"get"`
	Put        *Operation   `yaml:"put"`
	Post       *Operation   `yaml:"post"`
	Patch      *Operation   `yaml:"patch"`
	Delete     *Operation   `yaml:"delete"`
}

// Operation is one method at one path.
type Operation struct {
	OperationID string                `yaml:"operationId"`
	Tags        []string              `yaml:"tags"`
	Summary     string                `yaml:"summary"`
	Description string                `yaml:"description"`
	Security    []map[string][]string `yaml:"security"`
	Parameters  []*Parameter          `yaml:"parameters"`
	RequestBody *RequestBody          `yaml:"requestBody"`
	Responses   map[string]*Response  `yaml:"responses"` // By status.
	// Form is the schema of a 200 if none of the parameters gives it another: an
	// extension (section 4.9) for answers that depend on them.
	Form string `yaml:"x-form"`
}

// Parameter is one parameter in the path, the query or the headers.
type Parameter struct {
	Ref         string  `yaml:"$ref"`
	Name        string  `yaml:"name"`
	In          string  `yaml:"in"`
	Required    bool    `yaml:"required"`
	Description string  `yaml:"description"`
	Schema      *Schema `yaml:"schema"`
	Form        string  `yaml:"x-form"` // What a 200 is if it is given.
}

// RequestBody is what a request carries.
type RequestBody struct {
	Required    bool                  `yaml:"required"`
	Description string                `yaml:"description"`
	Content     map[string]*MediaType `yaml:"content"`
}

// Response is what is answered with one status.
type Response struct {
	Ref         string                `yaml:"$ref"`
	Description string                `yaml:"description"`
	Headers     map[string]*Header    `yaml:"headers"`
	Content     map[string]*MediaType `yaml:"content"`
}

// Header is one header of a response.
type Header struct {
	Ref         string  `yaml:"$ref"`
	Description string  `yaml:"description"`
	Schema      *Schema `yaml:"schema"`
}

// MediaType is a body of one type.
type MediaType struct {
	Schema  *Schema `yaml:"schema"`
	Example any     `yaml:"example"`
}

// Parse reads a document in YAML, and resolves its references.
func Parse(text []byte) (*Description, error) {
	d := &Description{}
	if err := yaml.Load(text, d, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	r := resolver{d: d}
	for path, p := range d.Paths {
		r.path(path, p)
	}
	for name, s := range d.Components.Schemas {
		r.schema("schema "+name, s)
	}
	if len(r.wrong) > 0 {
		return nil, fmt.Errorf("openapi: %s", strings.Join(r.wrong, "; "))
	}
	return d, nil
}

// JSON is a document in YAML as JSON.
func JSON(text []byte) ([]byte, error) {
	var value any
	if err := yaml.Load(text, &value); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return json.Marshal(value)
}

// Operations are the operations of a path by their methods.
func (p *Path) Operations() map[string]*Operation {
	out := map[string]*Operation{}
	for method, op := range map[string]*Operation{
		"GET": p.Get, "PUT": p.Put, "POST": p.Post, "PATCH": p.Patch, "DELETE": p.Delete,
	} {
		if op != nil {
			out[method] = op
		}
	}
	return out
}
