package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Option sets what all requests of a Client have in common.
type Option func(*settings)

type settings struct {
	transport http.RoundTripper
	token     token
	caFile    string
	attempts  int
	timeout   time.Duration
}

// WithToken shows a token with every request.
func WithToken(text string) Option { return func(s *settings) { s.token.text = text } }

// WithTokenFile shows the token in a file, which is read at once, and again when a node
// does not accept what it held.
func WithTokenFile(path string) Option { return func(s *settings) { s.token.file = path } }

// WithCAFile trusts the certificates (PEM) in a file, and no others.
func WithCAFile(path string) Option { return func(s *settings) { s.caFile = path } }

// WithTransport sends requests through another transport than http.DefaultTransport.
func WithTransport(via http.RoundTripper) Option { return func(s *settings) { s.transport = via } }

// WithAttempts bounds how often a request is sent, all nodes together; 8 if not given.
// With 1 nothing is sent twice.
func WithAttempts(n int) Option { return func(s *settings) { s.attempts = n } }

// WithAttemptTimeout bounds one attempt; 10 s if not given. The context of a call bounds
// all of its attempts.
func WithAttemptTimeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// The files that a FileError is about.
const (
	TokenFile = "token file"
	CAFile    = "CA file"
)

// FileError says what is wrong with a file that an option names.
type FileError struct {
	Option string // TokenFile or CAFile.
	Err    error  // Names the file.
}

// Error names the file and the reason.
func (e *FileError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap gives the reason.
func (e *FileError) Unwrap() error { return e.Err }

// trusting is the transport, with the trust of the CA file.
func (s *settings) trusting() (http.RoundTripper, error) {
	if s.caFile == "" {
		return s.transport, nil
	}
	text, err := os.ReadFile(s.caFile)
	if err != nil {
		return nil, &FileError{CAFile, err}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, &FileError{CAFile, fmt.Errorf("%s holds no certificate in PEM", s.caFile)}
	}
	via, ok := s.transport.(*http.Transport)
	if !ok {
		return nil, &FileError{CAFile, fmt.Errorf("a transport of type %T has its own trust", s.transport)}
	}
	via = via.Clone()
	via.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return via, nil
}
