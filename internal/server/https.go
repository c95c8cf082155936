package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kvs/internal/config"
)

// certificateCheckEvery is how often a handshake looks whether the files of the
// certificate have changed.
const certificateCheckEvery = 10 * time.Second

// listenHTTP opens the port for clients, with TLS where a certificate is set. No
// handshake happens here: the first read of a connection makes it, under the
// deadline of header_timeout. The certificate is nil for plain HTTP.
func listenHTTP(cfg config.Config, log *slog.Logger) (net.Listener, *certificate, error) {
	var secure *tls.Config
	var shown *certificate
	if cfg.HTTPTLSCertFile != "" {
		c := &certificate{certFile: cfg.HTTPTLSCertFile, keyFile: cfg.HTTPTLSKeyFile, log: log}
		if err := c.load(); err != nil {
			return nil, nil, err
		}
		shown = c
		// Go's own choice of suites: forward secrecy and authenticated encryption
		// alone, also for TLS 1.2.
		secure = &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return c.current(time.Now()), nil
			},
		}
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(cfg.BindAddress, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, nil, explainListen(err, cfg.Port)
	}
	if secure != nil {
		ln = tls.NewListener(ln, secure)
	}
	return ln, shown, nil
}

// certificate is what a node shows to clients. A new pair of files takes effect
// without a restart; one that is not whole yet leaves the old one in place.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	shown   atomic.Pointer[tls.Certificate]
	checked atomic.Int64 // Unix nanoseconds of the last look at the files.

	mu    sync.Mutex
	state [2]fileState // of the files when they were last read
}

// fileState tells versions of a file apart.
type fileState struct {
	modified time.Time
	size     int64
}

// current is the certificate to show, after a look at the files if it is time.
func (c *certificate) current(now time.Time) *tls.Certificate {
	last := c.checked.Load()
	if now.UnixNano()-last >= int64(certificateCheckEvery) && c.checked.CompareAndSwap(last, now.UnixNano()) {
		c.renew()
	}
	return c.shown.Load()
}

// renew reads the files if they have changed. What cannot be used is logged once.
func (c *certificate) renew() {
	c.mu.Lock()
	changed := c.states() != c.state
	c.mu.Unlock()
	if !changed {
		return
	}
	if err := c.load(); err != nil {
		c.log.Error("the new certificate cannot be used; the one before is still shown", "error", err)
		return
	}
	c.log.Info("the certificate for HTTPS was replaced", "file", c.certFile,
		"expires", c.shown.Load().Leaf.NotAfter)
}

// load reads both files, and names the setting of the one that is wrong.
func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = c.states() // before the reading: what changes meanwhile is read again
	certPEM, err := os.ReadFile(c.certFile)
	if err != nil {
		return fmt.Errorf("http_tls_cert_file: %w", err)
	}
	keyPEM, err := os.ReadFile(c.keyFile)
	if err != nil {
		return fmt.Errorf("http_tls_key_file: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("http_tls_cert_file %s and http_tls_key_file %s are not a certificate and its key: %w",
			c.certFile, c.keyFile, err)
	}
	c.warn(&pair)
	c.shown.Store(&pair)
	c.checked.Store(time.Now().UnixNano())
	return nil
}

// warn says what works but should not stay so.
func (c *certificate) warn(pair *tls.Certificate) {
	// Windows has no such bits; Go makes them up there.
	if info, err := os.Stat(c.keyFile); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		c.log.Warn("http_tls_key_file can be read by other users: run chmod 600 on it",
			"file", c.keyFile, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		c.log.Warn("the certificate of http_tls_cert_file has expired", "file", c.certFile, "expired", end)
	}
}

func (c *certificate) states() (out [2]fileState) {
	for i, name := range [2]string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		out[i] = fileState{info.ModTime(), info.Size()}
	}
	return out
}

// explainListen turns the error of a busy port into one that names the setting.
func explainListen(err error, port int) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is in use by another process: "+
			"choose another with the setting port, or stop that process (%w)", port, err)
	}
	return fmt.Errorf("cannot listen (settings bind_address and port): %w", err)
}
