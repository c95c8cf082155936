package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"kvs/statemachine/keyspace"
)

// What keeps an encrypted backup closed.
var (
	// ErrEncrypted says that a backup is encrypted, and that no identity was given.
	ErrEncrypted = errors.New("the backup is encrypted")
	// ErrIdentity says that it is encrypted to others than those who were given.
	ErrIdentity = errors.New("the backup is encrypted, and not to any of the identities given")
)

const (
	// ageMagic begins every file of age.
	ageMagic = "age-encryption.org/v1\n"
	// descriptionType is the stanza in which a file says whose it is. age passes over types
	// that it does not know; the header's MAC covers them all.
	descriptionType = "kvs-backup"
	// descriptionBytesMax bounds a description: age takes headers of 2 MiB, in base64.
	descriptionBytesMax = 1 << 20
)

// ParseRecipients reads those to whom backups are encrypted, as age writes them: none for
// no texts.
func ParseRecipients(texts []string) ([]age.Recipient, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(texts, "\n")))
	if err != nil {
		return nil, fmt.Errorf("backup_recipients: %w", err)
	}
	return to, nil
}

// describing is the first recipient of a file, who carries its description too.
type describing struct {
	age.Recipient
	description []byte
	key         []byte // of the file, so that it can be read again without any identity
}

// WrapWithLabels implements age.RecipientWithLabels.
func (d *describing) WrapWithLabels(key []byte) (out []*age.Stanza, labels []string, err error) {
	if r, ok := d.Recipient.(age.RecipientWithLabels); ok {
		out, labels, err = r.WrapWithLabels(key)
	} else {
		out, err = d.Wrap(key)
	}
	d.key = bytes.Clone(key)
	return append(out, &age.Stanza{Type: descriptionType, Body: d.description}), labels, err
}

// description is what everybody may read of a header: not the cluster's key, and the claim
// as long as it fits.
func (h Header) description() ([]byte, error) {
	h.Digest = keyspace.DigestKey{}
	text, err := h.text()
	if err != nil || len(text) <= descriptionBytesMax {
		return text, err
	}
	h.Claim = keyspace.Claim{}
	return h.text()
}

// encrypt begins an encrypted file. again opens it, as long as somebody holds that.
func encrypt(out io.Writer, h Header, to []age.Recipient) (in io.WriteCloser, again age.Identity, err error) {
	text, err := h.description()
	if err != nil {
		return nil, nil, err
	}
	first := &describing{Recipient: to[0], description: text}
	in, err = age.Encrypt(out, append([]age.Recipient{first}, to[1:]...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("backup_recipients: %w", err)
	}
	return in, age.NewInjectedFileKeyIdentity(first.key), nil
}

// asking is an identity that opens nothing, and reads the description.
type asking struct{ description []byte }

// Unwrap implements age.Identity.
func (a *asking) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type == descriptionType {
			a.description = s.Body
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// Decrypt reads a backup that may be encrypted. One that is not is read as it is.
func Decrypt(in io.Reader, ids []age.Identity) (io.Reader, error) {
	source := &source{in: in}
	r := bufio.NewReaderSize(source, 256<<10)
	start, _ := r.Peek(len(ageMagic))
	switch {
	case source.err != nil:
		return nil, source.judge(source.err)
	case string(start) != ageMagic:
		return r, nil
	}
	if len(ids) == 0 {
		return nil, ErrEncrypted
	}
	plain, err := age.Decrypt(r, ids...)
	if err != nil {
		return nil, source.judge(err)
	}
	return &envelope{plain, source}, nil
}

// source remembers how reading it has failed.
type source struct {
	in  io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (n int, err error) {
	n, err = s.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// judge tells why age gave up: the file cannot be read, is for others, or is damaged.
func (s *source) judge(err error) error {
	switch {
	case s.err != nil:
		return fmt.Errorf("read the backup: %w", s.err)
	case errors.As(err, new(*age.NoIdentityMatchError)):
		return ErrIdentity
	}
	return corrupt("%s", err)
}

// envelope is what an encrypted file holds.
type envelope struct {
	plain  io.Reader
	source *source
}

// Read implements io.Reader.
func (e *envelope) Read(p []byte) (n int, err error) {
	n, err = e.plain.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.source.judge(err)
	}
	return n, err
}

// describe reads what an encrypted file says of itself.
func describe(in io.Reader) (h Header, err error) {
	var a asking
	source := &source{in: in}
	if _, err := age.Decrypt(source, &a); !errors.As(err, new(*age.NoIdentityMatchError)) {
		return h, source.judge(err)
	}
	if a.description == nil {
		return h, corrupt("it is encrypted, but not by a node")
	}
	return parseHeader(a.description)
}

// Summary is what a file says of itself.
type Summary struct {
	Header
	Manifest  // of one that is not encrypted
	Encrypted bool
}

// Summarize reads what a file says of itself at its two ends, or outside of its envelope:
// it is cheap, and proves nothing of what lies between.
func Summarize(f io.ReadSeeker) (s Summary, err error) {
	s.Header, s.Encrypted, err = readHeader(f)
	if err == nil && !s.Encrypted {
		s.Manifest, err = lastManifest(f)
	}
	return s, err
}

// readHeader reads what the beginning of a file says of it.
func readHeader(f io.ReadSeeker) (h Header, encrypted bool, err error) {
	start := make([]byte, len(ageMagic))
	n, _ := io.ReadFull(f, start)
	encrypted = string(start[:n]) == ageMagic
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return h, encrypted, fmt.Errorf("read the backup: %w", err)
	}
	if encrypted {
		h, err = describe(f)
		return h, encrypted, err
	}
	r, err := NewReader(f)
	if err != nil {
		return h, encrypted, err
	}
	return r.head, encrypted, nil
}
