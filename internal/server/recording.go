package server

import (
	"io"
	"log/slog"
	"path/filepath"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/internal/flight"
)

// flightDir is where in data_dir the flight recorder writes.
const flightDir = "flight"

// openFlight begins to record, if the node is to. The recording ends with run.
func (d *driver) openFlight(cfg config.Config, log *slog.Logger) {
	if cfg.FlightRecorderMB == 0 {
		return
	}
	d.flight = flight.Open(flight.Options{
		Dir: filepath.Join(cfg.DataDir, flightDir), Bytes: int64(cfg.FlightRecorderMB) << 20,
		Node: cfg.NodeID, Version: Version + " " + buildRevision(), Logger: log,
		Room: func() bool { return room(d.space.now.Load()) == roomEnough },
	})
}

// endFlight ends the recording with the last step, also with one that panics.
func (d *driver) endFlight() {
	if err := d.flight.Close(); err != nil {
		d.log.Warn("the flight recorder could not be closed", "error", err)
	}
}

// recording is what the node did last, until now.
func (d *driver) recording() (io.ReadCloser, error) {
	if d.flight == nil {
		return nil, httpapi.ErrNoFlight
	}
	done := make(chan struct{})
	select {
	case d.flushes <- done:
	case <-d.stopped:
		return nil, httpapi.ErrClosed
	}
	select {
	case <-done:
		return d.flight.Recording()
	case <-d.stopped:
		return nil, httpapi.ErrClosed
	}
}

// Flight reads what the node recorded, for a replay.
func (o *observer) Flight() (io.ReadCloser, error) { return o.driver.recording() }
