package httpapi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"kvs/internal/openapi"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docsPolicy forbids the page everything but its own style: even if a text of it were
// not escaped, a browser would run nothing and ask nobody.
func docsPolicy() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// docsTag is a group of operations on the page.
type docsTag struct {
	openapi.Tag
	Operations []docsOperation
}

// docsOperation is one operation with where it is.
type docsOperation struct {
	*openapi.Operation
	Method, Path string
	Parameters   []*openapi.Parameter // Of the path and the operation.
	Open         bool                 // Whether it needs no token.
}

// docsPage renders a description for people.
func docsPage(d *openapi.Description) []byte {
	page := template.Must(template.New("docs").Funcs(template.FuncMap{
		"prose": prose, "answers": docsAnswers, "refusals": docsRefusals, "type": typeWord,
	}).Parse(docsTemplate))
	var out bytes.Buffer
	if err := page.Execute(&out, map[string]any{
		"API": d, "Tags": docsTags(d), "Style": template.CSS(docsStyle), "Problems": docsProblems(),
		"Refusal": d.Components.Responses["Problem"],
	}); err != nil {
		panic(err) // a test has rendered it
	}
	return out.Bytes()
}

// docsProblem is a kind of problem on the page.
type docsProblem struct {
	Slug, Title string
	Status      int
}

func docsProblems() (out []docsProblem) {
	for _, k := range catalogue {
		out = append(out, docsProblem{k.slug, k.title, k.status})
	}
	return out
}

// docsTags groups the operations, in order of their paths and of the verbs' reach.
func docsTags(d *openapi.Description) (out []docsTag) {
	order := []string{"GET", "PUT", "POST", "PATCH", "DELETE"}
	for _, tag := range d.Tags {
		group := docsTag{Tag: tag}
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for method, op := range d.Paths[path].Operations() {
				if slices.Contains(op.Tags, tag.Name) {
					group.Operations = append(group.Operations, docsOperation{
						op, method, path, slices.Concat(d.Paths[path].Parameters, op.Parameters), op.Security != nil,
					})
				}
			}
		}
		slices.SortFunc(group.Operations, func(a, b docsOperation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path),
				slices.Index(order, a.Method)-slices.Index(order, b.Method))
		})
		out = append(out, group)
	}
	return out
}

// Code is the first line of code that a person tries.
func (o docsOperation) Code() string {
	line := "curl"
	if o.Method != "GET" {
		line += " -X " + o.Method
	}
	if !o.Open {
		line += ` -H "Authorization: Bearer $TOKEN"`
	}
	if o.RequestBody != nil {
		for kind, media := range o.RequestBody.Content {
			line += " -H 'Content-Type: " + kind + "'"
			if media.Example != nil {
				text, _ := json.Marshal(media.Example) // values that YAML has read
				line += " -d '" + string(text) + "'"
			}
		}
	}
	path := o.Path
	for _, p := range o.Parameters {
		if p.In == "query" && p.Required {
			path += "?" + p.Name
		}
	}
	return line + " \"$NODE" + path + "\""
}

// Anchor names the operation within the page.
func (o docsOperation) Anchor() string { return o.OperationID }

// status is one response with its status.
type status struct {
	Code string
	*openapi.Response
}

const typeProblem = "application/problem+json"

// docsAnswers are the responses that are no refusals, in order.
func docsAnswers(responses map[string]*openapi.Response) (out []status) {
	for _, code := range slices.Sorted(maps.Keys(responses)) {
		if responses[code].Content[typeProblem] == nil {
			out = append(out, status{code, responses[code]})
		}
	}
	return out
}

// docsRefusals are the statuses of the others, which are all alike.
func docsRefusals(responses map[string]*openapi.Response) string {
	var out []string
	for _, code := range slices.Sorted(maps.Keys(responses)) {
		if responses[code].Content[typeProblem] != nil {
			out = append(out, code)
		}
	}
	return strings.Join(out, ", ")
}

// typeWord words what a value is, with a link to the schema that it refers to.
func typeWord(s *openapi.Schema) template.HTML {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		name := template.HTMLEscapeString(s.Ref[strings.LastIndexByte(s.Ref, '/')+1:])
		return template.HTML(`<a href="#schema-` + name + `">` + name + `</a>`)
	case s.Items != nil:
		return "list of " + typeWord(s.Items)
	case len(s.OneOf) > 0:
		var words []string
		for _, one := range s.OneOf {
			words = append(words, string(typeWord(one)))
		}
		return template.HTML(strings.Join(words, " or "))
	case len(s.Enum) > 0:
		return template.HTML(template.HTMLEscapeString(strings.Join(s.Enum, " | ")))
	case s.Type == nil:
		return "any JSON"
	}
	word := fmt.Sprint(s.Type)
	if list, ok := s.Type.([]any); ok {
		var words []string
		for _, one := range list {
			words = append(words, fmt.Sprint(one))
		}
		word = strings.Join(words, " or ")
	}
	if s.Format != "" {
		word += " (" + s.Format + ")"
	}
	if s.Minimum != nil && s.Maximum != nil {
		word += fmt.Sprintf(", %d to %d", *s.Minimum, *s.Maximum)
	}
	if s.Default != nil {
		word += fmt.Sprintf(", %v if not given", s.Default)
	}
	return template.HTML(template.HTMLEscapeString(word))
}

// prose is text with paragraphs and `code` as HTML.
func prose(text string) template.HTML {
	var out strings.Builder
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		out.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			part = template.HTMLEscapeString(part)
			if i%2 == 1 {
				part = "<code>" + part + "</code>"
			}
			out.WriteString(part)
		}
		out.WriteString("</p>\n")
	}
	return template.HTML(out.String())
}
