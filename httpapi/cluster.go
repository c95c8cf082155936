package httpapi

import (
	"encoding/hex"
	"runtime"
	"strconv"

	"github.com/valyala/fasthttp"
)

const typeText = "text/plain; charset=utf-8"

// respond sends a small body built in the exchange's buffer.
func (x *exchange) respond(contentType string, body []byte) {
	x.buf = body
	x.ctx.Response.SetStatusCode(fasthttp.StatusOK)
	x.ctx.Response.Header.SetContentType(contentType)
	x.ctx.Response.SetBody(body)
}

// serveHealth answers GET /health: 200 while the node serves at all. The
// seed's four fields come first, in its order.
func (s *Server) serveHealth(x *exchange) *Problem {
	h := s.cluster.Health()
	b := append(x.buf[:0], `{"status":`...)
	b = appendString(b, h.Status)
	b = append(b, `,"mode":`...)
	b = appendString(b, h.Mode)
	b = append(b, `,"member_count":`...)
	b = strconv.AppendInt(b, int64(h.MemberCount), 10)
	b = append(b, `,"node_id":`...)
	b = appendString(b, h.NodeID)
	b = append(b, `,"joined":`...)
	b = strconv.AppendBool(b, h.Joined)
	b = append(b, `,"cluster_id":`...)
	b = appendString(b, h.ClusterID)
	b = append(b, `,"version":`...)
	b = appendString(b, s.options.Version)
	b = append(b, `,"durability":`...)
	b = appendString(b, h.Durability)
	b = append(b, `,"reasons":[`...)
	for i, reason := range h.Reasons {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, reason)
	}
	x.respond(typeJSON, append(b, ']', '}'))
	return nil
}

// serveAlive answers GET /healthz: the process serves HTTP.
func (s *Server) serveAlive(x *exchange) *Problem {
	x.respond(typeText, append(x.buf[:0], "ok\n"...))
	return nil
}

// serveMembers answers GET /members/ with the seed's four fields first.
func (s *Server) serveMembers(x *exchange) *Problem {
	b := append(x.buf[:0], '[')
	for i, m := range s.cluster.Members() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendString(b, m.ID)
		b = append(b, `,"address":`...)
		b = appendString(b, m.Address)
		b = append(b, `,"last_seen":`...)
		b = strconv.AppendInt(b, m.LastSeen, 10)
		b = append(b, `,"joined_timestamp":`...)
		b = strconv.AppendInt(b, m.JoinedTimestamp, 10)
		b = append(b, `,"state":`...)
		b = appendString(b, m.State)
		b = append(b, `,"incarnation":`...)
		b = strconv.AppendUint(b, m.Incarnation, 10)
		if m.Version != "" {
			b = append(b, `,"version":`...)
			b = appendString(b, m.Version)
		}
		b = append(b, `,"replica":`...)
		b = appendString(b, m.Replica)
		b = append(b, `,"reach":`...)
		b = appendString(b, m.Reach)
		b = appendKnown(append(b, `,"rtt_ms":`...), m.RTT)
		b = appendKnown(append(b, `,"skew_ms":`...), m.Skew)
		b = append(b, '}')
	}
	x.respond(typeJSON, append(b, ']'))
	return nil
}

// appendKnown appends a number, or null if there is none.
func appendKnown(b []byte, n *int64) []byte {
	if n == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, *n, 10)
}

// serveRoot answers GET /sync/merkle/root.
func (s *Server) serveRoot(x *exchange) *Problem {
	d, err := s.store.Digest()
	if err != nil {
		return s.refuse(err, "")
	}
	b := append(x.buf[:0], `{"root":"`...)
	b = hex.AppendEncode(b, d.Root[:])
	b = append(b, `","keys":`...)
	b = strconv.AppendInt(b, d.Keys, 10)
	b = append(b, `,"as_of":`...)
	b = strconv.AppendInt(b, d.AsOf, 10)
	b = append(b, `,"algorithm":`...)
	b = appendString(b, d.Algorithm)
	x.respond(typeJSON, append(b, '}'))
	return nil
}

// serveVersion answers GET /version.
func (s *Server) serveVersion(x *exchange) *Problem {
	b := append(x.buf[:0], `{"version":`...)
	b = appendString(b, s.options.Version)
	b = append(b, `,"go":`...)
	b = appendString(b, runtime.Version())
	x.respond(typeJSON, append(b, '}'))
	return nil
}

// serveProblem answers GET /problems/{slug}, where the type of every problem
// points.
func (s *Server) serveProblem(x *exchange) *Problem {
	k, ok := lookupKind(x.key)
	if !ok {
		return newProblem(slugNotFound, "there is no problem "+quoted(x.key))
	}
	b := append(x.buf[:0], k.title...)
	b = append(b, " ("...)
	b = append(b, k.slug...)
	b = append(b, ", HTTP "...)
	b = strconv.AppendInt(b, int64(k.status), 10)
	b = append(b, ")\n\n"...)
	b = append(b, k.text...)
	x.respond(typeText, append(b, '\n'))
	return nil
}
