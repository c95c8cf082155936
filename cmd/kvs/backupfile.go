package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"kvs/internal/backup"
)

// backupFile is the file of a backup that is restored, with those that it builds on. It is
// read twice, first to verify it, so that a damaged one changes nothing.
type backupFile struct {
	path  string
	chain backup.Chain
	size  int64 // of all files
	done  int64 // how much was read, of twice the size
	said  *progress
}

func openFile(path string, ids []age.Identity) (*backupFile, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, usage{fmt.Errorf("%w. Try: a file that kvs backup create --out made", err)}
	}
	b := &backupFile{path: path}
	beside := backup.Beside(filepath.Dir(path))
	find := func(base backup.Base) (backup.Link, error) {
		link, err := beside(base)
		return b.counted(link), err
	}
	var err error
	b.chain, err = backup.Follow(b.counted(backup.FileLink(path)), find, ids)
	return b, backupFailed(path, err)
}

// counted is a file whose bytes count as read.
func (b *backupFile) counted(link backup.Link) backup.Link {
	if info, err := os.Stat(link.Name); err == nil {
		b.size += info.Size()
	}
	return backup.Link{Name: link.Name, Open: func() (io.ReadCloser, error) {
		f, err := link.Open()
		return countedFile{f, b}, err
	}}
}

type countedFile struct {
	io.ReadCloser
	of *backupFile
}

// Read implements io.Reader.
func (f countedFile) Read(p []byte) (n int, err error) {
	n, err = f.ReadCloser.Read(p)
	if f.of.said != nil {
		f.of.done += int64(n)
		f.of.said.at(f.of.done)
	}
	return n, err
}

// progress shows how much was read from now on.
func (b *backupFile) progress(cmd *cobra.Command) *progress {
	b.said = newProgress(cmd.ErrOrStderr(), 2*b.size)
	return b.said
}

func (b *backupFile) verify() error {
	return b.chain.Each(func(backup.Frame) error { return nil })
}
