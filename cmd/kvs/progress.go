package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// progress tells how far something is: on a terminal in one line, else in a line for
// every ten percent.
type progress struct {
	out   io.Writer
	total int64
	live  bool
	said  int64 // percent
}

func newProgress(out io.Writer, total int64) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, total: total, live: ok && term.IsTerminal(int(f.Fd()))}
}

// at says that so many of all bytes are done.
func (p *progress) at(done int64) {
	percent := int64(100)
	if p.total > 0 {
		percent = min(100*done/p.total, 100)
	}
	switch {
	case p.live && percent != p.said:
		end := ""
		if percent == 100 {
			end = "\n"
		}
		fmt.Fprintf(p.out, "\r%3d %%%s", percent, end)
	case !p.live && percent/10 > p.said/10:
		fmt.Fprintf(p.out, "%d %%\n", percent)
	default:
		return
	}
	p.said = percent
}
