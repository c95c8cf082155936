package httpapi

import (
	"time"

	"kvs/internal/auth"
)

// KeyBytesMax is the longest key, in bytes of its canonical form.
const KeyBytesMax = 1024

// JSONDepthMax is the deepest nesting of arrays and objects in a value. A
// scalar has depth 0.
const JSONDepthMax = 64

const (
	// rangeLimitDefault and rangeLimitMax bound the items of one page.
	rangeLimitDefault = 100
	rangeLimitMax     = 1000

	// rangePageBytesMax bounds the body of one page. A page ends before the
	// item that would cross it, unless that item is its first.
	rangePageBytesMax = 4 << 20

	// cursorBytesMax bounds a cursor before it is decoded: three keys with their
	// lengths, what sealing adds (auth.SealBytes and padding), base64.
	cursorBytesMax = 4 * (3*(KeyBytesMax+4) + auth.SealBytes + sealedMultiple + 8) / 3

	// headerBytesMax bounds the request line and headers together. A range
	// over two keys of KeyBytesMax, every byte percent-encoded, still fits.
	headerBytesMax = 16 << 10

	// bodySlackBytes is how far past max_json_size fasthttp still reads. A
	// near miss is then refused with its exact size on a connection that
	// lives on, anything larger is refused unread and closed.
	bodySlackBytes = 64 << 10

	// bodyKeepBytesMax is the largest buffer an idle connection keeps.
	// Without it every connection would hold its largest body for life.
	bodyKeepBytesMax = 64 << 10

	// healthReserve is how many connections past max_connections are still
	// accepted, to answer health checks and to refuse the rest in words.
	healthReserve = 32

	// quoteBytesMax bounds what a problem quotes of the client's own input.
	quoteBytesMax = 80

	// lingerTimeout is how long a refused upload is read and thrown away
	// after the answer, so that the answer is not lost to a TCP reset.
	lingerTimeout = time.Second

	// retryAfterSeconds is the Retry-After of every 503.
	retryAfterSeconds = 1
)
