package backup

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"kvs/internal/durable"
)

// Create makes a backup at path. fill gets a function that begins it, and adds the
// records. The file has its name only once it is on the disk and was read again and
// found sound; if anything fails there is none.
func Create(path string, fill func(begin func(Header) (*Writer, error)) error) (m Manifest, err error) {
	err = durable.Create(path, func(f *os.File) error {
		out := bufio.NewWriterSize(f, 256<<10)
		var w *Writer
		err := fill(func(h Header) (_ *Writer, err error) {
			w, err = NewWriter(out, h)
			return w, err
		})
		if err != nil {
			return err
		}
		if m, err = w.Close(); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
		_, _, err = Verify(bufio.NewReaderSize(f, 256<<10))
		return err
	})
	return m, err
}
