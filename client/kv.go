package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Version names one version of a key: a UUID in its text form.
type Version string

// Record is one live version of a key.
type Record struct {
	Key       string
	Version   Version
	Timestamp time.Time       // When it was written, to the millisecond.
	ExpiresAt time.Time       // Zero is never.
	Data      json.RawMessage // The value's JSON text, byte for byte as it was stored.
}

// Written is what a write became.
type Written struct {
	Version   Version
	Timestamp time.Time // To the millisecond.
	Created   bool      // Whether the key was not there before, on the node that wrote.
}

// record is a Record as answers spell it.
type record struct {
	Key       string          `json:"key"`
	UUID      Version         `json:"uuid"`
	Timestamp int64           `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
	ExpiresAt int64           `json:"expires_at"`
}

func (r *record) record() Record {
	return Record{
		Key: r.Key, Version: r.UUID, Timestamp: instant(r.Timestamp), ExpiresAt: instant(r.ExpiresAt),
		Data: r.Data,
	}
}

func (r *record) written(status int) Written {
	return Written{Version: r.UUID, Timestamp: instant(r.Timestamp), Created: status == http.StatusCreated}
}

// instant is a time of Unix milliseconds, zero for 0.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Get reads a key. It fails with ErrNotFound if the key is absent, deleted or expired.
func (c *Client) Get(ctx context.Context, key string, options ...ReadOption) (Record, error) {
	r := Request{Method: http.MethodGet, Path: keyPath(key), Header: http.Header{}}
	for _, set := range options {
		set(&r)
	}
	var got record
	a, err := c.ask(ctx, r, &got)
	if err != nil {
		return Record{}, err
	}
	if a.Status == http.StatusNotModified {
		return Record{}, fmt.Errorf("%s: %w", key, ErrUnchanged)
	}
	got.Key = key
	return got.record(), nil
}

// Put stores a value, which must be one JSON text, under a key.
func (c *Client) Put(ctx context.Context, key string, value []byte, options ...WriteOption) (Written, error) {
	w := newWrite(http.MethodPut, key, value, options)
	w.query.Set("raw", "true") // an object that looks like an envelope is a value too
	return c.write(ctx, w)
}

// PutJSON stores a Go value as encoding/json spells it.
func (c *Client) PutJSON(ctx context.Context, key string, value any, options ...WriteOption) (Written, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return Written{}, fmt.Errorf("value of %s: %w", key, err)
	}
	return c.Put(ctx, key, text, options...)
}

// Patch changes a value by a JSON merge patch (RFC 7396). The node reads and writes in
// one step; a key that is not there is created.
func (c *Client) Patch(ctx context.Context, key string, patch []byte, options ...WriteOption) (Written, error) {
	w := newWrite(http.MethodPatch, key, patch, options)
	w.contentType = "application/merge-patch+json"
	return c.write(ctx, w)
}

// Touch sets when a key expires, d from now on or with 0 never, and leaves its value as
// it is. It makes a new version. A key that is not there stays so: ErrNotFound.
func (c *Client) Touch(ctx context.Context, key string, d time.Duration, options ...WriteOption) (Written, error) {
	return c.write(ctx, newWrite(http.MethodPatch, key, nil, append(options, TTL(d))))
}

// Delete deletes a key, also one that the node does not know: a write of it may be on
// its way from another.
func (c *Client) Delete(ctx context.Context, key string, options ...WriteOption) error {
	w := newWrite(http.MethodDelete, key, nil, options)
	_, err := c.Do(ctx, w.request())
	return err
}

// GetAs reads a key into a value of type T, as encoding/json does.
func GetAs[T any](ctx context.Context, c *Client, key string, options ...ReadOption) (T, Record, error) {
	var value T
	r, err := c.Get(ctx, key, options...)
	if err != nil {
		return value, r, err
	}
	if err := json.Unmarshal(r.Data, &value); err != nil {
		return value, r, fmt.Errorf("value of %s: %w", key, err)
	}
	return value, r, nil
}

func (c *Client) write(ctx context.Context, w *write) (Written, error) {
	var done record
	a, err := c.ask(ctx, w.request(), &done)
	if err != nil {
		return Written{}, err
	}
	return done.written(a.Status), nil
}

// ReadOption changes one read.
type ReadOption func(*Request)

// IfChanged asks for the value only if the key has another version by now, else the
// read fails with ErrUnchanged.
func IfChanged(v Version) ReadOption {
	return func(r *Request) { r.Header.Set("If-None-Match", tag(v)) }
}

// ask sends a request and reads the JSON of its answer, if it has any.
func (c *Client) ask(ctx context.Context, r Request, into any) (*Answer, error) {
	a, err := c.Do(ctx, r)
	if err != nil || a.Status == http.StatusNotModified {
		return a, err
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return nil, fmt.Errorf("%s does not answer as a node does: %w", a.Node, err)
	}
	return a, nil
}
