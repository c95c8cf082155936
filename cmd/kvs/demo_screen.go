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

	// hyperlink shows a text that leads somewhere else, on terminals that know how (OSC 8).
	hyperlink = "\x1b]8;;%s\x1b\\%s\x1b]8;;\x1b\\"

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

// demoView is what a person sees of a demo.
type demoView struct {
	*demo.Cluster
	opt      demo.Options
	happened *news
	within   string // the context that leads to it; empty: it could not be kept
}

// runDemo runs a cluster until ctx ends or somebody quits.
func runDemo(ctx context.Context, out io.Writer, opt demo.Options) (err error) {
	began := time.Now()
	v := &demoView{opt: opt, happened: &news{}}
	screen := isTerminal(out) && term.IsTerminal(int(os.Stdin.Fd()))
	if !screen {
		v.happened.out = out
	}
	opt.Tell = v.happened.tell
	v.Cluster, err = demo.Start(ctx, opt)
	if ctx.Err() != nil && err != nil {
		return nil // somebody did not wait for it
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	forget, kept := offerContext(demoContextName, nodeContext{Addr: v.Rows()[0].URL, TokenFile: v.TokenFile()})
	defer forget()
	if kept {
		v.within = demoContextName
	}
	ready := fmt.Sprintf("all nodes hold the same data (%.1f s after start)", time.Since(began).Seconds())
	if screen {
		v.happened.tell(ready)
		return v.onScreen(ctx, out)
	}
	v.head(out, v.AtStart())
	fmt.Fprintf(out, "  %s\n  Console  %s\n", ready, v.Console())
	v.hints(out)
	fmt.Fprintln(out, "  Ctrl-C ends the demo.")
	select {
	case <-ctx.Done():
		return nil
	case err := <-v.Failed():
		return err
	}
}

// onScreen draws the demo over and over, and does what keys ask for.
func (v *demoView) onScreen(ctx context.Context, out io.Writer) error {
	in := int(os.Stdin.Fd())
	was, err := term.MakeRaw(in)
	if err != nil {
		return fmt.Errorf("take keys from the terminal: %w. Try: kvs demo | cat", err)
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
			go v.pressed(ctx, key[0])
		}
	}()
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for {
		v.draw(out)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		case err := <-v.Failed():
			return err
		}
	}
}

// pressed does what a key stands for.
func (v *demoView) pressed(ctx context.Context, key byte) {
	rows := v.Rows()
	i := int(key) - '1'
	var err error
	switch {
	case i >= 0 && i < len(rows) && rows[i].State == demo.CutOff:
		err = v.Heal(rows[i].Name)
	case i >= 0 && i < len(rows) && rows[i].State == demo.Killed:
		err = v.Restart(rows[i].Name)
	case i >= 0 && i < len(rows):
		err = v.Cut(rows[i].Name)
	case key == 'h':
		err = v.Heal("")
	case key == 'k':
		err = v.Kill(rows[len(rows)-1].Name)
	case key == 'c':
		err = v.Conflict(ctx)
	case key == 'w':
		v.Write(!v.Writing())
	}
	if err != nil {
		v.happened.tell(err.Error())
	}
}

// draw shows the demo in one piece, so that nothing flickers.
func (v *demoView) draw(out io.Writer) {
	var b strings.Builder
	b.WriteString(clearScreen)
	v.head(&b, v.Rows())
	b.WriteByte('\n')
	for _, line := range v.happened.newest() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	page, _, _ := strings.Cut(v.Console(), "#")
	fmt.Fprintf(&b, "\n  Console  "+hyperlink+"\n", v.Console(), page)
	v.hints(&b)
	fmt.Fprintf(&b, "  Keys: [1-%d] cut a node off, or take it back   [h] heal all   [k] kill the last   "+
		"[w] writers on/off\n        [c] make a conflict   [q] quit\n", v.opt.Nodes)
	_, _ = io.WriteString(out, strings.ReplaceAll(b.String(), "\n", "\r\n")) // who does not see it has left
}

// head shows how the nodes are.
func (v *demoView) head(out io.Writer, rows []demo.Row) {
	end := "gone on exit"
	if v.opt.Keep != "" {
		end = "kept"
	}
	fmt.Fprintf(out, "KVS demo  %d nodes in this process, data in %s, %s\n", v.opt.Nodes, v.Dir(), end)
	for _, r := range rows {
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

// hints shows what to try in another terminal.
func (v *demoView) hints(out io.Writer) {
	rows := v.Rows()
	first, last := rows[0], rows[len(rows)-1]
	port := ""
	if v.opt.Port != demoPort {
		port = fmt.Sprintf(" --port %d", v.opt.Port)
	}
	fmt.Fprint(out, "\n  Try, in another terminal:\n")
	if v.within != "" {
		fmt.Fprintf(out, "    export KVS_CONTEXT=%s\n", v.within)
	} else {
		fmt.Fprintf(out, "    export KVS_ADDR=%s KVS_TOKEN_FILE=%s\n", first.URL, v.TokenFile())
	}
	fmt.Fprintf(out, `    kvs put users/john '{"name":"John"}'          kvs watch users/
    kvs get users/john --node %[1]s
    kvs demo cut %[1]s%[2]s; kvs put x 1; kvs put x 2 --node %[1]s; kvs sync status
    kvs demo heal%[2]s; kvs sync wait --timeout 10s; kvs conflicts
    curl -H "Authorization: Bearer $(cat %[3]s)" %[4]s/kv/users/john
`, last.Name, port, v.TokenFile(), last.URL)
}
