package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Answer is what a server said to a request.
type Answer struct {
	Method string
	Target string // The raw path and query.
	Status int
	Header map[string]string
	Body   []byte
}

func (a *Answer) header(wanted string) string {
	for name, value := range a.Header {
		if strings.EqualFold(name, wanted) {
			return value
		}
	}
	return ""
}

// ordinary are headers that any answer may have. They are described in the text of a
// description, once for all.
var ordinary = []string{
	"access-control-allow-origin", "access-control-expose-headers", "allow", "cache-control", "connection", "content-length", "content-type", "date",
	"ratelimit", "ratelimit-policy", "transfer-encoding", "vary", "x-content-type-options", "x-request-id",
}

// Check says how an answer is not as described: the path, the method, the status, a
// header, the type of the body or the body itself. A path that is not described may
// only be answered with a refusal.
func (d *Description) Check(a Answer) error {
	path, _, _ := strings.Cut(a.Target, "?")
	where := fmt.Sprintf("%s %s: %d", a.Method, path, a.Status)
	resp, err := d.find(a, path)
	if err == nil && resp != nil {
		err = resp.check(a)
	}
	if form := d.form(a, path); err == nil && form != "" {
		err = (&MediaType{Schema: d.Components.Schemas[form]}).checkJSON("the body", a.Body)
	}
	if err != nil {
		return fmt.Errorf("%s is not as described: %w", where, err)
	}
	return nil
}

// form is the schema that a parameter gives a good answer, or that it has without; ""
// if there is none.
func (d *Description) form(a Answer, path string) string {
	p := d.match(path, a.Method)
	if p == nil || a.Status != 200 || p.Operations()[a.Method] == nil {
		return ""
	}
	op := p.Operations()[a.Method]
	_, query, _ := strings.Cut(a.Target, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		for _, param := range op.Parameters {
			if param.Name == name && param.Form != "" && value != "false" {
				return param.Form
			}
		}
	}
	return op.Form
}

// find is the response that an answer should be like, nil where any would do.
func (d *Description) find(a Answer, path string) (*Response, error) {
	described := d.match(path, a.Method)
	method := a.Method
	switch {
	case method == "OPTIONS" && a.Status < 300:
		return nil, nil
	case method == "HEAD":
		method = "GET"
	}
	var op *Operation
	if described != nil {
		op = described.Operations()[method]
	}
	if op == nil || a.Status == 405 {
		if a.Status < 400 {
			return nil, errors.New("neither are the path and the method")
		}
		return d.Components.Responses["Problem"], nil
	}
	if resp := op.Responses[strconv.Itoa(a.Status)]; resp != nil {
		return resp, nil
	}
	return nil, errors.New("the status is not listed")
}

// match finds the path that describes a raw one: the very same, or else one with a name
// in it, the longest there is. Names may hold slashes.
func (d *Description) match(path, method string) *Path {
	for _, same := range []string{path, path + "/"} { // the last slash may be left out
		if p := d.Paths[same]; p != nil {
			return p
		}
	}
	best, found := "", (*Path)(nil)
	for template, p := range d.Paths {
		before, rest, named := strings.Cut(template, "{")
		_, after, _ := strings.Cut(rest, "}")
		if !named || !strings.HasPrefix(path, before) || !strings.HasSuffix(path, after) {
			continue // a name that is missing may share its slashes
		}
		if after != "" && p.Operations()[method] == nil && method != "HEAD" {
			continue
		}
		if longer := before + after; found == nil || len(longer) > len(best) {
			best, found = longer, p
		}
	}
	return found
}

func (r *Response) check(a Answer) error {
	for name := range a.Header {
		described := func(known string) bool { return strings.EqualFold(known, name) }
		if slices.ContainsFunc(ordinary, described) {
			continue
		}
		ok := false
		for known, h := range r.Headers {
			if ok = described(known); ok {
				if err := h.Schema.check("header "+known, a.Header[name]); err != nil {
					return err
				}
				break
			}
		}
		if !ok {
			return fmt.Errorf("the header %s is not described", name)
		}
	}
	return r.checkBody(a)
}

func (r *Response) checkBody(a Answer) error {
	minimal := a.header("Preference-Applied") == "return=minimal" // RFC 7240 section 4.2
	if len(r.Content) == 0 || minimal {
		if len(a.Body) > 0 {
			return errors.New("it has a body")
		}
		return nil
	}
	kind, _, _ := strings.Cut(a.header("Content-Type"), ";")
	m := r.Content[kind]
	switch {
	case m == nil:
		return fmt.Errorf("its type is %q", kind)
	case a.Method == "HEAD":
		return nil
	case kind == "application/x-ndjson":
		return m.checkLines(a.Body)
	case strings.HasSuffix(kind, "json"):
		return m.checkJSON("the body", a.Body)
	}
	return m.Schema.check("the body", string(a.Body))
}

// checkLines checks a body of which each line is a JSON text.
func (m *MediaType) checkLines(body []byte) error {
	for i, line := range bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")) {
		if len(body) == 0 {
			return nil
		}
		if err := m.checkJSON(fmt.Sprintf("line %d", i+1), line); err != nil {
			return err
		}
	}
	return nil
}

func (m *MediaType) checkJSON(at string, text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var value any
	if err := in.Decode(&value); err != nil {
		return fmt.Errorf("%s is no JSON: %w", at, err)
	}
	if _, err := in.Token(); err != io.EOF {
		return fmt.Errorf("%s is more than one JSON text", at)
	}
	return m.Schema.check(at, value)
}
