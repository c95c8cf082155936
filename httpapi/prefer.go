package httpapi

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// What a client may prefer to have back of a write (RFC 7240 section 4.2).
const (
	preferMinimal        = "return=minimal"
	preferRepresentation = "return=representation"
)

// preference is the first of the two that a request names, "" if none.
func (x *exchange) preference() string {
	for _, line := range x.ctx.Request.Header.PeekAll("Prefer") {
		for p := range bytes.SplitSeq(line, []byte{','}) {
			p, _, _ = bytes.Cut(p, []byte{';'})
			switch p = bytes.TrimSpace(p); {
			case bytes.EqualFold(p, []byte(preferMinimal)):
				return preferMinimal
			case bytes.EqualFold(p, []byte(preferRepresentation)):
				return preferRepresentation
			}
		}
	}
	return ""
}

// answerWritten answers a PUT or PATCH: with the seed's two fields, or as the client
// prefers with nothing, or with the record as a GET shows it now. Who may not read the
// key gets the two fields.
func (s *Server) answerWritten(x *exchange, done Written) {
	x.answerWrite(done)
	if len(x.ctx.Request.Header.Peek("Prefer")) == 0 {
		return
	}
	resp := &x.ctx.Response
	prefer := x.preference()
	switch {
	case prefer == preferMinimal:
		if resp.ResetBody(); resp.StatusCode() == fasthttp.StatusOK {
			resp.SetStatusCode(fasthttp.StatusNoContent)
		}
		resp.Header.SetContentType("")
	case prefer == preferRepresentation && (s.guard == nil || s.may(x, auth.OpRead, x.key)):
		err := s.store.View(x.key, func(r Record) {
			resp.SetBodyRaw(appendBody(make([]byte, 0, len(r.Data)+128), r, false))
			x.setETag(r.UUID)
		})
		if err != nil {
			return // somebody else has deleted it, or it has expired
		}
	default:
		return
	}
	resp.Header.SetCanonical([]byte("Preference-Applied"), []byte(prefer))
}
