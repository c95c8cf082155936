package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"kvs/statemachine/keyspace"
)

// Files name the PEM files of an existing PKI, in the place of a secret. The
// certificate must say subjectAltName = DNS:peer.kvs.internal,
// URI:kvs-replica:<replica id>, and be good for client and server. Whoever the
// authority issues such a certificate is a peer, so it should issue nothing else.
type Files struct {
	CA, Cert, Key string
}

func (f Files) none() bool { return f == Files{} }

// certFiles reads the files again when one of them has changed. What does not
// make sense is told and not taken: the certificate before stays in use.
type certFiles struct {
	paths   Files
	replica keyspace.ReplicaID
	log     *slog.Logger

	mu    sync.Mutex
	stamp string // of the files as they were last tried
	cert  *tls.Certificate
	pool  *x509.CertPool
}

// newFileIdentity makes the identity of a replica from files. Its errors say
// what to issue.
func newFileIdentity(paths Files, replica keyspace.ReplicaID, log *slog.Logger) (*identity, error) {
	c := &certFiles{paths: paths, replica: replica, log: log}
	id := &identity{
		replica: replica, source: c, now: time.Now,
		remedy: "does tls_ca_file of either hold the authority of the other, and has no certificate expired?",
	}
	stamp, err := c.stat()
	if err != nil {
		return nil, err
	}
	if c.cert, c.pool, err = c.load(); err != nil {
		return nil, err
	}
	c.stamp = stamp
	der, err := x509.MarshalPKCS8PrivateKey(c.cert.PrivateKey)
	if err == nil {
		err = id.resetKeyFrom(der)
	}
	if err != nil {
		return nil, fmt.Errorf("tls_key_file %s: %w", paths.Key, err)
	}
	if now := id.now(); now.Before(c.cert.Leaf.NotBefore) || now.After(c.cert.Leaf.NotAfter) {
		// Clients are served all the same: only peers will refuse this node.
		log.Warn("the certificate of this node is not valid now", "tls_cert_file", paths.Cert,
			"not_before", c.cert.Leaf.NotBefore, "not_after", c.cert.Leaf.NotAfter)
	}
	return id, nil
}

// credentials looks at the files at every handshake, of which there are few.
func (c *certFiles) credentials(time.Time) (*tls.Certificate, *x509.CertPool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp, err := c.stat()
	if err != nil || stamp == c.stamp {
		return c.cert, c.pool, nil // a file that is being replaced is there again soon
	}
	c.stamp = stamp
	cert, pool, err := c.load()
	if err != nil {
		c.log.Error("new certificate files are not taken; the ones before stay in use", "err", err)
		return c.cert, c.pool, nil
	}
	c.cert, c.pool = cert, pool
	c.log.Info("took new certificate files", "not_after", cert.Leaf.NotAfter)
	return c.cert, c.pool, nil
}

// stat says what tells one state of the files from another.
func (c *certFiles) stat() (string, error) {
	var b strings.Builder
	for _, f := range []struct{ key, path string }{
		{"tls_ca_file", c.paths.CA}, {"tls_cert_file", c.paths.Cert}, {"tls_key_file", c.paths.Key},
	} {
		info, err := os.Stat(f.path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.key, err)
		}
		fmt.Fprintf(&b, "%d %d\n", info.ModTime().UnixNano(), info.Size())
	}
	return b.String(), nil
}

func (c *certFiles) load() (*tls.Certificate, *x509.CertPool, error) {
	pem, err := os.ReadFile(c.paths.CA)
	if err != nil {
		return nil, nil, fmt.Errorf("tls_ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("tls_ca_file %s: no certificate in PEM form", c.paths.CA)
	}
	cert, err := tls.LoadX509KeyPair(c.paths.Cert, c.paths.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("tls_cert_file %s, tls_key_file %s: %w", c.paths.Cert, c.paths.Key, err)
	}
	if err := c.check(&cert, pool); err != nil {
		return nil, nil, fmt.Errorf("tls_cert_file %s: %w", c.paths.Cert, err)
	}
	return &cert, pool, nil
}

// check holds a certificate against what peers will ask of it, its dates aside.
func (c *certFiles) check(cert *tls.Certificate, pool *x509.CertPool) error {
	names, err := replicaIn(cert.Leaf)
	if err != nil || names != c.replica || cert.Leaf.VerifyHostname(peerName) != nil {
		return fmt.Errorf("it is not of this replica: issue one with subjectAltName=DNS:%s,URI:%s:%s",
			peerName, idScheme, c.replica.Hex())
	}
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		extra, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		between.AddCert(extra)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{
			Roots: pool, Intermediates: between, CurrentTime: cert.Leaf.NotBefore,
			KeyUsages: []x509.ExtKeyUsage{usage},
		}); err != nil {
			return errors.Join(errors.New("peers would not believe it: it must be of an authority in tls_ca_file, "+
				"for clientAuth and serverAuth"), err)
		}
	}
	return nil
}
