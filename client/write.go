package client

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// WriteOption changes one write.
type WriteOption func(*write)

// write is a write in the making.
type write struct {
	method, key string
	body        []byte
	query       url.Values
	contentType string // "" is JSON

	ttl    string    // "" is the node's default_ttl
	match  []Version // What IfMatch wants; "*" is any.
	absent bool
	name   string // Of IdempotencyKey.
}

func newWrite(method, key string, body []byte, options []WriteOption) *write {
	w := &write{method: method, key: key, body: body, query: url.Values{}}
	for _, set := range options {
		set(w)
	}
	return w
}

// conditional says that a second attempt does nothing if the first was carried out.
func (w *write) conditional() bool { return w.absent || len(w.match) > 0 }

func (w *write) request() Request {
	h := http.Header{}
	if w.contentType != "" {
		h.Set("Content-Type", w.contentType)
	}
	if w.ttl != "" {
		w.query.Set("ttl", w.ttl)
	}
	if w.absent {
		h.Set("If-None-Match", "*")
	}
	var tags []string
	for _, v := range w.match {
		tags = append(tags, tag(v))
	}
	if len(tags) > 0 {
		h.Set("If-Match", strings.Join(tags, ", "))
	}
	name(h, w.name)
	return Request{Method: w.method, Path: withQuery(keyPath(w.key), w.query), Body: w.body, Header: h}
}

// tag is a version as an entity tag (RFC 9110 section 8.8.3).
func tag(v Version) string {
	if v == anyVersion {
		return anyVersion
	}
	return `"` + string(v) + `"`
}

const anyVersion = "*"

const headerIdempotency = "Idempotency-Key"

// name adds the name of a request, as a string of RFC 9651.
func name(h http.Header, name string) {
	if name != "" {
		h.Set(headerIdempotency, `"`+name+`"`)
	}
}

// TTL lets the value expire after d. 0 is never, whatever the node's default_ttl says.
func TTL(d time.Duration) WriteOption { return func(w *write) { w.ttl = d.String() } }

// IfMatch carries out the write only if the key has one of these versions, or with none
// given any at all. The node judges by what it has: another may have a newer version.
func IfMatch(versions ...Version) WriteOption {
	if len(versions) == 0 {
		versions = []Version{anyVersion}
	}
	return func(w *write) { w.match = versions }
}

// IfAbsent carries out the write only if the key is not there. The node judges by what
// it has.
func IfAbsent() WriteOption { return func(w *write) { w.absent = true } }

// IdempotencyKey names the write, so that it may be sent again: a node that has carried
// it out answers as it did the first time, for about an hour. Another node does not know
// the name and carries it out once more. Each write needs a name of its own, such as
// crypto/rand.Text gives.
func IdempotencyKey(name string) WriteOption { return func(w *write) { w.name = name } }
