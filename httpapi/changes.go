package httpapi

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// Where following may begin, beside a cursor.
const (
	SinceNow   = "now"   // with what happens from here on
	SinceStart = "start" // with all that is stored
)

var (
	// ErrCursor says that a text is no cursor of this cluster.
	ErrCursor = errors.New("httpapi: no cursor of this cluster")
	// ErrCursorExpired says that a follower has missed what the node has forgotten.
	ErrCursorExpired = errors.New("httpapi: the cursor is older than what is remembered")
)

// Feed is what changes on this node.
type Feed interface {
	// Follow begins to follow the keys with a prefix, from SinceNow, SinceStart or a
	// cursor of any node of the cluster. It returns ErrCursor, ErrCursorExpired, or
	// ErrOverloaded if the node has as many followers as it takes.
	Follow(since, prefix string) (Follower, error)
}

// Follower reads changes, one goroutine at a time.
type Follower interface {
	// Next shows what changed, some of it at a time, and waits for something to happen
	// if there is nothing. It stops after the change with which show returns false, and
	// shows at most room changes of those that were stored before. It returns
	// ErrCursorExpired when the follower has to begin again.
	Next(room int, wait time.Duration, show func(Change) bool) (Rest, error)
	// Cursor is where it has come: another Follow goes on from there.
	Cursor() string
	Close()
}

// Rest is why Next returned.
type Rest uint8

// The rests.
const (
	RestMore Rest = iota // there is more at once
	RestAll              // all that was stored has been shown
	RestLive             // something happened
	RestIdle             // nothing happened
)

// Change is one change of a key. Data is valid until show returns.
type Change struct {
	Record
	Op      string   // "put", "delete", "expire" or "damaged"
	Deleted bool     // there is no value
	Order   [32]byte // of two versions of a key the one with the greater bytes stands
}

const paramsChanges = paramSince | paramPrefix | paramFeed | paramLimit | paramInclude | paramSnapshot | paramHeartbeat

const (
	heartbeatDefault = 15 * time.Second
	heartbeatMin     = time.Second
	heartbeatMax     = 5 * time.Minute
	// changesBytes is about how much of a feed is in memory at a time.
	changesBytes = 64 << 10
	// tokenEvery is how often a token that holds a feed open is looked at again.
	tokenEvery = time.Second

	typeEvents = "text/event-stream"
	typeNDJSON = "application/x-ndjson"
)

// feedMode is how changes are sent.
type feedMode string

const (
	feedNormal     feedMode = "normal"      // one page, at once
	feedLongPoll   feedMode = "longpoll"    // one page, as soon as there is something on it
	feedContinuous feedMode = "continuous"  // a line for each change, without end
	feedEvents     feedMode = "eventsource" // server-sent events
)

// changesQuery is a checked request for changes.
type changesQuery struct {
	since, prefix string
	mode          feedMode
	limit         int // 0 none
	values        bool
	beat          time.Duration
}

func (x *exchange) parseChanges() (c changesQuery, p *Problem) {
	q := &x.query
	if p = q.parse(x.rawQuery, paramsChanges); p != nil {
		return c, p
	}
	if c.mode, p = x.feedMode(); p != nil {
		return c, p
	}
	streams := c.mode == feedContinuous || c.mode == feedEvents
	if q.has(paramLimit) || !streams {
		if c.limit, p = q.limit(); p != nil {
			return c, p
		}
	}
	if c.prefix, p = parseBound(q, paramPrefix, "prefix"); p != nil {
		return c, p
	}
	switch q.value(paramInclude) {
	case "value":
		c.values = true
	case "":
	default:
		return c, invalidParameter("include must be value, not " + quoted(q.value(paramInclude)))
	}
	if c.beat, p = q.heartbeat(); p != nil {
		return c, p
	}
	snapshot, p := q.flag(paramSnapshot, "snapshot")
	if p != nil {
		return c, p
	}
	c.since = SinceNow
	if last := x.ctx.Request.Header.Peek("Last-Event-ID"); len(last) > 0 {
		c.since = string(last)
	} else if q.value(paramSince) != "" {
		c.since = q.value(paramSince)
	} else if snapshot {
		c.since = SinceStart
	}
	if snapshot && c.since == SinceNow {
		return c, invalidParameter("snapshot begins with what is stored, and since=now does not; drop one of them")
	}
	return c, nil
}

// feedMode is the mode that is asked for by name, or by what is accepted.
func (x *exchange) feedMode() (feedMode, *Problem) {
	switch mode := feedMode(x.query.value(paramFeed)); mode {
	case feedNormal, feedLongPoll, feedContinuous, feedEvents:
		return mode, nil
	case "":
	default:
		return "", invalidParameter("feed must be normal, longpoll, continuous or eventsource, not " + quoted(string(mode)))
	}
	switch accept := x.ctx.Request.Header.Peek(fasthttp.HeaderAccept); {
	case bytes.HasPrefix(accept, []byte(typeEvents)):
		return feedEvents, nil
	case bytes.HasPrefix(accept, []byte(typeNDJSON)):
		return feedContinuous, nil
	}
	return feedNormal, nil
}

func (q *query) heartbeat() (time.Duration, *Problem) {
	if !q.has(paramHeartbeat) {
		return heartbeatDefault, nil
	}
	d, err := time.ParseDuration(q.value(paramHeartbeat))
	if err != nil || d < heartbeatMin || d > heartbeatMax {
		return 0, invalidParameter("heartbeat must be a duration from " + heartbeatMin.String() + " to " +
			heartbeatMax.String() + " such as 15s, not " + quoted(q.value(paramHeartbeat)))
	}
	return d, nil
}

// serveChanges answers GET /changes.
func (s *Server) serveChanges(x *exchange) *Problem {
	if s.feed == nil {
		return newProblem(slugNotReady, "this node has no feed of changes")
	}
	c, p := x.parseChanges()
	if p != nil {
		return p
	}
	if plain, ok := s.unsealed(sealedChanges, c.since); ok {
		c.since = string(plain)
	}
	f, err := s.feed.Follow(c.since, c.prefix)
	if err != nil {
		return s.refuseFollower(err)
	}
	s.markSyncing(x)
	w := &changesWriter{server: s, changesQuery: c, follower: f, conn: x.ctx.Conn(), left: c.limit}
	if w.may = s.filter(x); w.may != nil {
		// The exchange serves others when the feed goes on.
		w.asks = &exchange{caller: x.caller}
		w.may = func(key string) bool { return w.allowed() && s.may(w.asks, auth.OpRead, key) }
		x.ctx.Response.Header.SetCanonical([]byte("KVS-Results-Filtered"), []byte("acl"))
	}
	if s.guard != nil {
		w.token = bytes.Clone(bearer(x.ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)))
		w.checked = time.Now()
	}
	if c.mode == feedNormal || c.mode == feedLongPoll {
		defer f.Close()
		return w.answerPage(x)
	}
	return w.answerStream(x)
}

func (s *Server) refuseFollower(err error) *Problem {
	switch {
	case errors.Is(err, ErrCursor):
		return invalidParameter("since must be now, start, or a cursor of this cluster, unchanged")
	case errors.Is(err, ErrCursorExpired):
		return newProblem(slugCursorExpired, "what was deleted or expired since then is forgotten here")
	case errors.Is(err, ErrOverloaded):
		p := newProblem(slugOverloaded, "the node has as many followers as it takes")
		p.ConfigKey = "max_watchers"
		return p
	}
	return s.refuse(err, "")
}

// changesWriter writes changes to one client.
type changesWriter struct {
	changesQuery
	server   *Server
	follower Follower
	may      func(key string) bool
	conn     net.Conn
	token    []byte
	checked  time.Time // when the token was looked at
	asks     *exchange // whose rights are asked for
	barred   bool      // the token is not good any more
	said     time.Time // when the client was told something
	left     int       // of limit
	synced   bool      // all that was stored was sent
	buf      []byte    // what was not read yet
	read     int       // of buf
	open     bool      // the last change in buf may get a cursor
	count    int
	ended    error
}

// answerPage answers with one page of changes and where the next one begins.
func (w *changesWriter) answerPage(x *exchange) *Problem {
	w.buf = append(w.buf, `{"changes":[`...)
	wait, from := w.beat, time.Now()
	for {
		rest, err := w.follower.Next(w.left, max(wait, 0), w.show)
		if err != nil {
			return w.server.refuseFollower(err)
		}
		if !w.allowed() {
			return unauthorized("the token ended while its request waited", "invalid_token")
		}
		wait = w.beat - time.Since(from)
		if w.left == 0 || w.full() || rest == RestIdle || wait <= 0 || rest != RestMore && (w.count > 0 || w.mode == feedNormal) {
			break
		}
	}
	if w.open {
		w.buf = append(w.buf, '}')
	}
	w.buf = append(append(append(w.buf, `],"cursor":"`...), w.cursor()...), `"}`...)
	x.ctx.Response.Header.SetContentType(typeJSON)
	x.ctx.Response.SetBodyRaw(w.buf)
	return nil
}

// cursor is where the feed has come. It may name the key at which the reading of what
// was stored stands, which not everybody may read.
func (w *changesWriter) cursor() string {
	if w.may == nil {
		return w.follower.Cursor()
	}
	return w.server.sealed(sealedChanges, []byte(w.follower.Cursor()))
}

// show adds a change to what is to be sent.
func (w *changesWriter) show(c Change) bool {
	if w.may != nil && !w.may(c.Key) {
		return true
	}
	w.close()
	w.count++
	if w.mode == feedEvents {
		w.buf = append(append(append(w.buf, "event: "...), c.Op...), "\ndata: "...)
	}
	w.buf = append(append(append(w.buf, `{"op":"`...), c.Op...), `","key":`...)
	w.buf = appendString(w.buf, c.Key)
	if c.UUID != ([16]byte{}) {
		w.buf = appendUUID(append(w.buf, `,"uuid":"`...), c.UUID)
		w.buf = strconv.AppendInt(append(w.buf, `","timestamp":`...), c.Timestamp, 10)
		w.buf = append(hex.AppendEncode(append(w.buf, `,"version":"`...), c.Order[:]), '"')
	}
	if c.ExpiresAt != 0 {
		w.buf = strconv.AppendInt(append(w.buf, `,"expires_at":`...), c.ExpiresAt, 10)
	}
	if w.values && !c.Deleted {
		w.data(c.Data)
	}
	w.open = true
	if w.limit > 0 {
		w.left--
	}
	return (w.limit == 0 || w.left > 0) && !w.full()
}

// full says that what is in memory is to be sent first.
func (w *changesWriter) full() bool {
	if w.mode == feedNormal || w.mode == feedLongPoll {
		return len(w.buf) >= rangePageBytesMax
	}
	return len(w.buf) >= changesBytes
}

// data adds a value. An event is a line, so line ends between its tokens go.
func (w *changesWriter) data(value []byte) {
	w.buf = append(w.buf, `,"data":`...)
	at := len(w.buf)
	w.buf = append(w.buf, value...)
	if w.mode == feedNormal || w.mode == feedLongPoll {
		return
	}
	for i := at; i < len(w.buf); i++ { // a line end inside of a string is escaped
		if w.buf[i] == '\n' || w.buf[i] == '\r' {
			w.buf[i] = ' '
		}
	}
}

// close ends the last change without a cursor: one that follows has it.
func (w *changesWriter) close() {
	switch {
	case !w.open:
	case w.mode == feedEvents:
		w.buf = append(w.buf, "}\n\n"...)
	case w.mode == feedContinuous:
		w.buf = append(w.buf, "}\n"...)
	default:
		w.buf = append(w.buf, "},"...)
	}
	w.open = false
}

// mark ends the last change with the cursor behind it.
func (w *changesWriter) mark() {
	if !w.open {
		return
	}
	cursor := w.cursor()
	if w.mode == feedEvents {
		w.buf = append(append(append(w.buf, "}\nid: "...), cursor...), "\n\n"...)
	} else {
		w.buf = append(append(append(w.buf, `,"cursor":"`...), cursor...), "\"}\n"...)
	}
	w.open = false
}

// say adds a line about the feed itself.
func (w *changesWriter) say(op, text string) {
	cursor := w.cursor()
	if w.mode == feedEvents {
		w.buf = append(append(append(w.buf, "event: "...), op...), "\ndata: "...)
	}
	w.buf = append(append(append(w.buf, `{"op":"`...), op...), '"')
	if text != "" {
		w.buf = appendString(append(w.buf, `,"reason":`...), text)
	}
	if w.mode == feedEvents {
		w.buf = append(append(append(w.buf, "}\nid: "...), cursor...), "\n\n"...)
		return
	}
	w.buf = append(append(append(w.buf, `,"cursor":"`...), cursor...), "\"}\n"...)
}

// answerStream answers with changes as they happen. The first of them are read here,
// so that what makes the whole feed fail is still a problem.
func (w *changesWriter) answerStream(x *exchange) *Problem {
	if p := w.begin(); p != nil {
		w.follower.Close()
		return p
	}
	kind := typeNDJSON
	if w.mode == feedEvents {
		kind = typeEvents
	}
	h := &x.ctx.Response.Header
	h.SetContentType(kind)
	h.Set(fasthttp.HeaderCacheControl, "no-store")
	h.Set("X-Accel-Buffering", "no")
	x.ctx.Response.SetBodyStream(w, -1)
	return nil
}

func (w *changesWriter) begin() *Problem {
	w.said = time.Now()
	rest, err := w.follower.Next(w.room(), 0, w.show)
	if err != nil {
		return w.server.refuseFollower(err)
	}
	w.after(rest)
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.server.options.WriteTimeout)); err != nil {
		return w.server.refuse(err, "")
	}
	return nil
}

func (w *changesWriter) room() int {
	if w.limit > 0 {
		return w.left
	}
	return rangeLimitMax
}

// after says what a rest means to the client.
func (w *changesWriter) after(rest Rest) {
	w.mark()
	switch {
	case rest == RestAll && !w.synced:
		w.synced = true
		w.say("synced", "")
	case rest == RestIdle:
		w.say("heartbeat", "")
	}
	if w.limit > 0 && w.left == 0 {
		w.ended = io.EOF
	}
}

// Read implements io.Reader: the client takes as much as it can, and is cut off when it
// takes nothing for write_timeout.
func (w *changesWriter) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil { // fasthttp does not contain it
			w.server.log.Error("http feed panicked", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	for w.read == len(w.buf) {
		if w.ended != nil {
			return 0, w.ended
		}
		w.buf, w.read = w.buf[:0], 0
		w.fill()
	}
	n = copy(p, w.buf[w.read:])
	w.read += n
	return n, w.conn.SetWriteDeadline(time.Now().Add(w.server.options.WriteTimeout))
}

// fill reads what comes next. What happens to hidden keys is not told, and neither puts
// off a heartbeat nor brings one.
func (w *changesWriter) fill() {
	rest, err := w.follower.Next(w.room(), max(w.beat-time.Since(w.said), 0), w.show)
	switch {
	case errors.Is(err, ErrCursorExpired):
		w.mark()
		w.say("reset", "what was deleted or expired since the cursor is forgotten here: begin again with since=start")
		w.ended = io.EOF
	case err != nil:
		w.mark()
		w.ended = io.EOF
	case !w.allowed():
		w.buf, w.open, w.ended = w.buf[:0], false, io.EOF
	default:
		w.after(rest)
		if len(w.buf) == 0 && time.Since(w.said) >= w.beat {
			w.say("heartbeat", "")
		}
	}
	if len(w.buf) > 0 {
		w.said = time.Now()
	}
}

// allowed looks at the token again now and then, and at the groups of its user.
func (w *changesWriter) allowed() bool {
	if w.token == nil || w.barred || time.Since(w.checked) < tokenEvery {
		return !w.barred
	}
	w.checked = time.Now()
	caller, known := w.server.guard.Recall(w.token)
	if !known {
		var err error
		caller, err = w.server.guard.Admit(w.token)
		w.barred = err != nil
	}
	if w.asks != nil && !w.barred {
		w.asks.caller = caller
	}
	return !w.barred
}

// Close implements io.Closer; fasthttp calls it when the answer has ended.
func (w *changesWriter) Close() error {
	w.follower.Close()
	return nil
}

func bearer(header []byte) []byte {
	_, token, _ := bytes.Cut(header, []byte{' '})
	return token
}
