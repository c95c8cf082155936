package transport

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"kvs/statemachine/keyspace"
)

const (
	// certBackdate makes a certificate valid before it is issued, so that a
	// peer whose clock is behind does not refuse it.
	certBackdate = 24 * time.Hour
	certLifetime = 90 * 24 * time.Hour

	// developmentSecret stands in for a missing secret. Everybody knows it, so
	// an identity made from it stays on loopback.
	developmentSecret = "kvs: no cluster_secret is set, loopback only"
)

// Authority is the certificate of the authority that a secret stands for. Two
// nodes with one secret derive the same, byte for byte. An empty secret is the
// development identity's.
func Authority(secret []byte) (*x509.Certificate, error) {
	cert, _, err := deriveAuthority(secret)
	return cert, err
}

// authority issues a node its own certificates. Every node that knows the secret
// derives the same one, so there is nothing to hand out and nothing to enrol.
type authority struct {
	replica  keyspace.ReplicaID
	lifetime time.Duration // of a certificate, counted from its issue
	cert     *x509.Certificate
	key      ed25519.PrivateKey
	leafKey  ed25519.PrivateKey // of this process
	pool     *x509.CertPool

	mu      sync.Mutex
	current *tls.Certificate
	renewAt time.Time
}

// newIdentity makes the identity of a replica from a secret.
func newIdentity(secret []byte, replica keyspace.ReplicaID) (*identity, error) {
	a := &authority{replica: replica, lifetime: certLifetime, pool: x509.NewCertPool()}
	id := &identity{
		replica: replica, loopbackOnly: len(secret) == 0, source: a, now: time.Now,
		remedy: "do all nodes have the same cluster_secret, and clocks less than a day apart?",
	}
	var err error
	if a.cert, a.key, err = deriveAuthority(secret); err != nil {
		return nil, fmt.Errorf("derive the cluster authority: %w", err)
	}
	a.pool.AddCert(a.cert)
	if err := id.resetKeyFrom(orDevelopment(secret)); err != nil {
		return nil, fmt.Errorf("derive the reset key: %w", err)
	}
	if _, a.leafKey, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return nil, fmt.Errorf("draw the key of this node: %w", err)
	}
	if _, _, err := a.credentials(id.now()); err != nil {
		return nil, err
	}
	return id, nil
}

func orDevelopment(secret []byte) []byte {
	if len(secret) == 0 {
		return []byte(developmentSecret)
	}
	return secret
}

// deriveAuthority makes key and certificate with HKDF (RFC 5869). The certificate
// holds nothing but what follows from the key; Ed25519 signs deterministically.
func deriveAuthority(secret []byte) (*x509.Certificate, ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, orDevelopment(secret), nil, "kvs/1 cluster authority",
		ed25519.SeedSize)
	if err != nil {
		return nil, nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "kvs cluster authority"},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// credentials issues a fresh certificate when two thirds of the life of the one
// before are over: a process may outlive several. It needs no timer, because a
// certificate is shown in handshakes alone, and connections outlive it.
func (a *authority) credentials(now time.Time) (*tls.Certificate, *x509.CertPool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != nil && now.Before(a.renewAt) {
		return a.current, a.pool, nil
	}
	der, err := a.issue(a.replica, now.Add(-certBackdate), now.Add(a.lifetime))
	if err != nil {
		return nil, nil, fmt.Errorf("issue the certificate of this node: %w", err)
	}
	a.current = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leafKey}
	a.renewAt = now.Add(a.lifetime * 2 / 3)
	return a.current, a.pool, nil
}

func (a *authority) issue(r keyspace.ReplicaID, from, to time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "kvs replica " + r.String()},
		NotBefore:    from,
		NotAfter:     to,
		DNSNames:     []string{peerName},
		URIs:         []*url.URL{{Scheme: idScheme, Opaque: r.Hex()}},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},

		BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(nil, template, a.cert, a.leafKey.Public(), a.key)
}
