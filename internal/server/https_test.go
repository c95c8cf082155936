package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair makes a certificate and its key as PEM.
func pair(t *testing.T, name string, end time.Time) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: end.Add(-48 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// Goal: a new pair of files is shown without a restart, but not more often looked for than
// said; one that is half written, of two halves, or gone leaves the old one, and is logged
// once; what is doubtful about a good one is said.
func TestCertificateIsReplaced(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	c := &certificate{certFile: filepath.Join(dir, "crt"), keyFile: filepath.Join(dir, "key"),
		log: slog.New(slog.NewTextHandler(&log, nil))}
	now := time.Now()
	stamp := now.Add(-time.Hour)
	write := func(file string, text []byte, mode os.FileMode) {
		t.Helper()
		stamp = stamp.Add(time.Second) // every version has a time of its own
		for _, err := range []error{os.WriteFile(file, text, mode), os.Chmod(file, mode), os.Chtimes(file, stamp, stamp)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	later := func() time.Time { now = now.Add(certificateCheckEvery); return now }
	shows := func(want string, at time.Time) {
		t.Helper()
		if got := c.current(at).Leaf.Subject.CommonName; got != want {
			t.Errorf("shows %s, want %s", got, want)
		}
	}
	certA, keyA := pair(t, "a", now.Add(time.Hour))
	certB, keyB := pair(t, "b", now.Add(time.Hour))
	write(c.certFile, certA, 0o644)
	write(c.keyFile, keyA, 0o600)
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	shows("a", later())
	if log.Len() != 0 {
		t.Errorf("said %s", log.String())
	}
	write(c.certFile, certB[:len(certB)/2], 0o644)
	shows("a", later())
	write(c.certFile, certB, 0o644) // its key is not there yet
	shows("a", later())
	shows("a", later())
	if n := strings.Count(log.String(), "cannot be used"); n != 2 {
		t.Errorf("two bad pairs were logged %d times: %s", n, log.String())
	}
	if err := os.Remove(c.keyFile); err != nil {
		t.Fatal(err)
	}
	shows("a", later())
	write(c.keyFile, keyB, 0o600)
	shows("a", now) // too soon for a look
	shows("b", later())
	shows("b", later())
	if strings.Count(log.String(), "was replaced") != 1 {
		t.Errorf("said %s", log.String())
	}
	log.Reset()
	certC, keyC := pair(t, "c", now.Add(-time.Hour))
	write(c.certFile, certC, 0o644)
	write(c.keyFile, keyC, 0o640)
	shows("c", later())
	if !strings.Contains(log.String(), "chmod 600") || !strings.Contains(log.String(), "has expired") {
		t.Errorf("said %s", log.String())
	}
}
