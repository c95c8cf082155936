package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Op is one op of a batch, as OpPut, OpDelete and OpGet make it.
type Op struct {
	kind  string
	write *write
}

// OpPut stores a value. Of options it takes TTL, IfMatch with one version or none, and
// IfAbsent.
func OpPut(key string, value []byte, options ...WriteOption) Op {
	return Op{"put", newWrite(http.MethodPut, key, value, options)}
}

// OpDelete deletes a key. Of options it takes IfMatch with one version or none.
func OpDelete(key string, options ...WriteOption) Op {
	return Op{"delete", newWrite(http.MethodDelete, key, nil, options)}
}

// OpGet reads a key, after the writes of the batch.
func OpGet(key string) Op { return Op{"get", newWrite(http.MethodGet, key, nil, nil)} }

// OpResult is what became of one op.
type OpResult struct {
	Status  int     // As the op by itself would have been answered.
	Record  Record  // Of a get.
	Written Written // Of a put.
	Err     error   // An *Error if it was refused, else nil.
}

// op is an Op as requests spell it.
type op struct {
	Op          string          `json:"op"`
	Key         string          `json:"key"`
	Data        json.RawMessage `json:"data,omitempty"`
	TTL         string          `json:"ttl,omitempty"`
	IfMatch     Version         `json:"if_match,omitempty"`
	IfNoneMatch Version         `json:"if_none_match,omitempty"`
}

// Batch carries out many ops in one request, and returns their results in the same
// order. It is no transaction: each op is judged alone, and some may fail while others
// do not. No two may write the same key. Of options it takes IdempotencyKey; without, it
// is sent again only if all of its ops are reads or have conditions.
func (c *Client) Batch(ctx context.Context, ops []Op, options ...WriteOption) ([]OpResult, error) {
	whole := newWrite(http.MethodPost, "", nil, options)
	if whole.ttl != "" || whole.conditional() {
		return nil, fmt.Errorf("%w: TTL and conditions belong to the ops of a batch", ErrInvalid)
	}
	list, repeatable := make([]op, len(ops)), true
	for i, o := range ops {
		var err error
		if list[i], err = o.spelled(); err != nil {
			return nil, fmt.Errorf("op %d: %w", i, err)
		}
		repeatable = repeatable && (o.kind == "get" || o.write.conditional())
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("%w: a value of the batch is no JSON: %w", ErrInvalid, err)
	}
	r := Request{Method: http.MethodPost, Path: "/kv/_batch", Body: body, Header: http.Header{}, repeatable: repeatable}
	name(r.Header, whole.name)
	var answer struct {
		Results []struct {
			record
			Status  int             `json:"status"`
			Problem json.RawMessage `json:"problem"`
		} `json:"results"`
	}
	a, err := c.ask(ctx, r, &answer)
	if err != nil {
		return nil, err
	}
	if len(answer.Results) != len(ops) {
		return nil, fmt.Errorf("%s answers %d results for %d ops", a.Node, len(answer.Results), len(ops))
	}
	out := make([]OpResult, len(ops))
	for i, res := range answer.Results {
		out[i].Status = res.Status
		switch res.Key = ops[i].write.key; {
		case res.Problem != nil:
			out[i].Err = newError(a.Node, res.Status, nil, res.Problem)
		case ops[i].kind == "get":
			out[i].Record = res.record.record()
		case ops[i].kind == "put":
			out[i].Written = res.written(res.Status)
		}
	}
	return out, nil
}

// spelled is the op for a request.
func (o Op) spelled() (op, error) {
	w := o.write
	out := op{Op: o.kind, Key: w.key, Data: w.body, TTL: w.ttl}
	if w.name != "" || len(w.match) > 1 {
		return out, fmt.Errorf("%w: an op takes one version, and no idempotency key of its own", ErrInvalid)
	}
	if len(w.match) == 1 {
		out.IfMatch = w.match[0]
	}
	if w.absent {
		out.IfNoneMatch = anyVersion
	}
	return out, nil
}
