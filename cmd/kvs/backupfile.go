package main

import (
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"kvs/internal/backup"
)

// backupFile is the file of a backup that is restored. It is read twice, first to verify
// it, so that a damaged one changes nothing.
type backupFile struct {
	path string
	ids  []age.Identity
	size int64
	done int64 // how much was read, of twice the size
	said *progress
}

func openFile(path string, ids []age.Identity) (*backupFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, usage{fmt.Errorf("%w. Try: a file that kvs backup create --out made", err)}
	}
	return &backupFile{path: path, ids: ids, size: info.Size()}, nil
}

// progress shows how much was read from now on.
func (b *backupFile) progress(cmd *cobra.Command) *progress {
	b.said = newProgress(cmd.ErrOrStderr(), 2*b.size)
	return b.said
}

// open reads it from its beginning, decrypted.
func (b *backupFile) open() (io.ReadCloser, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	plain, err := backup.Decrypt(io.TeeReader(f, b), b.ids)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, f}, nil
}

// Write implements io.Writer: it counts what was read.
func (b *backupFile) Write(p []byte) (int, error) {
	b.done += int64(len(p))
	if b.said != nil {
		b.said.at(b.done)
	}
	return len(p), nil
}

// each calls fn for each frame.
func (b *backupFile) each(fn func(backup.Frame) error) error {
	in, err := b.open()
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := backup.NewReader(in)
	if err != nil {
		return err
	}
	return r.Each(fn)
}

func (b *backupFile) verify() error {
	return b.each(func(backup.Frame) error { return nil })
}
