package client

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
)

// token is what is shown with every request: a text, or the content of a file.
type token struct {
	file string // "" if there is none.

	mu   sync.Mutex
	text string
}

// load reads the file, if there is one.
func (t *token) load() error {
	if t.file == "" {
		return nil
	}
	text, err := readToken(t.file)
	if err != nil {
		return &FileError{TokenFile, err}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = text
	return nil
}

func readToken(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, tokenBytesMax))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(raw))
	if text == "" || strings.ContainsFunc(text, unicode.IsSpace) {
		return "", fmt.Errorf("%s does not hold one token and nothing else", file)
	}
	return text, nil
}

func (t *token) value() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text
}

// renew says whether there is another token now than the one that was refused.
func (t *token) renew(refused string) bool {
	if t.value() != refused {
		return true // somebody else has renewed it meanwhile
	}
	return t.load() == nil && t.value() != refused
}
