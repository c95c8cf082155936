package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"kvs/statemachine/keyspace"
)

// ErrNoBase says that a backup builds on one that is missing.
var ErrNoBase = errors.New("a backup that it builds on is missing")

// LinksMax bounds a chain: that many files are open at once.
const LinksMax = 128

// Link is one file of a chain.
type Link struct {
	Name string                        // for people
	Open func() (io.ReadCloser, error) // from its beginning, as it lies there
}

// Chain is a backup with all that it builds on, newest first, down to a full one.
type Chain struct {
	links []Link
	ids   []age.Identity
}

// Follow finds all that a backup builds on. find says where a base is, or returns
// ErrNoBase.
func Follow(newest Link, find func(Base) (Link, error), ids []age.Identity) (Chain, error) {
	c := Chain{links: []Link{newest}, ids: ids}
	h, err := c.header(0)
	for err == nil && h.Base != nil {
		if len(c.links) == LinksMax {
			return c, corrupt("it builds on more than %d others", LinksMax-1)
		}
		base := *h.Base
		link, failed := find(base)
		if failed != nil {
			return c, failed
		}
		c.links = append(c.links, link)
		last := len(c.links) - 1
		if h, err = c.header(last); err == nil && h.Link() != base {
			err = c.about(last, corrupt("it is another than %s was", base.ID))
		}
	}
	return c, err
}

// Len is how many files the chain has.
func (c Chain) Len() int { return len(c.links) }

// about says which file an error is of.
func (c Chain) about(i int, err error) error {
	if i == 0 || err == nil {
		return err
	}
	return fmt.Errorf("it builds on %s: %w", c.links[i].Name, err)
}

func (c Chain) header(i int) (h Header, err error) {
	r, file, err := c.read(i)
	if err != nil {
		return h, err
	}
	return r.head, file.Close()
}

// read begins to read one file.
func (c Chain) read(i int) (*Reader, io.Closer, error) {
	in, err := c.open(i)
	if err != nil {
		return nil, nil, err
	}
	r, err := NewReader(in)
	if err != nil {
		in.Close()
		return nil, nil, c.about(i, err)
	}
	return r, in, nil
}

// opened is a decrypted file.
type opened struct {
	io.Reader
	io.Closer
}

func (c Chain) open(i int) (io.ReadCloser, error) {
	file, err := c.links[i].Open()
	if err != nil {
		return nil, c.about(i, err)
	}
	plain, err := Decrypt(file, c.ids)
	if err != nil {
		file.Close()
		return nil, c.about(i, err)
	}
	return opened{plain, file}, nil
}

// Open reads the chain as one full backup. It is whole once it was read up to its end.
func (c Chain) Open() (io.ReadCloser, error) {
	if len(c.links) == 1 {
		return c.open(0)
	}
	in, out := io.Pipe()
	go func() { out.CloseWithError(c.merge(out)) }()
	return in, nil
}

// Each calls fn for each frame of what Open reads, as Reader.Each does.
func (c Chain) Each(fn func(Frame) error) error {
	in, err := c.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := NewReader(in)
	if err != nil {
		return err
	}
	return r.Each(fn)
}

// merge writes the chain as one full backup.
func (c Chain) merge(out io.Writer) error {
	var top, below *layer
	for i := len(c.links) - 1; i >= 0; i-- {
		r, file, err := c.read(i)
		if err != nil {
			return err
		}
		defer file.Close()
		top = &layer{r: r, below: below, about: func(err error) error { return c.about(i, err) }}
		below = top
	}
	h := top.r.head
	h.Base = nil
	w, err := NewWriter(out, h)
	if err != nil {
		return err
	}
	for {
		e, err := top.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			e, err = top.whole(e)
		}
		if err == nil {
			err = w.Add(e)
		}
		if err != nil {
			return err
		}
	}
	if err := top.drain(); err != nil {
		return err
	}
	_, err = w.Close()
	return err
}

// layer reads the records of one file of a chain, in the order of their keys.
type layer struct {
	r       *Reader
	entries []keyspace.Entry // of the frame that was read last
	ended   bool
	below   *layer // what it builds on, nil for a full one
	about   func(error) error
}

// next is the next record, or io.EOF once all of the file was sound.
func (l *layer) next() (e keyspace.Entry, err error) {
	for len(l.entries) == 0 {
		if l.ended {
			return e, io.EOF
		}
		f, err := l.r.Next()
		if errors.Is(err, io.EOF) {
			l.ended = true
		} else if err != nil {
			return e, l.about(err)
		}
		l.entries = f.Entries
	}
	e, l.entries = l.entries[0], l.entries[1:]
	return e, nil
}

// whole is a record with what the layers below have of it.
func (l *layer) whole(e keyspace.Entry) (keyspace.Entry, error) {
	if !isKept(&e) {
		return e, nil
	}
	for {
		got, err := l.below.next()
		switch {
		case errors.Is(err, io.EOF) || err == nil && (got.Key > e.Key || got.Key == e.Key && got.Dot != e.Dot):
			return e, l.below.about(corrupt("it does not have %q as it was", e.Key))
		case err != nil:
			return e, err
		case got.Key == e.Key:
			return l.below.whole(got)
		}
	}
}

// drain reads the layers below up to their ends: they too must be sound.
func (l *layer) drain() error {
	for at := l.below; at != nil; at = at.below {
		for !at.ended {
			if _, err := at.next(); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
	}
	return nil
}

// FileLink is a file.
func FileLink(path string) Link {
	return Link{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// Beside finds bases in a directory, by what the files say of themselves: their names may
// be any. If none says so, the one that has the name is taken: what is wrong with it will
// be said.
func Beside(dir string) func(Base) (Link, error) {
	return func(base Base) (Link, error) {
		names, err := os.ReadDir(dir)
		if err != nil {
			return Link{}, err
		}
		named := ""
		for _, entry := range names {
			path := filepath.Join(dir, entry.Name())
			switch info, err := os.Stat(path); {
			case err != nil || !info.Mode().IsRegular():
			case isLink(path, base):
				return FileLink(path), nil
			case entry.Name() == base.ID+Suffix:
				named = path
			}
		}
		if named != "" {
			return FileLink(named), nil
		}
		return Link{}, fmt.Errorf("%w: %s is not in %s", ErrNoBase, base.ID, dir)
	}
}

func isLink(path string, base Base) bool {
	h, _, err := ReadHeader(path)
	return err == nil && h.Link() == base
}

// ReadHeader reads what the beginning of a file says of it, also of an encrypted one.
func ReadHeader(path string) (h Header, encrypted bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, false, err
	}
	defer f.Close()
	return readHeader(f)
}
