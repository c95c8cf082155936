package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What errors of a Client are, for errors.Is.
var (
	// ErrNotFound says that the key, or whatever was asked for, is not on the node.
	ErrNotFound = errors.New("not found")
	// ErrPrecondition says that a condition of the request does not hold on the node.
	ErrPrecondition = errors.New("precondition failed")
	// ErrUnchanged says that a key still has the version given to IfChanged.
	ErrUnchanged = errors.New("unchanged")
	// ErrCursorExpired says that the cursor of a Watch is too old to go on from.
	ErrCursorExpired = errors.New("cursor expired")
	// ErrConflict says that something else stands in the way: another request of the same
	// name, or a clock.
	ErrConflict = errors.New("conflict")
	// ErrUnauthenticated says that there is no token, or that it is not accepted.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrForbidden says that the caller may not do this, or that no node takes writes.
	ErrForbidden = errors.New("forbidden")
	// ErrInvalid says that the request itself is wrong.
	ErrInvalid = errors.New("invalid request")
	// ErrRateLimited says that every node has asked to be left alone for longer than a
	// Client waits.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable says that no node could do this now: none answered, or those that
	// did are starting, stopping, behind or busy.
	ErrUnavailable = errors.New("unavailable")
	// ErrUncertain says that a write may or may not have been carried out: read the key
	// back, or write it again if that does no harm.
	ErrUncertain = errors.New("outcome unknown")
)

// The codes of problems that decide what is asked again.
const (
	codeRateLimited    = "rate-limited"
	codeOverloaded     = "overloaded"
	codeSyncing        = "syncing"
	codeNotReady       = "not-ready"
	codeWaitTimeout    = "wait-timeout"
	codeRunning        = "idempotency-key-running"
	codeCursorExpired  = "cursor-expired"
	codeReadOnly       = "read-only"
	codeLeaving        = "leaving"
	codeUnknownOutcome = "unknown-outcome"
	codeInternal       = "internal"
	codeDamaged        = "record-damaged"
)

// Error is a refusal: a problem document (RFC 9457) that a node answered with.
type Error struct {
	Node       string // The endpoint that answered.
	Status     int    // Of HTTP.
	Code       string // Its slug, such as "key-not-found"; empty if it came from no node.
	Title      string
	Detail     string
	Try        string        // What to do about it; empty if the node has not said.
	ConfigKey  string        // The setting that decides, where there is one.
	Limit      int64         // The bound that was passed, where there is one,
	Actual     int64         // and by what.
	Current    Version       // The version that is there instead, of a precondition.
	RetryAfter time.Duration // How long to wait before asking this node again; 0 is unknown.
	RequestID  string        // The name of the request in the node's log.
	DeletedAt  time.Time     // When a key that is not there was deleted, or expired, if the
	ExpiredAt  time.Time     // node still knows; else zero.
	// Uncertain says that an earlier attempt of the same write may have been carried
	// out. A failed precondition may then be of one's own write.
	Uncertain bool
}

// Error is the detail, and what to try.
func (e *Error) Error() string {
	text := e.Detail
	if e.Uncertain {
		text += " (an earlier attempt may have been carried out)"
	}
	if e.Try != "" {
		text += ". Try: " + e.Try
	}
	return text
}

// Is makes errors.Is compare with the sentinels of this package.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUncertain:
		return e.Uncertain
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrPrecondition:
		return e.Status == http.StatusPreconditionFailed
	case ErrCursorExpired:
		return e.Status == http.StatusGone
	case ErrConflict:
		return e.Status == http.StatusConflict
	case ErrUnauthenticated:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.Status == http.StatusServiceUnavailable
	case ErrInvalid:
		return e.Status == http.StatusBadRequest || e.Status == http.StatusRequestEntityTooLarge ||
			e.Status == http.StatusUnsupportedMediaType || e.Status == http.StatusUnprocessableEntity
	}
	return false
}

// newError reads a refusal. What is no problem document comes from something else than
// a node of this kind.
func newError(node string, status int, header http.Header, body []byte) *Error {
	var p struct {
		Code      string  `json:"code"`
		Title     string  `json:"title"`
		Detail    string  `json:"detail"`
		Try       string  `json:"try"`
		ConfigKey string  `json:"config_key"`
		Limit     int64   `json:"limit"`
		Actual    int64   `json:"actual"`
		Current   Version `json:"current"`
		RetryMs   int64   `json:"retry_after_ms"`
		RequestID string  `json:"request_id"`
		DeletedAt int64   `json:"deleted_at"`
		ExpiredAt int64   `json:"expired_at"`
	}
	e := &Error{Node: node, Status: status, RetryAfter: parseRetryAfter(header.Get("Retry-After"))}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		e.Detail = fmt.Sprintf("%s answers %d and says no more", node, status)
		return e
	}
	e.Code, e.Title, e.Detail, e.Try, e.ConfigKey = p.Code, p.Title, p.Detail, p.Try, p.ConfigKey
	e.Limit, e.Actual, e.Current, e.RequestID = p.Limit, p.Actual, p.Current, p.RequestID
	e.DeletedAt, e.ExpiredAt = instant(p.DeletedAt), instant(p.ExpiredAt)
	e.RetryAfter = max(e.RetryAfter, time.Duration(p.RetryMs)*time.Millisecond)
	return e
}

// NoAnswer says that no node gave an answer. It is ErrUnavailable, and what Err is.
type NoAnswer struct {
	Nodes     []string // The endpoints, the one that was asked last if it was asked.
	Err       error    // Why the last attempt failed.
	Uncertain bool     // Whether a node may have carried out the write all the same.
}

// Error names the node and the reason.
func (e *NoAnswer) Error() string {
	text := fmt.Sprintf("no answer from %s: %v", strings.Join(e.Nodes, ", "), e.Err)
	if e.Uncertain {
		text += " (the write may have been carried out)"
	}
	return text
}

// Unwrap gives the reason.
func (e *NoAnswer) Unwrap() error { return e.Err }

// Is makes errors.Is compare with the sentinels of this package.
func (e *NoAnswer) Is(target error) bool {
	return target == ErrUnavailable || target == ErrUncertain && e.Uncertain
}

// EndpointError says that an endpoint is no address of a node.
type EndpointError struct{ Endpoint string }

// Error says what an endpoint looks like.
func (e *EndpointError) Error() string {
	return fmt.Sprintf("an endpoint must be a URL such as http://127.0.0.1:8080, not %q", e.Endpoint)
}
