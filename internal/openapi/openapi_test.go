package openapi

import (
	"strings"
	"testing"
)

// small is a description with one of everything that is checked.
const small = `
openapi: 3.1.1
paths:
  /things/{key}:
    get:
      responses:
        '200':
          description: One.
          headers: {Mood: {$ref: '#/components/headers/Mood'}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}
        '404': {$ref: '#/components/responses/Problem'}
  /forms:
    get:
      x-form: Thing
      parameters: [{name: raw, in: query, x-form: Any}]
      responses: {'200': {description: Either., content: {application/json: {schema: {}}}}}
  /things/{path}/:
    get:
      responses:
        '200': {description: All., content: {application/x-ndjson: {schema: {$ref: '#/components/schemas/Thing'}}}}
  /things/_text:
    get:
      responses: {'200': {description: Text., headers: {Preference-Applied: {schema: {type: string}}}, content: {text/plain: {schema: {type: string, pattern: '^a'}}}}}
    delete:
      responses: {'204': {description: Gone.}}
components:
  headers: {Mood: {schema: {type: string, enum: [good]}}}
  responses: {Problem: {description: No., content: {application/problem+json: {schema: {type: object}}}}}
  schemas:
    Any: {}
    Thing:
      type: object
      required: [id]
      properties:
        id: {type: string, format: uuid}
        n: {type: [integer, 'null'], minimum: 0, maximum: 9}
        x: {type: number}
        any: {}
        parts: {type: array, items: {$ref: '#/components/schemas/Thing'}}
        open: {type: object, additionalProperties: {type: boolean}}
        either: {oneOf: [{type: string}, {type: array}]}
`

const aUUID = `"00000000-0000-4000-8000-00000000000a"`

// Goal: what is as described passes, and whatever is not is found.
func TestCheck(t *testing.T) {
	d, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for want, answers := range map[string][]string{
		"": {
			`GET /things/a/b?x 200 application/json {"id":` + aUUID + `,"n":3,"x":1.5,"any":[1,{}],"open":{"a":true},"either":"s"}`,
			`GET /things/a 200 application/json; {"id":` + aUUID + `,"n":null,"parts":[{"id":` + aUUID + `}]}`,
			`HEAD /things/a 200 application/json`,
			`GET /things/a 404 application/problem+json {}`,
			`GET /things/a/ 200 application/x-ndjson {"id":` + aUUID + "}\n" + `{"id":` + aUUID + "}\n",
			`GET /things/a/ 200 application/x-ndjson `,
			`GET /things/ 200 application/x-ndjson `,
			`GET /forms 200 application/json {"id":` + aUUID + `}`,
			`GET /forms?raw 200 application/json 1`,
			`GET /things/_text 200 text/plain abc`,
			`GET /things/_text 200 text/plain+Preference-Applied=return=minimal `,
			`DELETE /things/_text 204  `,
			`OPTIONS /things/a 204  `,
			`PUT /things/a 405 application/problem+json {}`,
			`GET /other 404 application/problem+json {}`,
		},
		"neither are the path":  {`GET /other 200 application/json {}`, `PUT /things/a 200 application/json {}`},
		"status is not listed":  {`GET /things/a 201 application/json {}`, `GET /things/_text 404 application/problem+json {}`},
		"its type is":           {`GET /things/a 200 text/plain x`, `GET /other 404 text/plain x`},
		"lacks id":              {`GET /forms 200 application/json {}`, `GET /forms?raw=false 200 application/json {}`, `GET /things/a 200 application/json {}`},
		"no UUID":               {`GET /things/a 200 application/json {"id":"x"}`},
		"not described":         {`GET /things/a 200 application/json {"id":` + aUUID + `,"y":1}`},
		"out of its bounds":     {`GET /things/a 200 application/json {"id":` + aUUID + `,"n":-1}`, `GET /things/a 200 application/json {"id":` + aUUID + `,"n":10}`},
		"of type number":        {`GET /things/a 200 application/json {"id":` + aUUID + `,"n":1.5}`},
		"of type string":        {`GET /things/a 200 application/json {"id":` + aUUID + `,"open":{"a":"b"}}`},
		"fits 0 of 2":           {`GET /things/a 200 application/json {"id":` + aUUID + `,"either":1}`},
		"parts[0] lacks id":     {`GET /things/a 200 application/json {"id":` + aUUID + `,"parts":[{}]}`},
		"line 2 is no JSON":     {`GET /things/a/ 200 application/x-ndjson {"id":` + aUUID + "}\n{"},
		"more than one":         {`GET /things/a 200 application/json {"id":` + aUUID + `}{}`},
		"does not match":        {`GET /things/_text 200 text/plain b`},
		"has a body":            {`DELETE /things/_text 204  x`},
		"it has a body":         {`GET /things/_text 200 text/plain+Preference-Applied=return=minimal abc`},
		"is of type array":      {`GET /things/a 200 application/json []`},
		"the header Other":      {`GET /things/a 200 application/json+Other=1 {}`},
		`is "bad", want one of`: {`GET /things/a 200 application/json+Mood=bad {}`},
	} {
		for _, line := range answers {
			err := d.Check(answerOf(line))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %q", line, err, want)
			}
		}
	}
}

// answerOf reads "METHOD TARGET STATUS TYPE[+HEADER=VALUE] BODY".
func answerOf(line string) Answer {
	f := append(strings.SplitN(line, " ", 5), "")
	a := Answer{Method: f[0], Target: f[1], Header: map[string]string{}, Body: []byte(f[4])}
	for _, c := range f[2] {
		a.Status = a.Status*10 + int(c-'0')
	}
	kind, extra, more := strings.Cut(strings.ReplaceAll(f[3], "problem+json", "problem*json"), "+")
	if name, value, ok := strings.Cut(extra, "="); more && ok {
		a.Header[name] = value
	}
	a.Header["Content-Type"] = strings.ReplaceAll(kind, "*", "+")
	return a
}

// Goal: what there is no rule for is refused, so that nothing seems to be checked.
func TestParseRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"unknown keyword":      {"pattern: '^a'", "maxLength: 3"},
		"unknown format":       {"format: uuid", "format: email"},
		"unknown type":         {"type: number", "type: float"},
		"reference to nothing": {"items: {$ref: '#/components/schemas/Thing'}", "items: {$ref: '#/components/schemas/Thong'}"},
		"header to nothing":    {"headers/Mood", "headers/Mud"},
		"broken pattern":       {"'^a'", "'('"},
		"required, not there":  {"required: [id]", "required: [ide]"},
		"form of nothing":      {"x-form: Any", "x-form: All"},
		"unknown method":       {"delete:", "purge:"},
		"no schema":            {"text/plain: {schema: {type: string, pattern: '^a'}}", "text/plain: {}"},
		"twice":                {"openapi: 3.1.1", "openapi: 3.1.1\nopenapi: 3.1.1"},
	} {
		changed := strings.Replace(small, change[0], change[1], 1)
		if _, err := Parse([]byte(changed)); err == nil || changed == small {
			t.Errorf("%s was taken", name)
		}
	}
}

// Goal: the same document as JSON.
func TestJSON(t *testing.T) {
	got, err := JSON([]byte("a: &x {b: [1, null, '2']}\nc: *x\n"))
	if want := `{"a":{"b":[1,null,"2"]},"c":{"b":[1,null,"2"]}}`; string(got) != want || err != nil {
		t.Errorf("%s %v, want %s", got, err, want)
	}
}
