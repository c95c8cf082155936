package backup

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"kvs/internal/durable"
)

// Create makes a backup at path, encrypted if there is anybody to encrypt it to. fill gets
// a function that begins it, and adds the records. The file has its name only once it is
// on the disk and was read again and found sound; if anything fails there is none.
func Create(path string, to []age.Recipient, fill func(begin func(Header) (*Writer, error)) error) (m Manifest, err error) {
	err = durable.Create(path, func(f *os.File) error {
		d := draft{out: bufio.NewWriterSize(f, 256<<10), to: to}
		if err := fill(d.begin); err != nil {
			return err
		}
		if m, err = d.end(); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
		in, err := Decrypt(f, d.again)
		if err != nil {
			return err
		}
		_, _, err = Verify(in)
		return err
	})
	return m, err
}

// draft is a backup in the making.
type draft struct {
	out      *bufio.Writer
	to       []age.Recipient
	envelope io.WriteCloser // nil for none
	again    []age.Identity // to read it again
	w        *Writer
}

func (d *draft) begin(h Header) (_ *Writer, err error) {
	var out io.Writer = d.out
	if len(d.to) > 0 {
		var again age.Identity
		if d.envelope, again, err = encrypt(d.out, h, d.to); err != nil {
			return nil, err
		}
		out, d.again = d.envelope, []age.Identity{again}
	}
	d.w, err = NewWriter(out, h)
	return d.w, err
}

func (d *draft) end() (m Manifest, err error) {
	if m, err = d.w.Close(); err != nil {
		return m, err
	}
	if d.envelope != nil {
		if err := d.envelope.Close(); err != nil {
			return m, fmt.Errorf("write the backup: %w", err)
		}
	}
	if err := d.out.Flush(); err != nil {
		return m, fmt.Errorf("write the backup: %w", err)
	}
	return m, nil
}
