package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"kvs/internal/demo"
)

const (
	// drawEvery is how often the screen of a demo is drawn.
	drawEvery = 100 * time.Millisecond
	// newsShown is how many of the things that happened it shows.
	newsShown = 8

	keyInterrupt = 3 // Ctrl-C, where the terminal does not turn it into a signal
)

// news is what has happened in a demo, the newest last.
type news struct {
	mu   sync.Mutex
	out  io.Writer // takes each line as it comes; nil: kept for the screen
	kept []string
}

func (n *news) tell(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	line := time.Now().Format("15:04:05.00") + "  " + text
	if n.out != nil {
		fmt.Fprintln(n.out, line)
		return
	}
	n.kept = append(n.kept, line)
	n.kept = n.kept[max(0, len(n.kept)-newsShown):]
}

func (n *news) newest() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.kept...)
}

// runDemo runs a cluster until ctx ends or somebody quits.
func runDemo(ctx context.Context, out io.Writer, opt demo.Options) (err error) {
	began := time.Now()
	happened := &news{}
	screen := isTerminal(out) && term.IsTerminal(int(os.Stdin.Fd()))
	if !screen {
		happened.out = out
	}
	opt.Tell = happened.tell
	c, err := demo.Start(ctx, opt)
	if ctx.Err() != nil && err != nil {
		return nil // somebody did not wait for it
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	ready := fmt.Sprintf("all nodes hold the same data (%.1f s after start)", time.Since(began).Seconds())
	if !screen {
		demoHead(out, c, opt)
		fmt.Fprintf(out, "  %s\n", ready)
		demoHints(out, c, opt)
		fmt.Fprintln(out, "  Ctrl-C ends the demo.")
		return await(ctx, c)
	}
	happened.tell(ready)
	return onScreen(ctx, out, c, opt, happened)
}

// await waits until the demo cannot go on, or nobody wants it to.
func await(ctx context.Context, c *demo.Cluster) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.Failed():
		return err
	}
}

// onScreen draws the demo over and over, and does what keys ask for.
func onScreen(ctx context.Context, out io.Writer, c *demo.Cluster, opt demo.Options, happened *news) error {
	in := int(os.Stdin.Fd())
	was, err := term.MakeRaw(in)
	if err != nil {
		return fmt.Errorf("take keys from the terminal: %w", err)
	}
	defer func() { _ = term.Restore(in, was) }() // or the terminal is gone
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	go func() { // ends with the process: a read of a terminal cannot be broken off
		for key := make([]byte, 1); ; {
			if _, err := os.Stdin.Read(key); err != nil || key[0] == 'q' || key[0] == keyInterrupt {
				quit()
				return
			}
			go pressed(ctx, c, key[0], happened)
		}
	}()
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for {
		draw(out, c, opt, happened)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		case err := <-c.Failed():
			return err
		}
	}
}

// pressed does what a key stands for.
func pressed(ctx context.Context, c *demo.Cluster, key byte, happened *news) {
	rows := c.Rows()
	i := int(key) - '1'
	var err error
	switch {
	case i >= 0 && i < len(rows) && rows[i].State == demo.CutOff:
		err = c.Heal(rows[i].Name)
	case i >= 0 && i < len(rows) && rows[i].State == demo.Killed:
		err = c.Restart(rows[i].Name)
	case i >= 0 && i < len(rows):
		err = c.Cut(rows[i].Name)
	case key == 'h':
		err = c.Heal("")
	case key == 'k':
		err = c.Kill(rows[len(rows)-1].Name)
	case key == 'c':
		err = c.Conflict(ctx)
	case key == 'w':
		c.Write(!c.Writing())
	}
	if err != nil {
		happened.tell(err.Error())
	}
}

// draw shows the demo in one piece, so that nothing flickers.
func draw(out io.Writer, c *demo.Cluster, opt demo.Options, happened *news) {
	var b strings.Builder
	b.WriteString(clearScreen)
	demoHead(&b, c, opt)
	b.WriteByte('\n')
	for _, line := range happened.newest() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	demoHints(&b, c, opt)
	fmt.Fprintf(&b, "  Keys: [1-%d] cut a node off, or take it back   [h] heal all   [k] kill the last   "+
		"[w] writers on/off\n        [c] make a conflict   [q] quit\n", opt.Nodes)
	_, _ = io.WriteString(out, strings.ReplaceAll(b.String(), "\n", "\r\n")) // who does not see it has left
}

// demoHead shows how the nodes are.
func demoHead(out io.Writer, c *demo.Cluster, opt demo.Options) {
	end := "gone on exit"
	if opt.Keep != "" {
		end = "kept"
	}
	fmt.Fprintf(out, "KVS demo  %d nodes in this process, data in %s, %s\n", opt.Nodes, c.Dir(), end)
	for _, r := range c.Rows() {
		fmt.Fprintf(out, "  %-8s %s  %-7s", r.Name, r.URL, r.State)
		if r.State != demo.Killed {
			fmt.Fprintf(out, "  %d keys  root %x", r.Keys, r.Root[:4])
		}
		if r.Skew != 0 {
			fmt.Fprintf(out, "  clock wrong by %v", r.Skew)
		}
		fmt.Fprintln(out)
	}
}

// demoHints shows what to try in another terminal.
func demoHints(out io.Writer, c *demo.Cluster, opt demo.Options) {
	rows := c.Rows()
	a, b := rows[0], rows[len(rows)-1]
	port := ""
	if opt.Port != demoPort {
		port = fmt.Sprintf(" --port %d", opt.Port)
	}
	fmt.Fprintf(out, `
  Try, in another terminal:
    export KVS_ADDR=%s KVS_TOKEN_FILE=%s
    kvs put users/john '{"name":"John"}'          kvs watch users/
    kvs get users/john --addr %s
    kvs demo cut %s%s; kvs put x 1; kvs put x 2 --addr %s; kvs sync status
    kvs demo heal%s; kvs sync wait --timeout 10s; kvs conflicts
    curl -H "Authorization: Bearer $(cat $KVS_TOKEN_FILE)" %s/kv/users/john
`, a.URL, c.TokenFile(), b.URL, b.Name, port, b.URL, port, b.URL)
}
