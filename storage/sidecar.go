package storage

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kvs/statemachine/keyspace"
)

// The sidecar is a file beside Badger's that says what the store had reached.
// A store that comes back without it has lost something, which it cannot know
// by itself. It is written at most once a second, so it may lag behind; it never
// leads, because it is made from what is durable.

const (
	// sidecarName is the file, sidecarTemp the one that becomes it.
	sidecarName = "sidecar"
	sidecarTemp = "sidecar.tmp"
	// acceptName is the file by which a person accepts a loss, once.
	acceptName = "accept-loss"

	// sidecarEvery is the shortest time between two writes.
	sidecarEvery = time.Second

	sidecarMagic = "kvs-sidecar-1"
)

// ErrLoss says that the store has lost durable writes, and that there is no
// other member to ask for them.
var ErrLoss = errors.New("data_dir has lost writes")

// sidecar is what the file holds, on one line.
type sidecar struct {
	keyspace.Watermark
	machine string // the kernel's id of its own start, "-" if there is none
	// open says that the store runs, or has ended without being closed, and does not sync
	// every batch: if the machine is restarted, it may have lost what is newer than this.
	open bool
}

// openMark stands behind the machine of a sidecar that says so.
const openMark = "/async"

// String is the line, with its checksum.
func (s sidecar) String() string {
	machine := s.machine
	if s.open {
		machine += openMark
	}
	line := fmt.Sprintf("%s %x %d %d %d %d %s", sidecarMagic, s.Replica[:], s.Boot, s.HLC, s.High,
		s.Batch, machine)
	return fmt.Sprintf("%s %08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

// parseSidecar reads what String wrote, and refuses everything else.
func parseSidecar(text string) (s sidecar, ok bool) {
	f := strings.Fields(text)
	if len(f) != 8 || f[0] != sidecarMagic {
		return sidecar{}, false
	}
	id, err := hex.DecodeString(f[1])
	if err != nil || len(id) != len(s.Replica) {
		return sidecar{}, false
	}
	s.Replica = keyspace.ReplicaID(id)
	s.machine, s.open = strings.CutSuffix(f[6], openMark)
	numbers := [4]uint64{}
	for i := range numbers {
		if numbers[i], err = strconv.ParseUint(f[2+i], 10, 63); err != nil {
			return sidecar{}, false
		}
	}
	s.Boot, s.Batch = numbers[0], numbers[3]
	s.HLC, s.High = keyspace.Millis(numbers[1]), keyspace.Millis(numbers[2])
	return s, s.String() == text
}

// readSidecar returns what the directory's sidecar says; zero if there is none.
// A damaged one proves nothing, and is an error for the log.
func readSidecar(dir string) (s sidecar, err error) {
	b, err := os.ReadFile(filepath.Join(dir, sidecarName))
	if errors.Is(err, os.ErrNotExist) {
		return sidecar{}, nil
	}
	if err != nil {
		return sidecar{}, err
	}
	s, ok := parseSidecar(string(b))
	if !ok {
		return sidecar{}, fmt.Errorf("%s is damaged", sidecarName)
	}
	return s, nil
}

// write replaces the directory's sidecar: whatever happens, the old one or the
// new one is there.
func (s sidecar) write(dir string) error {
	temp := filepath.Join(dir, sidecarTemp)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(s.String())
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, sidecarName)); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// machineStart is the kernel's id of its own start: another one means that the
// machine was restarted, and not the process alone.
func machineStart() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if id := strings.Fields(string(b)); err == nil && len(id) == 1 {
		return id[0]
	}
	return "-"
}

// runSidecar keeps the sidecar up to date, off the way of the batches.
func (s *Store) runSidecar() {
	defer s.workers.Done()
	tick := time.NewTicker(sidecarEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-tick.C:
			s.noteSidecar()
		}
	}
}

// noteSidecar writes the sidecar if the store has moved on since. A full disk
// only lets it lag; any other failure of the disk is final, like all of them.
func (s *Store) noteSidecar() {
	next := sidecar{s.watermark(), s.sidecar.machine, s.sidecar.open}
	if next == s.sidecar || s.failure.err() != nil {
		return
	}
	switch err := next.write(s.dir); {
	case err == nil:
		s.sidecar = next
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		s.log.Warn("the sidecar lags behind", "data_dir", s.dir, "error", err)
	default:
		s.failure.trip(fmt.Errorf("write the sidecar: %w", err))
	}
}

// closeSidecar takes note that all is durable from here on.
func (s *Store) closeSidecar() error {
	if !s.sidecar.open {
		return nil
	}
	s.sidecar.open = false
	if err := s.sidecar.write(s.dir); err != nil {
		return fmt.Errorf("write the sidecar: %w", err)
	}
	return nil
}

// accepts says that a person has accepted a loss.
func accepts(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, acceptName))
	return err == nil
}

// settle ends a start that knows what was lost: it takes note of an acceptance,
// and refuses to go on alone with a loss that nobody has accepted.
func settle(dir string, accepted bool, snap *keyspace.Snapshot) error {
	if accepted {
		if err := os.Remove(filepath.Join(dir, acceptName)); err != nil {
			return fmt.Errorf("data_dir %q: take note of %s: %w", dir, acceptName, err)
		}
	}
	if snap.Loss.Kind == keyspace.LossNone || len(snap.Members) > 0 {
		return nil
	}
	what := "the newest"
	if snap.Loss.Kind == keyspace.LossGap {
		what = "some"
	}
	return fmt.Errorf("%w: %s of its durable batches are missing, numbers %d to %d, and this node "+
		"knows of no other member that has them; restore a backup or the missing files into data_dir "+
		"%q, or create the file %q to go on without them", ErrLoss, what, snap.Loss.From,
		snap.Loss.To, dir, filepath.Join(dir, acceptName))
}
