package httpapi

import "github.com/valyala/fasthttp"

// Lab is the demo that a node is a part of, whose nodes people may break.
type Lab interface {
	// Look is how the nodes are, in JSON.
	Look() []byte
	// Do does what the JSON asks. Its errors say what to do instead.
	Do(ask []byte) error
}

// serveLab answers GET and POST /lab.
func (s *Server) serveLab(x *exchange) *Problem {
	lab := s.options.Lab
	if lab == nil {
		return newProblem(slugNotFound, "this node is no part of a demo: kvs demo runs one")
	}
	if !x.ctx.IsPost() {
		x.respond(typeJSON, append(x.buf[:0], lab.Look()...))
		return nil
	}
	if p := checkMedia(&x.ctx.Request.Header); p != nil {
		return p
	}
	if err := lab.Do(x.ctx.PostBody()); err != nil {
		return newProblem(slugInvalidParameter, err.Error())
	}
	x.ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}
