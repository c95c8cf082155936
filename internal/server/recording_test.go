package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/config"
	"kvs/internal/flight"
)

// Goal: what a node did until now can be taken from it and replayed, by administrators
// alone, and has no values; one that records nothing says which setting that is.
func TestFlightIsServed(t *testing.T) {
	s := startWith(t, "a", nil, func(c *config.Config) { c.AuthEnabled, c.DebugEndpoints = true, true })
	admin := adminToken(t, s)
	for i := range 20 {
		if status, text := ask(t, s, "PUT", fmt.Sprint("/kv/some/key", i), `"a hidden value"`, admin); status != 201 {
			t.Fatal(status, text)
		}
	}
	if status, _ := ask(t, s, "GET", "/debug/flight", "", ""); status != 401 {
		t.Errorf("to anybody: %d", status)
	}
	status, recording := ask(t, s, "GET", "/debug/flight", "", admin)
	if status != 200 {
		t.Fatal(status, recording)
	}
	got, err := flight.Replay(strings.NewReader(recording))
	if err != nil || got.Steps < 40 || got.Missed != 0 || got.Torn {
		t.Errorf("%+v, %v", got, err)
	}
	if !strings.Contains(recording, "some/key19") || strings.Contains(recording, "hidden") {
		t.Error("it lacks the last key, or has its value")
	}
	if status, _ := ask(t, s, "HEAD", "/debug/flight", "", admin); status != 200 {
		t.Errorf("HEAD: %d", status)
	}
}

func TestFlightOff(t *testing.T) {
	var dir string
	s := startWith(t, "a", nil, func(c *config.Config) {
		c.DebugEndpoints, c.FlightRecorderMB, dir = true, 0, c.DataDir
	})
	if status, text := ask(t, s, "GET", "/debug/flight", "", ""); status != 404 || !strings.Contains(text, "flight_recorder_mb") {
		t.Errorf("%d %s", status, text)
	}
	if _, err := os.Stat(filepath.Join(dir, flightDir)); !os.IsNotExist(err) {
		t.Errorf("it has a directory: %v", err)
	}
}
