package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"kvs/internal/durable"
)

// nodeContext is a node to ask, with what it wants to see.
type nodeContext struct {
	Addr      string `json:"addr"`
	TokenFile string `json:"token_file,omitempty"`
	Token     string `json:"token,omitempty"`
	CAFile    string `json:"ca_file,omitempty"`
}

// contexts are the nodes that a user knows by names.
type contexts struct {
	Current string                 `json:"current,omitempty"`
	Named   map[string]nodeContext `json:"contexts"`

	path string
}

var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// contextsPath is where the contexts of this user are.
func contextsPath() (string, error) {
	if path := os.Getenv("KVS_CONTEXT_FILE"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &failure{exitOther, "there is no place for contexts: " + err.Error(), "KVS_CONTEXT_FILE with a path"}
	}
	return filepath.Join(dir, "kvs", "contexts.json"), nil
}

// openContexts reads the contexts. Without a file there are none.
func openContexts() (*contexts, error) {
	path, err := contextsPath()
	if err != nil {
		return nil, err
	}
	c := &contexts{Named: map[string]nodeContext{}, path: path}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err != nil:
		return nil, &failure{exitOther, "read the contexts: " + err.Error(), "KVS_CONTEXT_FILE with another path"}
	}
	if mode, ok := permissions(path); ok && mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, &failure{exitOther, fmt.Sprintf("%s may hold tokens, and its mode %04o opens it to others", path, mode),
			"chmod 600 " + path}
	}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, &failure{exitOther, fmt.Sprintf("%s is not a file of contexts: %v", path, err), "kvs context add, without the file"}
	}
	if c.Named == nil {
		c.Named = map[string]nodeContext{}
	}
	return c, nil
}

// save writes the contexts, for this user alone.
func (c *contexts) save() error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err = os.MkdirAll(filepath.Dir(c.path), 0o700); err == nil {
		err = durable.WriteFile(c.path, append(text, '\n'))
	}
	if err != nil {
		return &failure{exitOther, "write the contexts: " + err.Error(), "KVS_CONTEXT_FILE with another path"}
	}
	return nil
}

// get returns a context by its name.
func (c *contexts) get(name string) (nodeContext, error) {
	found, ok := c.Named[name]
	if !ok {
		return found, &failure{exitNotFound, fmt.Sprintf("there is no context %q", name), "kvs context ls"}
	}
	return found, nil
}

// set adds or replaces a context. The first one is in use at once.
func (c *contexts) set(name string, to nodeContext) {
	c.Named[name] = to
	if c.Current == "" {
		c.Current = name
	}
}

// remove forgets a context, also as the one in use.
func (c *contexts) remove(name string) {
	delete(c.Named, name)
	if c.Current == name {
		c.Current = ""
	}
}
