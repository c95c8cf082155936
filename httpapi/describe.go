package httpapi

import (
	_ "embed"
	"sync"

	"kvs/internal/licenses"
	"kvs/internal/openapi"
)

// describedText is what this API is, in OpenAPI 3.1. Tests hold it against the endpoints
// and every answer against it.
//
//go:embed openapi.yaml
var describedText []byte

// description is the API's description in its other forms, which are made when somebody
// first asks for one.
type description struct {
	json, page func() []byte
	policy     string // The Content-Security-Policy of the page.
}

func newDescription() description {
	return description{
		json: sync.OnceValue(func() []byte {
			text, err := openapi.JSON(describedText)
			if err != nil {
				panic(err) // a test has read it
			}
			return text
		}),
		page: sync.OnceValue(func() []byte {
			d, err := openapi.Parse(describedText)
			if err != nil {
				panic(err) // a test has read it
			}
			return docsPage(d)
		}),
		policy: docsPolicy(),
	}
}

// serveOpenAPI answers GET /openapi.yaml.
func (s *Server) serveOpenAPI(x *exchange) *Problem {
	x.respondRaw("application/yaml", describedText)
	return nil
}

// serveOpenAPIJSON answers GET /openapi.json.
func (s *Server) serveOpenAPIJSON(x *exchange) *Problem {
	x.respondRaw(typeJSON, s.described.json())
	return nil
}

// serveDocs answers GET /docs: a page without scripts, so that it can forbid them all.
func (s *Server) serveDocs(x *exchange) *Problem {
	x.respondRaw("text/html; charset=utf-8", s.described.page())
	x.ctx.Response.Header.Set("Content-Security-Policy", s.described.policy)
	return nil
}

// serveLicenses answers GET /licenses.
func (s *Server) serveLicenses(x *exchange) *Problem {
	x.respondRaw(typeText, licenses.Text())
	return nil
}

// respondRaw sends a body that never changes.
func (x *exchange) respondRaw(contentType string, body []byte) {
	x.ctx.Response.SetStatusCode(200)
	x.ctx.Response.Header.SetContentType(contentType)
	x.ctx.Response.SetBodyRaw(body)
}
