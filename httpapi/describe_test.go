package httpapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"kvs/internal/openapi"
)

// theDescription is openapi.yaml, read once.
var theDescription = sync.OnceValues(func() (*openapi.Description, error) { return openapi.Parse(describedText) })

func described(t testing.TB) *openapi.Description {
	t.Helper()
	d, err := theDescription()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// described holds an answer against openapi.yaml.
func (r *rig) described(method, target string, a answer) {
	r.t.Helper()
	d := described(r.t)
	err := d.Check(openapi.Answer{
		Method: method, Target: target, Status: a.status, Header: a.header, Body: []byte(a.body),
	})
	if err != nil {
		r.t.Errorf("%v: %.200s", err, a.body)
	}
}

// Goal: the description has every endpoint with all its methods, says which need no
// token, and has nothing else.
func TestDescriptionHasEveryEndpoint(t *testing.T) {
	d := described(t)
	endpoints := maps.Clone(fixed)
	maps.Copy(endpoints, named)
	for path, e := range endpoints {
		p := d.Paths[path]
		if p == nil {
			t.Errorf("%s is not described", path)
			continue
		}
		methods := slices.DeleteFunc(strings.Split(e.allow, ", "), func(m string) bool { return m == "HEAD" || m == "OPTIONS" })
		slices.Sort(methods)
		if got := slices.Sorted(maps.Keys(p.Operations())); !slices.Equal(got, methods) {
			t.Errorf("%s: described are %q, there are %q", path, got, methods)
		}
		for method, op := range p.Operations() {
			if free := op.Security != nil && len(op.Security) == 0; free != (e.need == needNothing) {
				t.Errorf("%s %s: described as open: %v", method, path, free)
			}
		}
	}
	for path := range d.Paths {
		if _, ok := endpoints[path]; !ok {
			t.Errorf("%s is described, and not there", path)
		}
	}
}

// Goal: the description lists the parameters that an operation takes, no more and no
// less. Method: an unknown one is refused with the list.
func TestDescriptionHasEveryParameter(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Guard, o.Trail = newFakeGuard(), &fakeTrail{}
		o.Feed, o.History = struct{ Feed }{}, struct{ History }{} // nobody comes as far as to ask them
	})
	asked := 0
	for path, p := range described(t).Paths {
		for method, op := range p.Operations() {
			target := strings.NewReplacer("{key}", "k", "{path}", "p", "{id}", "x", "{slug}", "internal").Replace(path)
			var want []string
			for _, param := range slices.Concat(p.Parameters, op.Parameters) {
				if param.In == "query" {
					want = append(want, param.Name)
				}
			}
			body := ""
			if op.RequestBody != nil {
				body = "1"
			}
			a := r.do(method, target+"?no_such", body, "Authorization: Bearer admin")
			_, list, refused := strings.Cut(a.body, "this endpoint takes ")
			list, _, _ = strings.Cut(list, `"`)
			got := strings.Split(list, ", ")
			if refused && list == "none" {
				got = nil
			}
			if refused != (len(want) > 0) && got != nil {
				t.Errorf("%s %s takes parameters: %v, described are %q: %s", method, path, refused, want, a)
			}
			if !refused {
				continue
			}
			asked++
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s %s takes %q, described are %q", method, path, got, want)
			}
		}
	}
	if asked < 10 {
		t.Errorf("only %d operations have said what they take", asked)
	}
}

// Goal: the description lists every kind of problem.
func TestDescriptionHasEveryProblem(t *testing.T) {
	var want []string
	for _, k := range catalogue {
		want = append(want, k.slug)
	}
	got := slices.Sorted(slices.Values(described(t).Components.Schemas["ProblemCode"].Enum))
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("described are %q, there are %q", got, want)
	}
}

// Goal: the description is served in all its forms, and the page shows every operation,
// asks for nothing else and runs nothing.
func TestDescriptionIsServed(t *testing.T) {
	r := newRig(t, nil)
	if a := r.do("GET", "/openapi.yaml", ""); a.body != string(describedText) {
		t.Errorf("yaml: %.100s", a)
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if a := r.do("GET", "/openapi.json", ""); json.Unmarshal([]byte(a.body), &doc) != nil || doc.Paths["/health"]["get"] == nil {
		t.Errorf("json: %.100s", a)
	}
	if a := r.do("GET", "/licenses", ""); !strings.Contains(a.body, "badger") {
		t.Errorf("licences: %.100s", a)
	}
	page := r.do("GET", "/docs", "")
	for path := range doc.Paths {
		if !strings.Contains(page.body, "<code>"+path+"</code>") {
			t.Errorf("the page lacks %s", path)
		}
	}
	for _, word := range []string{"<script", " src=", "url(", "@import", "http://", "https://", " style=", "onload", "ZgotmplZ"} {
		if strings.Contains(page.body, word) {
			t.Errorf("the page has %s", word)
		}
	}
	_, style, _ := strings.Cut(page.body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	if style != docsStyle || !strings.HasPrefix(page.header["Content-Security-Policy"], "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the style is not the one that the policy names: %v", page.header)
	}
}
