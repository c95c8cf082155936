package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// output gathers what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) has(text string) bool { return strings.Contains(o.String(), text) }

// lines are the complete lines so far.
func (o *output) lines() []string {
	text := o.String()
	end := strings.LastIndexByte(text, '\n')
	if end < 0 {
		return nil
	}
	return strings.Split(text[:end], "\n")
}

// process is one run of the program.
type process struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{}
	err    error // of Wait; valid once ended is closed

	excused bool // it was damaged on purpose, and may say so
}

// launch starts the program in a directory, with a TMPDIR below it. The process
// ends with the test at the latest; if the test failed, its last lines are shown.
func launch(t testing.TB, name, dir string, args ...string) *process {
	t.Helper()
	return begin(t, name, dir, exec.Command(program, args...))
}

// launchOther is launch of another program.
func launchOther(t testing.TB, dir, path string, args ...string) *process {
	t.Helper()
	return begin(t, filepath.Base(path), dir, exec.Command(path, args...))
}

func begin(t testing.TB, name, dir string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		p.checkAlarms()
		if t.Failed() {
			t.Logf("%s (process %d) ended with %v and said:\n%s%s", name, p.pid(), p.err,
				tail(p.stdout.String()), tail(p.stderr.String()))
		}
	})
	return p
}

// checkAlarms looks for what no test should make a node say: it would mean that
// the node broke a promise and only a safety net caught it.
func (p *process) checkAlarms() {
	for _, alarm := range []string{
		`"level":"ERROR"`, "panic", "DATA RACE", "claims equal, data different",
		"repaired by a scrub", "malformed message", "breaks the protocol",
	} {
		if p.stderr.has(alarm) && !p.excused {
			p.t.Errorf("%s says %q", p.name, alarm)
		}
	}
}

// tail is the end of a long text, from the start of a line.
func tail(text string) string {
	const bytesMax = 6000
	if len(text) > bytesMax {
		text = text[len(text)-bytesMax:]
		text = "..." + text[strings.IndexByte(text, '\n')+1:]
	}
	return text
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal reaches the process also when it is stopped; after its end it does
// nothing.
func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %v to %s: %v", s, p.name, err)
	}
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// awaitEnd returns the exit code, -1 for a signal.
func (p *process) awaitEnd(within time.Duration) (code int, took time.Duration) {
	p.t.Helper()
	took = eventually(p.t, within, p.name+" ends", func() bool { return !p.running() })
	return p.cmd.ProcessState.ExitCode(), took
}

// end sends a signal that the process should obey by exiting with 0. Our own
// clients leave first: what their connections may do has tests of its own.
func (p *process) end(s syscall.Signal, within time.Duration) time.Duration {
	p.t.Helper()
	client.CloseIdleConnections()
	p.signal(s)
	code, took := p.awaitEnd(within)
	if code != 0 {
		p.t.Fatalf("%s: exit code %d after %v, want 0", p.name, code, s)
	}
	return took
}

// kill ends the process the hard way.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.awaitEnd(10 * time.Second)
}

// pause stops the process, without its noticing, until resume.
func (p *process) pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	eventually(p.t, 5*time.Second, p.name+" is stopped", p.stopped)
}

func (p *process) resume() { p.signal(syscall.SIGCONT) }

// stopped asks the system; where it does not tell, the signal has to do.
func (p *process) stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return true
	}
	end := bytes.LastIndexByte(stat, ')') // of the name, which may hold anything
	return end >= 0 && bytes.HasPrefix(stat[end:], []byte(") T"))
}

// countLines says how many lines of the log so far hold text.
func countLines(n *node, text string) (count int) {
	for _, line := range n.stderr.lines() {
		if strings.Contains(line, text) {
			count++
		}
	}
	return count
}
