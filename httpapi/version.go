package httpapi

import (
	"time"

	"github.com/valyala/fasthttp"
)

const (
	headerNode        = "KVS-Node"
	headerExpires     = "KVS-Expires"
	headerConsistency = "KVS-Consistency"
)

// describe says of the version that a GET shows when it was written, when it ends, and
// which node says so.
func (x *exchange) describe(r Record) {
	h := &x.ctx.Response.Header
	x.setETag(r.UUID)
	x.buf = fasthttp.AppendHTTPDate(x.buf[:0], time.UnixMilli(r.Timestamp))
	h.SetCanonical([]byte(fasthttp.HeaderLastModified), x.buf)
	if r.ExpiresAt != 0 {
		x.buf = fasthttp.AppendHTTPDate(x.buf[:0], time.UnixMilli(r.ExpiresAt))
		h.SetCanonical([]byte(headerExpires), x.buf)
	}
	h.SetCanonical([]byte(headerNode), x.node)
}

// local says that the conditions of a write were judged on this node alone.
func (x *exchange) local() {
	if len(x.conditions) > 0 {
		x.ctx.Response.Header.SetCanonical([]byte(headerConsistency), []byte("local"))
	}
}
