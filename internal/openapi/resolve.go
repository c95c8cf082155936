package openapi

import (
	"regexp"
	"strings"
)

// resolver replaces references by what they refer to, and lists what is wrong with a
// description: references to nothing and schemas with impossible keywords.
type resolver struct {
	d     *Description
	wrong []string
}

func (r *resolver) fail(where, what string) { r.wrong = append(r.wrong, where+": "+what) }

// find looks a reference up. It is the zero value for none, and for one to nothing.
func find[T any](r *resolver, where, ref, kind string, in map[string]T) (out T, ok bool) {
	name, found := strings.CutPrefix(ref, "#/components/"+kind+"/")
	if ref == "" {
		return out, false
	}
	if out, ok = in[name]; !found || !ok {
		r.fail(where, "there is no "+ref)
	}
	return out, ok
}

func (r *resolver) path(path string, p *Path) {
	for _, param := range p.Parameters {
		r.parameter(path, param)
	}
	for method, op := range p.Operations() {
		r.operation(method+" "+path, op)
	}
}

func (r *resolver) operation(where string, op *Operation) {
	r.form(where, op.Form)
	for _, param := range op.Parameters {
		r.parameter(where, param)
		r.form(where, param.Form)
	}
	if op.RequestBody != nil {
		r.content(where, op.RequestBody.Content)
	}
	for status, resp := range op.Responses {
		at := where + " " + status
		if named, ok := find(r, at, resp.Ref, "responses", r.d.Components.Responses); ok {
			*resp = *named
		}
		for _, h := range resp.Headers {
			if named, ok := find(r, at, h.Ref, "headers", r.d.Components.Headers); ok {
				*h = *named
			}
			r.schema(at, h.Schema)
		}
		r.content(at, resp.Content)
	}
}

func (r *resolver) form(where, name string) {
	if name != "" && r.d.Components.Schemas[name] == nil {
		r.fail(where, "there is no schema "+name)
	}
}

func (r *resolver) parameter(where string, p *Parameter) {
	if named, ok := find(r, where, p.Ref, "parameters", r.d.Components.Parameters); ok {
		*p = *named
	}
	r.schema(where+" parameter "+p.Name, p.Schema)
}

func (r *resolver) content(where string, content map[string]*MediaType) {
	for kind, m := range content {
		if m.Schema == nil {
			r.fail(where, kind+" has no schema")
		}
		r.schema(where, m.Schema)
	}
}

// schema resolves a schema once: what it refers to may refer back to it.
func (r *resolver) schema(where string, s *Schema) {
	if s == nil || s.resolved {
		return
	}
	s.resolved = true
	if named, ok := find(r, where, s.Ref, "schemas", r.d.Components.Schemas); ok {
		s.target = named
		r.schema(where, named)
	}
	for _, t := range s.types() {
		switch t {
		case "object", "array", "string", "integer", "number", "boolean", "null":
		default:
			r.fail(where, "there is no type "+t)
		}
	}
	switch s.Format {
	case "", "uuid", "int64", "byte":
	default:
		r.fail(where, "there is no rule for the format "+s.Format)
	}
	if s.Pattern != "" {
		var err error
		if s.pattern, err = regexp.Compile(s.Pattern); err != nil {
			r.fail(where, err.Error())
		}
	}
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			r.fail(where, "the required "+name+" is no property")
		}
	}
	for name, p := range s.Properties {
		r.schema(where+"."+name, p)
	}
	r.schema(where, s.Items)
	r.schema(where, s.AdditionalProperties)
	for _, one := range s.OneOf {
		r.schema(where, one)
	}
}
