package client

import (
	"net/http"
	"net/url"
	"time"
)

// WriteOption changes one write.
type WriteOption func(*write)

// write is a write in the making.
type write struct {
	method, key string
	body        []byte
	query       url.Values
	header      http.Header
}

func newWrite(method, key string, body []byte, options []WriteOption) *write {
	w := &write{method: method, key: key, body: body, query: url.Values{}, header: http.Header{}}
	for _, set := range options {
		set(w)
	}
	return w
}

func (w *write) request() Request {
	return Request{Method: w.method, Path: withQuery(keyPath(w.key), w.query), Body: w.body, Header: w.header}
}

// TTL lets the value expire after d. 0 is never, whatever the node's default_ttl says.
func TTL(d time.Duration) WriteOption {
	return func(w *write) { w.query.Set("ttl", d.String()) }
}

// IfMatch carries out the write only if the key has one of these versions, or with none
// given any at all. The node judges by what it has: another may have a newer version.
func IfMatch(versions ...Version) WriteOption {
	return func(w *write) {
		if len(versions) == 0 {
			w.header.Set("If-Match", "*")
		}
		for _, v := range versions {
			w.header.Add("If-Match", quoted(v))
		}
	}
}

// IfAbsent carries out the write only if the key is not there. The node judges by what
// it has.
func IfAbsent() WriteOption {
	return func(w *write) { w.header.Set("If-None-Match", "*") }
}

// IdempotencyKey names the write, so that it may be sent again: a node that has carried
// it out answers as it did the first time. Another node does not know the name and
// carries it out once more. Each write needs a name of its own, such as crypto/rand.Text.
func IdempotencyKey(name string) WriteOption {
	return func(w *write) { w.header.Set(headerIdempotency, `"`+name+`"`) }
}

// quoted is a version as an entity tag.
func quoted(v Version) string { return `"` + string(v) + `"` }
