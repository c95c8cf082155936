package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"kvs/internal/durable"
)

// secretBytes is the length of a secret that is drawn: that of a key, because
// guesses at it can be tested against a node's certificate at leisure.
const secretBytes = 32

// NewSecret draws a secret for a cluster: 64 hex digits.
func NewSecret() Secret {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // crypto/rand never fails (it would abort)
	return Secret(hex.EncodeToString(b))
}

// WriteSecret writes a secret into a file that its owner alone can read (mode
// 0600). It refuses to replace one: fs.ErrExist.
func WriteSecret(path string, s Secret) error {
	if err := absent(path); err != nil {
		return fmt.Errorf("write the cluster's secret: %w", err)
	}
	if err := durable.WriteFile(path, []byte(s.Reveal()+"\n")); err != nil {
		return fmt.Errorf("write the cluster's secret: %w", err)
	}
	return nil
}

// WriteNew writes a file with every setting, commented, at its default but for
// what change sets. It refuses to replace one: fs.ErrExist.
func WriteNew(path string, change func(*Config)) error {
	if err := absent(path); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	host := hostName()
	cfg := defaults(host)
	change(&cfg)
	text := render(host, cfg)
	// What was set has to hold against the rules of the file, before it is one.
	if _, err := Parse(path, []byte(text)); err != nil {
		return err
	}
	if err := durable.WriteFile(path, []byte(text)); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

func absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}
