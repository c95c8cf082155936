package flight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ring is the segments in a directory, oldest first. Their names are numbers that
// only grow, over all runs.
type ring struct {
	dir  string
	most int64 // bytes of all files together
	file *os.File
	size int64 // of file
}

const suffix = ".flight"

// segments lists the numbers that there are.
func (g *ring) segments() (numbers []uint64, err error) {
	files, err := os.ReadDir(g.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, f := range files {
		name, ours := strings.CutSuffix(f.Name(), suffix)
		if n, err := strconv.ParseUint(name, 10, 64); ours && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (g *ring) path(number uint64) string {
	return filepath.Join(g.dir, fmt.Sprintf("%020d%s", number, suffix))
}

// begin closes the segment that was written and opens another. Older ones go
// until they take at most half of what is allowed: the new one may take the rest.
func (g *ring) begin() error {
	if err := g.close(); err != nil {
		return err
	}
	numbers, err := g.segments()
	if err != nil {
		return err
	}
	if err := g.drop(numbers, g.most/2); err != nil {
		return err
	}
	next := uint64(1)
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return err
	}
	g.file, err = os.OpenFile(g.path(next), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	g.size = 0
	return err
}

// drop removes the oldest segments until the others take at most so many bytes.
func (g *ring) drop(numbers []uint64, most int64) error {
	var kept int64
	for _, n := range slices.Backward(numbers) {
		info, err := os.Stat(g.path(n))
		if err != nil {
			return err
		}
		if kept += info.Size(); kept > most {
			if err := os.Remove(g.path(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *ring) write(b []byte) error {
	n, err := g.file.Write(b)
	g.size += int64(n)
	return err
}

func (g *ring) close() error {
	if g.file == nil {
		return nil
	}
	err := g.file.Close()
	g.file = nil
	return err
}

// bytes is how much of the disk the ring takes.
func (g *ring) bytes() (total int64) {
	numbers, err := g.segments()
	if err != nil {
		return 0
	}
	for _, n := range numbers {
		if info, err := os.Stat(g.path(n)); err == nil {
			total += info.Size()
		}
	}
	return total
}
