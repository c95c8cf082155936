package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// startsWithin bounds the wait for a server, which may have to fill itself first.
	startsWithin = 2 * time.Minute
	// stopsWithin is the grace of a server before it is killed.
	stopsWithin = 20 * time.Second
)

// process is a server that runs.
type process struct {
	name string
	addr string // host:port where it serves clients
	dir  string
	args []string
	cmd  *exec.Cmd
}

// launch starts a server and waits until it takes connections.
func (l *lab) launch(p *process) error {
	if err := p.start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	l.running = append(l.running, p)
	return await(p.name+" to listen", startsWithin, func() error {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func (p *process) start() error {
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p.cmd.Start()
}

// await asks again and again, until there is no error or too much time has passed.
func await(what string, within time.Duration, ask func() error) error {
	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v for %s: %w", within, what, err)
		}
	}
}

// freeze and thaw take a process off the CPU, and put it back.
func (p *process) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *process) thaw() error   { return p.cmd.Process.Signal(syscall.SIGCONT) }

// stop ends a process, by force if it does not go.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	err := errors.Join(p.thaw(), p.cmd.Process.Signal(os.Interrupt))
	kill := time.AfterFunc(stopsWithin, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait() // how it ends is its own affair
	p.cmd = nil
	return err
}

// cpu is the processor time that the threads of a process have taken, to the nanosecond:
// /proc/PID/stat counts in ticks of 10 ms, which is too coarse for a process that hardly
// runs. Threads that have ended are missing; those of Go stay.
func (p *process) cpu() (sum time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, fmt.Errorf("%s: no threads in /proc", p.name))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var running int64
		if _, scan := fmt.Sscan(string(text), &running); err != nil || scan != nil {
			return 0, errors.Join(err, scan)
		}
		sum += time.Duration(running)
	}
	return sum, nil
}

// memory is the bytes of a process that are resident: all, and those of no file.
func (p *process) memory() (all, anonymous int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			all = kib << 10
		case "RssAnon:":
			anonymous = kib << 10
		}
	}
	return all, anonymous, nil
}

// diskBytes is what the files below a directory take on disk.
func diskBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			sum += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	return sum, err
}

// freePort is an address on loopback where nobody listens right now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
