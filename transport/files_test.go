package transport

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kvs/statemachine/keyspace"
)

// pki is an authority as an organisation runs one: keys of another kind than
// ours, and an intermediate between root and nodes.
type pki struct {
	tb            testing.TB
	root, between *x509.Certificate
	key           *ecdsa.PrivateKey // of between
}

func newPKI(tb testing.TB) *pki {
	p := &pki{tb: tb}
	rootKey := p.newKey()
	p.root = p.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, rootKey, rootKey)
	p.key = p.newKey()
	p.between = p.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "between"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, p.root, p.key, rootKey)
	return p
}

func (p *pki) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(p.tb, err)
	return key
}

// sign makes a certificate that is valid for a day before and after now.
func (p *pki) sign(c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(p.tb, err)
	c.SerialNumber = serial
	c.NotBefore, c.NotAfter = time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	must(p.tb, err)
	cert, err := x509.ParseCertificate(der)
	must(p.tb, err)
	return cert
}

// write puts the files of a node into dir, issued by p.
func (p *pki) write(dir string, r keyspace.ReplicaID, differ func(*x509.Certificate)) Files {
	p.tb.Helper()
	c := &x509.Certificate{
		DNSNames: []string{peerName}, URIs: []*url.URL{{Scheme: idScheme, Opaque: r.Hex()}},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if differ != nil {
		differ(c)
	}
	key := p.newKey()
	leaf := p.sign(c, p.between, key, p.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(p.tb, err)
	f := Files{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	writePEM(p.tb, f.CA, "CERTIFICATE", p.root.Raw)
	writePEM(p.tb, f.Cert, "CERTIFICATE", leaf.Raw, p.between.Raw)
	writePEM(p.tb, f.Key, "PRIVATE KEY", der)
	return f
}

func writePEM(tb testing.TB, path, kind string, ders ...[]byte) {
	tb.Helper()
	var b bytes.Buffer
	for _, der := range ders {
		must(tb, pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}))
	}
	must(tb, os.WriteFile(path, b.Bytes(), 0o600))
}

// openWithFiles starts a node whose identity comes from files.
func openWithFiles(t *testing.T, n int, f Files, log *slog.Logger) *node {
	t.Helper()
	return open(t, setup{id: n, identity: func(id *identity) {
		fromFiles, err := newFileIdentity(f, replica(n), log)
		must(t, err)
		*id = *fromFiles
	}})
}

// Goal: nodes of one PKI meet, those of another or of a secret stay out, and a
// node may show no certificate but that of its own replica id.
func TestS12FilesOfAnExistingPKI(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	ours, others := newPKI(t), newPKI(t)
	a := openWithFiles(t, 1, ours.write(t.TempDir(), replica(1), nil), quiet)
	b := openWithFiles(t, 2, ours.write(t.TempDir(), replica(2), nil), quiet)
	connect(a, b)
	stranger := openWithFiles(t, 3, others.write(t.TempDir(), replica(3), nil), quiet)
	secretive := open(t, setup{id: 4})
	for i, n := range []*node{stranger, secretive} {
		n.Dial(a.Addr().String())
		a.Dial(n.Addr().String())
		eventually(t, "two failures", func() bool {
			return n.Stats().DialsFailed == 1 && a.Stats().DialsFailed == uint64(2+i)-1
		})
	}
	checkTraffic(t, []*node{a, b})
	if len(a.heard()) != 2 || len(stranger.heard()) != 0 || len(secretive.heard()) != 0 {
		t.Errorf("a stranger was heard: %v", a.heard())
	}
}

// Goal: files that peers would refuse are refused at the start, with what to do.
func TestFilesThatMakeNoPeer(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	for name, c := range map[string]struct {
		differ func(*x509.Certificate)
		after  func(Files)
		want   string
	}{
		"other replica": {differ: func(c *x509.Certificate) { c.URIs[0].Opaque = replica(2).Hex() },
			want: "subjectAltName=DNS:peer.kvs.internal,URI:kvs-replica:" + replica(1).Hex()},
		"no DNS name":    {differ: func(c *x509.Certificate) { c.DNSNames = nil }, want: "subjectAltName"},
		"server alone":   {differ: func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }, want: "clientAuth"},
		"no such file":   {after: func(f Files) { must(t, os.Remove(f.Key)) }, want: "tls_key_file"},
		"CA is no PEM":   {after: func(f Files) { must(t, os.WriteFile(f.CA, []byte("x"), 0o600)) }, want: "tls_ca_file"},
		"other CA":       {after: func(f Files) { writePEM(t, f.CA, "CERTIFICATE", newPKI(t).root.Raw) }, want: "tls_ca_file"},
		"other key":      {after: func(f Files) { newPKI(t).rekey(f) }, want: "tls_key_file"},
		"no certificate": {after: func(f Files) { must(t, os.WriteFile(f.Cert, nil, 0o600)) }, want: "tls_cert_file"},
	} {
		f := p.write(t.TempDir(), replica(1), c.differ)
		if c.after != nil {
			c.after(f)
		}
		_, err := Listen(Options{Listen: "127.0.0.1:0", Replica: replica(1), Files: f})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a word of %q", name, err, c.want)
		}
	}
}

func (p *pki) rekey(f Files) {
	der, err := x509.MarshalPKCS8PrivateKey(p.newKey())
	must(p.tb, err)
	writePEM(p.tb, f.Key, "PRIVATE KEY", der)
}

// Goal: files that change are taken without a restart, for new connections; what
// is wrong with them is told, and the certificate before stays in use. Method: the
// whole PKI is replaced, first on one node by files of another replica.
func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer // written under the lock of certFiles alone
	before, after := newPKI(t), newPKI(t)
	dirA, dirB := t.TempDir(), t.TempDir()
	a := openWithFiles(t, 1, before.write(dirA, replica(1), nil), slog.New(slog.NewTextHandler(&log, nil)))
	b := openWithFiles(t, 2, before.write(dirB, replica(2), nil), slog.New(slog.DiscardHandler))
	touch := func(dir string, n int) { // a file system may not tell two writes of one moment apart
		at := time.Now().Add(time.Duration(n) * time.Minute)
		must(t, os.Chtimes(filepath.Join(dir, "cert.pem"), at, at))
	}
	after.write(dirA, replica(9), nil)
	touch(dirA, 1)
	connect(a, b)
	after.write(dirA, replica(1), nil)
	touch(dirA, 2)
	after.write(dirB, replica(2), nil)
	touch(dirB, 1)
	c := openWithFiles(t, 3, after.write(t.TempDir(), replica(3), nil), slog.New(slog.DiscardHandler))
	connect(c, a)
	connect(b, c)
	checkTraffic(t, []*node{a, b, c})
	text := log.String()
	if !strings.Contains(text, "not taken") || !strings.Contains(text, "took new certificate files") {
		t.Errorf("the log: %s", text)
	}
}
