package httpapi

import (
	"errors"
	"net"
	"strconv"

	"github.com/valyala/fasthttp"

	"kvs/internal/backup"
)

// onHeader gives a request that has a body read_timeout for it. The others
// are complete: moving their deadline would only cost time.
func (s *Server) onHeader(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if n := h.ContentLength(); n == 0 || n < -1 {
		return fasthttp.RequestConfig{}
	}
	c := fasthttp.RequestConfig{
		ReadTimeout: s.options.ReadTimeout, MaxRequestBodySize: s.tuned.Load().maxJSON + bodySlackBytes,
	}
	if isBatch(h) {
		c.MaxRequestBodySize = batchBytesMax + bodySlackBytes
	}
	if isRestore(h) {
		c.MaxRequestBodySize = backup.FrameBytesMax + bodySlackBytes
	}
	return c
}

// onExpect answers Expect: 100-continue: a request that would be refused
// whatever its body says is refused before the body is sent. fasthttp asks
// its users to leave the response alone here but sends what it finds in it; a
// test watches that the problem arrives.
func (s *Server) onExpect(ctx *fasthttp.RequestCtx) (status int) {
	status = fasthttp.StatusInternalServerError // What a contained panic leaves.
	x := s.begin(ctx)
	defer s.end(x)
	e, p := s.accept(x)
	if p == nil && e.serve != nil && e.allow == allowKV && (ctx.IsPut() || ctx.IsPatch()) {
		_, p = s.checkBody(x)
	}
	if p == nil && isBatch(&ctx.Request.Header) {
		p = s.checkBatch(x)
	}
	if p == nil {
		return fasthttp.StatusContinue
	}
	s.note(x, e, p)
	p.closeConn = true
	s.refuseWith(x, p)
	return p.Status
}

// onReadError words what fasthttp could not read. The connection closes
// after it; without a word if nothing was ever read, because a pooled client
// would take an answer without a question for that to its next request.
func (s *Server) onReadError(ctx *fasthttp.RequestCtx, err error) {
	if c, ok := ctx.Conn().(*clientConn); ok && !c.used.Load() {
		_ = c.Conn.Close()
		return
	}
	p := s.readProblem(&ctx.Request.Header, err)
	p.closeConn = true
	p.requestID = string(s.ids.appendNext(nil))
	p.writeTo(ctx)
	ctx.Response.Header.Set(headerRequestID, p.requestID)
}

func (s *Server) readProblem(h *fasthttp.RequestHeader, err error) *Problem {
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge) && isBatch(h):
		return batchTooLarge(int64(max(h.ContentLength(), 0)))
	case errors.Is(err, fasthttp.ErrBodyTooLarge) && isRestore(h):
		return frameTooLarge(int64(max(h.ContentLength(), 0)))
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return s.tuned.Load().tooLarge(int64(max(h.ContentLength(), 0)))
	case errors.As(err, &small):
		p := newProblem(slugBadRequest, "the request line and headers are longer than "+
			strconv.Itoa(headerBytesMax)+" bytes")
		p.Limit = headerBytesMax
		return p
	case errors.As(err, &network) && network.Timeout():
		// By now fasthttp has forgotten which part it was waiting for.
		return newProblem(slugBadRequest, "the request did not arrive in time: "+
			"header_timeout bounds its headers, read_timeout its body")
	}
	return newProblem(slugBadRequest, "the request is not valid HTTP/1.1")
}
