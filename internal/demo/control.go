package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// asksWithin bounds what another process may ask, and how long it takes.
const asksWithin = 20 * time.Second

// Ask is what another process wants done.
type Ask struct {
	Verb string        `json:"verb"` // cut, heal, kill, restart, skew, conflict, writers
	Node string        `json:"node,omitempty"`
	By   time.Duration `json:"by,omitempty"` // skew
	On   bool          `json:"on,omitempty"` // writers
}

// answer is what becomes of it.
type answer struct {
	Error string `json:"error,omitempty"`
}

// ErrNoDemo is what asking ends with where no demo runs.
var ErrNoDemo = errors.New("no demo runs here")

// socketOf is where the demo of a port listens: its user's alone.
func socketOf(port int) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("kvs-demo-%d-%d.sock", os.Getuid(), port))
}

// Command has a demo of this machine do something, by the port of its first node.
func Command(port int, a Ask) error {
	conn, err := net.Dial("unix", socketOf(port))
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: none has its first node on port %d", ErrNoDemo, port)
	case err != nil:
		return err
	}
	defer conn.Close()
	var got answer
	if err := errors.Join(
		conn.SetDeadline(time.Now().Add(asksWithin)),
		json.NewEncoder(conn).Encode(a), json.NewDecoder(conn).Decode(&got),
	); err != nil {
		return fmt.Errorf("ask the demo on port %d: %w", port, err)
	}
	if got.Error != "" {
		return errors.New(got.Error)
	}
	return nil
}

// listen takes what other processes ask, until the demo closes.
func (c *Cluster) listen() error {
	path := socketOf(c.opt.Port)
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return fmt.Errorf("a demo listens on %s already; end it, or choose another --port", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of one that was killed
		return fmt.Errorf("the demo's socket (TMPDIR names another place): %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("the demo's socket (TMPDIR names another place): %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(err, l.Close())
	}
	c.work.Go(func() {
		<-c.ctx.Done()
		_ = l.Close() // which removes it
	})
	c.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.work.Go(func() { c.hear(conn) })
		}
	})
	return nil
}

// hear does what one process asks. Whoever does not wait for the answer misses it.
func (c *Cluster) hear(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(asksWithin))
	var (
		a   Ask
		out answer
	)
	if err := json.NewDecoder(conn).Decode(&a); err != nil {
		out.Error = "not understood: " + err.Error()
	} else if err := c.Do(c.ctx, a); err != nil {
		out.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(out)
}

// Do does what is asked. Its errors say what to do instead.
func (c *Cluster) Do(ctx context.Context, a Ask) error {
	switch a.Verb {
	case "cut":
		return c.Cut(a.Node)
	case "heal":
		return c.Heal(a.Node)
	case "kill":
		return c.Kill(a.Node)
	case "restart":
		return c.Restart(a.Node)
	case "skew":
		return c.Skew(a.Node, a.By)
	case "conflict":
		return c.Conflict(ctx)
	case "writers":
		c.Write(a.On)
		return nil
	default:
		return fmt.Errorf("a demo does not know how to %q", a.Verb)
	}
}
