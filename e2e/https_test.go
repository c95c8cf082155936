package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate makes a certificate for the loopback address, and its key.
func writeCertificate(t *testing.T, dir, name string, mode os.FileMode) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), mode); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// trusting is a client that trusts one certificate, for versions up to one.
func trusting(t *testing.T, certFile string, version uint16) *http.Client {
	t.Helper()
	text, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: version},
	}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// awaitHTTPS waits until a node serves a client.
func (n *node) awaitHTTPS(c *http.Client) {
	n.t.Helper()
	eventually(n.t, startsWithin, n.name+" serves HTTPS", func() bool {
		if !n.running() {
			n.t.Fatalf("%s ended instead of serving", n.name)
		}
		resp, err := c.Get("https://" + n.address() + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// TestHTTPS: a node with a certificate serves TLS 1.2 and 1.3 and nothing older, cuts
// those that never shake hands, stops while one does, and commands reach it with
// --ca-file. A key that others can read is warned about.
func TestHTTPS(t *testing.T) {
	n := newNode(t, "secure")
	cert, key := writeCertificate(t, n.dir, "node", 0o644)
	n.configure(settings(n.name, n.port, "http_tls_cert_file: "+cert, "http_tls_key_file: "+key, "header_timeout: 1s"))
	n.launch()
	n.awaitHTTPS(trusting(t, cert, tls.VersionTLS13))
	n.awaitHTTPS(trusting(t, cert, tls.VersionTLS12))
	if !n.stderr.has("chmod 600") {
		t.Error("a key that all can read is not warned about")
	}
	_, err := trusting(t, cert, tls.VersionTLS11).Get("https://" + n.address() + "/health")
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	n.wants(0, "", "members", "--addr", "https://"+n.address(), "--ca-file", cert)
	n.wants(6, "--ca-file", "members", "--addr", "https://"+n.address())
	n.wants(2, "no certificate", "members", "--addr", "https://"+n.address(), "--ca-file", key)

	silent, err := net.Dial("tcp", n.address())
	n.must(err)
	defer silent.Close()
	began := time.Now()
	n.must(silent.SetReadDeadline(began.Add(5 * time.Second)))
	if _, err := silent.Read(make([]byte, 1)); err == nil || time.Since(began) > 2*time.Second {
		t.Errorf("a connection without a handshake lived for %v: %v", time.Since(began), err)
	}
	plain, err := net.Dial("tcp", n.address())
	n.must(err)
	defer plain.Close()
	_, err = plain.Write([]byte("GET /kv/k HTTP/1.1\r\nHost: e2e\r\n\r\n"))
	n.must(err)
	n.must(plain.SetReadDeadline(time.Now().Add(5 * time.Second)))
	answer := make([]byte, 200)
	if got, _ := plain.Read(answer); !strings.HasPrefix(string(answer[:got]), "HTTP/1.1 400 ") ||
		!strings.Contains(string(answer[:got]), "https://") {
		t.Errorf("plain HTTP was answered: %q", answer[:got])
	}
	n.stop()
}

// TestHTTPSNamesTheSetting: what is wrong with the files is said with the setting.
func TestHTTPSNamesTheSetting(t *testing.T) {
	n := newNode(t, "secure")
	cert, key := writeCertificate(t, n.dir, "node", 0o600)
	_, other := writeCertificate(t, n.dir, "other", 0o600)
	for want, files := range map[string][2]string{
		"http_tls_cert_file: open":          {"none.crt", key},
		"http_tls_key_file: open":           {cert, "none.key"},
		"are not a certificate and its key": {cert, other},
	} {
		n.configure(settings(n.name, n.port, "http_tls_cert_file: "+files[0], "http_tls_key_file: "+files[1]))
		n.launch()
		if code, _ := n.awaitEnd(startsWithin); code != 1 || !n.stderr.has(want) {
			t.Errorf("exit %d, want %q", code, want)
		}
	}
}
