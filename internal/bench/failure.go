package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/valyala/fasthttp"
)

// Refusal is the answer of a server that has not done what it was asked for.
type Refusal struct {
	Status int    // of HTTP
	Code   string // the problem, "" if the server names none
	Detail string // the problem in words, or the begin of the answer
}

// Error is the refusal in one line.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

// isRefusal says that a server refused in order to protect itself.
func isRefusal(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && (r.Status == fasthttp.StatusTooManyRequests || r.Status == fasthttp.StatusServiceUnavailable)
}

// isAnswer says that a server has answered, though not well.
func isAnswer(err error) bool { return errors.As(err, new(*Refusal)) }

// nameOf is the error without what differs from request to request.
func nameOf(err error) string {
	var r *Refusal
	var number syscall.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &r) && r.Code != "":
		return fmt.Sprintf("%d %s", r.Status, r.Code)
	case errors.As(err, &r):
		return fmt.Sprint(r.Status)
	case errors.Is(err, fasthttp.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, fasthttp.ErrConnectionClosed):
		return "connection closed"
	case errors.As(err, &number):
		return number.Error()
	}
	return err.Error()
}
