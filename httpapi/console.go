package httpapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
)

// consoleFS is the web console as it is written: nothing is built, bundled or fetched.
//
//go:embed console
var consoleFS embed.FS

// consolePolicy lets the console run and load its own files alone, and talk to its own
// node alone.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"

// consoleTypes are the types of its files by their extensions.
var consoleTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// console is the files of the web console. The page names the others below its build, a
// hash over them all: they may be cached for ever, and a page never runs with files of
// another version. A visit costs a client one request of its rate limit: the files are
// free, or the first visit would use up half of it.
type console struct {
	page  []byte
	lab   []byte                 // the page of a node in a demo
	files map[string]consoleFile // by what follows /console/
}

type consoleFile struct {
	contentType string
	body        []byte
}

func newConsole() *console {
	names, err := fs.Glob(consoleFS, "console/*")
	if err != nil {
		panic(err) // the pattern is well-formed
	}
	sum, bodies := sha256.New(), map[string][]byte{}
	for _, name := range names {
		body, err := consoleFS.ReadFile(name)
		if err != nil {
			panic(err) // it is part of the program
		}
		sum.Write(body)
		bodies[path.Base(name)] = body
	}
	build := hex.EncodeToString(sum.Sum(nil)[:8])
	c := &console{files: map[string]consoleFile{}}
	c.page = bytes.ReplaceAll(bodies["index.html"], []byte("{{build}}"), []byte(build))
	c.lab = bytes.Replace(c.page, []byte("<body>"), []byte("<body data-lab>"), 1)
	for name, body := range bodies {
		if kind, ok := consoleTypes[path.Ext(name)]; ok {
			c.files[build+"/"+name] = consoleFile{kind, body}
		}
	}
	return c
}

// locateConsole finds the endpoint of a path below /console/.
func (x *exchange) locateConsole(rest []byte) endpoint {
	if len(rest) == 0 {
		return fixed["/console/"]
	}
	x.key = string(rest)
	return named["/console/{file}"]
}

// serveConsole answers GET /console/.
func (s *Server) serveConsole(x *exchange) *Problem {
	if !s.options.Console {
		return switchedOff("this node shows no console", "console_enabled")
	}
	page := s.console().page
	if s.options.Lab != nil {
		page = s.console().lab
	}
	s.respondConsole(x, "text/html; charset=utf-8", page)
	x.ctx.Response.Header.Set("Cache-Control", "no-cache")
	return nil
}

// serveConsoleFile answers GET /console/{file}.
func (s *Server) serveConsoleFile(x *exchange) *Problem {
	if !s.options.Console {
		return switchedOff("this node shows no console", "console_enabled")
	}
	f, ok := s.console().files[x.key]
	if !ok {
		return newProblem(slugNotFound, "the console has no file "+quoted(strings.TrimPrefix(x.key, "/"))+": load /console/ again")
	}
	s.respondConsole(x, f.contentType, f.body)
	x.ctx.Response.Header.Set("Cache-Control", "public, max-age=31536000, immutable")
	return nil
}

// respondConsole sends a file. No other page may frame the console, share its window, or
// hear its address.
func (s *Server) respondConsole(x *exchange, contentType string, body []byte) {
	x.respondRaw(contentType, body)
	h := &x.ctx.Response.Header
	h.Set("Content-Security-Policy", consolePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
