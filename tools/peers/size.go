package main

import (
	"fmt"
	"path/filepath"
	"time"
)

// settles is how long the disk of a node must not change to count as quiet, settlesWithin
// how long that may take.
const (
	settles       = 5 * time.Second
	settlesWithin = 2 * time.Minute
)

// bySize fills a node with many records, and measures memory, disk and start.
func (l *lab) bySize() error {
	n, err := l.startNode("kvs full", false)
	if err != nil {
		return err
	}
	keys := keysOf(l.records)
	s := newHTTPSession(n.addr, "", keys, l.size, false)
	defer s.close()
	began := time.Now()
	if err := s.fill(); err != nil {
		return err
	}
	took := time.Since(began)
	l.out.note("%d records went in by batches of %d at %.0f a second.", l.records, fillBatch, float64(l.records)/took.Seconds())
	if err := l.resident(n, "after loading"); err != nil {
		return err
	}
	disk, err := settledDisk(n.dir)
	if err != nil {
		return err
	}
	audit, err := diskBytes(filepath.Join(n.dir, "audit"))
	if err != nil {
		return err
	}
	disk -= audit
	l.out.note("The audit log takes %s beside that, %.0f bytes a write.", mib(audit), float64(audit)/float64(l.records))
	raw := float64(l.records) * float64(l.size+len(keys.Key(0)))
	l.out.add(row{fmt.Sprintf("disk of %d records, without the audit log / their keys and values", l.records), mib(disk), mib(int64(raw)), float64(disk) / raw, 0, 0, 1.6, true, ""})
	if err := n.stop(); err != nil {
		return err
	}
	began = time.Now()
	if err := n.start(); err != nil {
		return err
	}
	if err := n.ready(); err != nil {
		return err
	}
	l.out.add(row{fmt.Sprintf("start with %d records", l.records), "", "", time.Since(began).Seconds(), 0, 0, 2, true, " s"})
	return l.resident(n, "after a start")
}

// resident adds a row of memory.
func (l *lab) resident(n *node, when string) error {
	all, anonymous, err := n.memory()
	if err != nil {
		return err
	}
	l.out.add(row{"resident memory " + when, mib(all), "", float64(all) / (1 << 20), 0, 0, 200, true, " MiB"})
	l.out.note("Resident %s: %s, of which %s belong to no file.", when, mib(all), mib(anonymous))
	return nil
}

// settledDisk waits until the files of a node change no more.
func settledDisk(dir string) (int64, error) {
	last, since := int64(-1), time.Now()
	for end := time.Now().Add(settlesWithin); time.Now().Before(end) && time.Since(since) < settles; time.Sleep(200 * time.Millisecond) {
		now, err := diskBytes(dir)
		if err != nil {
			return 0, err
		}
		if now != last {
			last, since = now, time.Now()
		}
	}
	return last, nil
}

func mib(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20)) }
