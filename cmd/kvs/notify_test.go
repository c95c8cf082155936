package main

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// Goal: the manager is told where it listens, and a deaf one only costs a line of the log.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	notify(log, "READY=1") // nobody wants to know
	t.Setenv("NOTIFY_SOCKET", path)
	notify(log, "READY=1")
	got := make([]byte, 100)
	n, err := l.Read(got)
	if err != nil || string(got[:n]) != "READY=1" || text.Len() > 0 {
		t.Errorf("%q, %v, log %s", got[:n], err, text.String())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	notify(log, "STOPPING=1")
	if !strings.Contains(text.String(), "STOPPING=1") {
		t.Errorf("log %q", text.String())
	}
}
