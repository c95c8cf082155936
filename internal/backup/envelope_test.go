package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"kvs/internal/backup"
	"kvs/statemachine/keyspace"
)

type fataler interface {
	Helper()
	Fatal(...any)
	TempDir() string
}

// identity makes a recipient, as a setting has it, and who it is.
func identity(t fataler) (recipient string, id age.Identity) {
	t.Helper()
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return x.Recipient().String(), x
}

// encrypted is a small backup that is encrypted to recipients.
func encrypted(t fataler, recipients ...string) []byte {
	t.Helper()
	to, err := backup.ParseRecipients(recipients)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "b")
	m, err := backup.Create(path, to, func(begin func(backup.Header) (*backup.Writer, error)) error {
		w, err := begin(header())
		if err != nil {
			return err
		}
		return errors.Join(w.Add(entry("a", []byte("precious"))), w.Add(entry("b", nil)))
	})
	if err != nil || m.Keys != 1 || m.Tombstones != 1 {
		t.Fatal(m, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// open verifies a backup that may be encrypted.
func open(text []byte, ids ...age.Identity) error {
	in, err := backup.Decrypt(bytes.NewReader(text), ids)
	if err != nil {
		return err
	}
	_, _, err = backup.Verify(in)
	return err
}

// Goal: each recipient can read an encrypted backup, also with age alone, and nobody else;
// and without any identity it says whose it is, but shows neither records nor the key of
// the cluster's digests.
func TestEncryptedBackup(t *testing.T) {
	key1, id1 := identity(t)
	key2, id2 := identity(t)
	_, stranger := identity(t)
	text := encrypted(t, key1, key2)
	for _, id := range []age.Identity{id1, id2} {
		if err := open(text, stranger, id); err != nil {
			t.Error(err)
		}
	}
	if err := open(text); !errors.Is(err, backup.ErrEncrypted) {
		t.Error(err)
	}
	if err := open(text, stranger); !errors.Is(err, backup.ErrIdentity) {
		t.Error(err)
	}
	in, err := age.Decrypt(bytes.NewReader(text), id1)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(in); err != nil || open(plain) != nil {
		t.Error("age alone does not make a backup of it", err)
	}
	s, err := backup.Summarize(bytes.NewReader(text))
	if err != nil || !s.Encrypted || s.Node != "alpha" || s.Time != 4 || !s.Claim.VV.Equal(header().Claim.VV) {
		t.Errorf("%+v %v", s, err)
	}
	if s.Digest != (keyspace.DigestKey{}) || s.Manifest != (backup.Manifest{}) || bytes.Contains(text, []byte("precious")) {
		t.Errorf("shows more than whose it is: %+v", s)
	}
}

// Goal: there are recipients of both kinds that age has, and of none that it has not.
func TestRecipients(t *testing.T) {
	quantum, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if err := open(encrypted(t, quantum.Recipient().String()), quantum); err != nil {
		t.Error(err)
	}
	if to, err := backup.ParseRecipients(nil); to != nil || err != nil {
		t.Error(to, err)
	}
	if _, err := backup.ParseRecipients([]string{"age1x"}); err == nil || !strings.Contains(err.Error(), "backup_recipients") {
		t.Error(err)
	}
}

// Goal: of an encrypted backup too, nothing damaged is taken for sound. Method: every bit
// of every byte flipped in turn, and every length; bytes behind the end.
func TestDamageOfAnEnvelopeIsRefused(t *testing.T) {
	key, id := identity(t)
	text := encrypted(t, key)
	refused := func(what string, damaged []byte) {
		t.Helper()
		err := open(damaged, id)
		if !errors.Is(err, backup.ErrCorrupt) && !errors.Is(err, backup.ErrIdentity) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for at := range text {
		text[at] ^= 1 << (at % 8)
		refused(fmt.Sprint("flipped at ", at), text)
		text[at] ^= 1 << (at % 8)
		refused(fmt.Sprint("cut off at ", at), text[:at])
	}
	refused("more behind", append(bytes.Clone(text), 0))
	if err := open(text, id); err != nil {
		t.Fatal(err)
	}
}

// Goal: a disk that cannot be read is not taken for a damaged file.
func TestUnreadableIsNotDamaged(t *testing.T) {
	key, id := identity(t)
	text, broken := encrypted(t, key), errors.New("broken")
	for _, n := range []int{10, 100, len(text) - 1} {
		in, err := backup.Decrypt(io.MultiReader(bytes.NewReader(text[:n]), failing{broken}), []age.Identity{id})
		if err == nil {
			_, _, err = backup.Verify(in)
		}
		if !errors.Is(err, broken) || errors.Is(err, backup.ErrCorrupt) {
			t.Errorf("broken after %d bytes: %v", n, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
