package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

const (
	// batchOpsMax bounds the ops of one batch: its writes fit one transaction.
	batchOpsMax = 1000
	// batchBytesMax bounds the body of a batch. Each value is bound by max_json_size
	// beside.
	batchBytesMax = 4 << 20
	// batchParallelMax is how many records of rights a batch sets at once.
	batchParallelMax = 64
)

// batchOp is one op, as a client writes it.
type batchOp struct {
	Op          string          `json:"op"`
	Key         string          `json:"key"`
	Data        json.RawMessage `json:"data"`
	TTL         *string         `json:"ttl"`
	IfMatch     *string         `json:"if_match"`
	IfNoneMatch *string         `json:"if_none_match"`
}

// batchItem is one op on its way. It is an exchange of its own as far as rights and
// conditions go.
type batchItem struct {
	exchange
	op    string
	write Write
	fate  Fate
	p     *Problem // why it was refused
}

// isBatch says that a request is for /kv/_batch, before its body is read.
func isBatch(h *fasthttp.RequestHeader) bool {
	return h.IsPost() && bytes.HasPrefix(h.RequestURI(), []byte("/kv/_batch"))
}

// serveBatch answers POST /kv/_batch: a list of ops, each judged alone on what was there
// before. The writes happen first, in their order, and share a transaction as far as
// they fit; then the reads.
func (s *Server) serveBatch(x *exchange) *Problem {
	items, p := s.parseBatch(x)
	if p != nil {
		return p
	}
	if s.sessions != nil {
		if p := s.openSession(x, x.ctx.Request.Header.Peek(headerSession)); p != nil {
			return p
		}
	}
	var writes []*batchItem
	for _, it := range items {
		if it.p == nil {
			it.p = s.authoriseItem(it)
		}
		if it.p == nil && it.op != opGet {
			if x.session != nil {
				it.write.Seen = x.session.Stamp()
			}
			writes = append(writes, it)
		}
	}
	s.writeItems(writes)
	for _, it := range writes {
		if it.p == nil {
			x.saw(it.fate.Mark, it.fate.Timestamp)
		}
	}
	s.awaitReads(x, items)
	s.answerBatch(x, items)
	x.endSession()
	return nil
}

// awaitReads makes the reads of a batch see what the session of its client has seen. The
// writes before wait for nothing, and are not taken back.
func (s *Server) awaitReads(x *exchange, items []*batchItem) {
	reads := func(it *batchItem) bool { return it.p == nil && it.op == opGet }
	if x.ctx.Request.Header.Peek(headerSession) == nil || x.session == nil || !slices.ContainsFunc(items, reads) {
		return
	}
	wait, p := x.query.wait()
	if p == nil {
		p = s.awaitSession(x, wait)
	}
	for _, it := range items {
		if p != nil && reads(it) {
			it.p = p
		}
	}
}

const (
	opPut    = "put"
	opDelete = "delete"
	opGet    = "get"
)

// checkBatch is every check of a batch that needs no body.
func (s *Server) checkBatch(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramWait); p != nil {
		return p
	}
	if _, p := x.query.wait(); p != nil {
		return p
	}
	if p := checkMedia(&x.ctx.Request.Header); p != nil {
		return p
	}
	if n := x.ctx.Request.Header.ContentLength(); n > batchBytesMax {
		return batchTooLarge(int64(n))
	}
	return nil
}

func batchTooLarge(actual int64) *Problem {
	p := newProblem(slugBodyTooLarge, "the body of a batch is larger than "+strconv.Itoa(batchBytesMax)+
		" bytes: send it in parts")
	p.Limit, p.Actual = batchBytesMax, actual
	return p
}

// parseBatch reads the body. What is wrong with one op is that op's problem.
func (s *Server) parseBatch(x *exchange) ([]*batchItem, *Problem) {
	if p := s.checkBatch(x); p != nil {
		return nil, p
	}
	body := x.ctx.PostBody()
	if len(body) > batchBytesMax {
		return nil, batchTooLarge(int64(len(body)))
	}
	if !utf8.Valid(body) {
		return nil, newProblem(slugInvalidJSON, "the body has bytes that are not UTF-8")
	}
	var ops []batchOp
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&ops); err != nil || d.More() || ops == nil {
		detail := "the body is not a list of ops"
		if err != nil {
			detail += ": " + quoted(err.Error())
		}
		return nil, newProblem(slugInvalidJSON, detail+`; write [{"op":"put","key":"a","data":1}]`)
	}
	if len(ops) > batchOpsMax {
		p := newProblem(slugBodyTooLarge, "a batch has at most "+strconv.Itoa(batchOpsMax)+" ops: send it in parts")
		p.Limit, p.Actual = batchOpsMax, int64(len(ops))
		return nil, p
	}
	items := make([]*batchItem, len(ops))
	written := make(map[string]int)
	for i := range ops {
		it := &batchItem{op: ops[i].Op}
		it.ctx, it.caller = x.ctx, x.caller
		items[i], it.p = it, s.parseOp(it, &ops[i])
		if first, twice := written[it.key]; it.op != opGet && it.p == nil && twice {
			return nil, newProblem(slugBadRequest, "ops "+strconv.Itoa(first)+" and "+strconv.Itoa(i)+" both write "+
				quoted(it.key)+"; nothing was stored. Send the second in another batch")
		}
		if it.op != opGet && it.p == nil {
			written[it.key] = i
		}
	}
	return items, nil
}

// parseOp checks one op.
func (s *Server) parseOp(it *batchItem, op *batchOp) (p *Problem) {
	// In JSON a key is not percent-encoded.
	if it.key, p = CanonicalKey(appendPath(nil, op.Key)); p != nil {
		return p
	}
	switch {
	case op.Op != opPut && op.Op != opDelete && op.Op != opGet:
		return newProblem(slugBadRequest, "op must be put, delete or get, not "+quoted(op.Op))
	case op.Op == opPut && op.Data == nil:
		return newProblem(slugInvalidJSON, "a put needs data; null is a value too")
	case op.Op != opPut && (op.Data != nil || op.TTL != nil):
		return newProblem(slugBadRequest, "only a put has data and ttl, a "+op.Op+" has not")
	case op.Op == opGet && (op.IfMatch != nil || op.IfNoneMatch != nil):
		return newProblem(slugBadRequest, "a get in a batch has no condition")
	case len(op.Data) > s.tuned.Load().maxJSON:
		return s.tuned.Load().tooLarge(int64(len(op.Data)))
	}
	it.write = Write{Key: it.key, Value: op.Data, Delete: op.Op == opDelete, Actor: it.actor()}
	if op.TTL != nil {
		if it.write.TTL, p = parseTTL(*op.TTL); p != nil {
			return p
		}
	}
	for _, c := range [...]struct {
		text *string
		not  bool
	}{{op.IfMatch, false}, {op.IfNoneMatch, true}} {
		if c.text == nil {
			continue
		}
		m := Match{Any: *c.text == "*", Not: c.not}
		if id, ok := parseUUID([]byte(*c.text)); ok {
			m.Versions = [][16]byte{id}
		} else if !m.Any {
			return newProblem(slugBadRequest, "a condition in a batch is * or a version, such as "+
				`"ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11", not `+quoted(*c.text))
		}
		it.write.If = append(it.write.If, m)
	}
	if it.conditions = it.write.If; op.Op == opPut {
		var scan scanner
		return scan.scan(op.Data)
	}
	return nil
}

// authoriseItem asks for the rights of one op's key, and notes where they lack.
func (s *Server) authoriseItem(it *batchItem) (p *Problem) {
	if s.guard == nil {
		return nil
	}
	switch it.op {
	case opPut:
		p = s.authorisePut(&it.exchange)
	case opDelete:
		p = s.demand(&it.exchange, auth.OpDelete)
	default:
		if !s.may(&it.exchange, auth.OpRead, it.key) {
			p = s.refuse(ErrNotFound, it.key)
		}
	}
	if p != nil && p.Status == fasthttp.StatusForbidden && s.trail != nil {
		s.trail.Refused(Event{Actor: it.actor(), Action: "request", Key: "/kv/" + it.key, Result: p.Code})
	}
	return p
}

// writeItems carries out the writes that are allowed.
func (s *Server) writeItems(items []*batchItem) {
	s.inParallel(items, func(it *batchItem) {
		if !it.write.Delete {
			it.p = s.mayBegin(&it.exchange)
		}
	})
	// The caller goes on with all of them.
	items = slices.DeleteFunc(slices.Clone(items), func(it *batchItem) bool { return it.p != nil })
	writes := make([]Write, len(items))
	for i, it := range items {
		writes[i] = it.write
	}
	for i, fate := range s.store.WriteAll(writes) {
		items[i].fate = fate
	}
	s.inParallel(items, func(it *batchItem) {
		switch {
		case it.fate.Err != nil:
			it.p = s.unfinished(&it.exchange, it.fate.Written, it.fate.Err)
		case it.write.Delete:
			it.p = s.takeRights(&it.exchange, it.fate.Existed)
		}
	})
}

// answerBatch reads what is to be read, and says what became of each op.
func (s *Server) answerBatch(x *exchange, items []*batchItem) {
	b := append([]byte(nil), `{"results":[`...)
	for i, it := range items {
		if i > 0 {
			b = append(b, ',')
		}
		if it.op == opGet && it.p == nil {
			b = s.appendRead(x, b, it)
		}
		switch {
		case it.p != nil:
			b = strconv.AppendInt(append(b, `{"status":`...), int64(it.p.Status), 10)
			b = append(bytes.TrimSpace(it.p.appendJSON(append(b, `,"problem":`...))), '}')
		case it.op == opDelete:
			b = append(b, `{"status":204}`...)
		case it.op == opPut:
			status := fasthttp.StatusCreated
			if it.fate.Existed {
				status = fasthttp.StatusOK
			}
			b = strconv.AppendInt(append(b, `{"status":`...), int64(status), 10)
			b = append(appendStamp(append(b, ','), it.fate.UUID, it.fate.Timestamp), '}')
		}
	}
	x.answerBody(typeJSON, append(b, ']', '}'))
}

// appendRead appends the record that an op asks for, or sets its problem.
func (s *Server) appendRead(x *exchange, b []byte, it *batchItem) []byte {
	err := s.store.View(it.key, func(r Record) {
		if len(b)+len(r.Data) > rangePageBytesMax && len(b) > len(`{"results":[`) {
			it.p = newProblem(slugBodyTooLarge, "the answer has no room for "+quoted(it.key)+": get it by itself")
			it.p.Limit = rangePageBytesMax
			return
		}
		x.saw(r.Mark, r.Timestamp)
		b = appendRecord(append(b, `{"status":200,`...), r)
	})
	if err != nil {
		if x.session != nil && errors.Is(err, ErrNotFound) {
			x.session.SawAbsent(it.key)
		}
		it.p = s.refuse(err, it.key)
	}
	return b
}
