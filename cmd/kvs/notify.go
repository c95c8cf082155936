package main

import (
	"log/slog"
	"net"
	"os"
	"strings"
)

// notify tells the service manager how the process is, as sd_notify(3) does: READY=1,
// STOPPING=1. Without a manager that wants to know it does nothing.
func notify(log *slog.Logger, state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:] // of the abstract name space
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		defer c.Close()
		_, err = c.Write([]byte(state))
	}
	if err != nil {
		log.Warn("the service manager was not told", "state", state, "error", err)
	}
}
