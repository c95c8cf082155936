package transport

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"kvs/statemachine/keyspace"
)

const (
	// certBackdate makes a certificate valid before it is issued, so that a
	// peer whose clock is behind does not refuse it.
	certBackdate = 24 * time.Hour
	certLifetime = 90 * 24 * time.Hour

	// peerName is a DNS name in every certificate. Replicas are not known by
	// name when they are dialed; this lets the standard verification run.
	peerName = "peer.kvs.internal"

	// idScheme makes the URI that holds the replica id.
	idScheme = "kvs-replica"

	// developmentSecret stands in for a missing secret. Everybody knows it, so
	// an identity made from it stays on loopback.
	developmentSecret = "kvs: no cluster_secret is set, loopback only"
)

// identity is what proves a replica to its peers. Every node that knows the
// secret derives the same authority and issues itself a certificate with it, so
// there is nothing to hand out and nothing to enrol.
type identity struct {
	replica      keyspace.ReplicaID
	loopbackOnly bool
	authority    *x509.Certificate
	authorityKey ed25519.PrivateKey
	leafKey      ed25519.PrivateKey
	resetKey     quic.StatelessResetKey

	mu      sync.Mutex
	current *tls.Certificate
	renewAt time.Time
}

func newIdentity(secret []byte, replica keyspace.ReplicaID) (*identity, error) {
	id := &identity{replica: replica, loopbackOnly: len(secret) == 0}
	if id.loopbackOnly {
		secret = []byte(developmentSecret)
	}
	if err := id.derive(secret); err != nil {
		return nil, fmt.Errorf("derive the cluster authority: %w", err)
	}
	var err error
	if _, id.leafKey, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return nil, fmt.Errorf("draw the key of this node: %w", err)
	}
	if _, err := id.certificate(time.Now()); err != nil {
		return nil, err
	}
	return id, nil
}

// derive makes authority and reset key with HKDF (RFC 5869). The reset key
// depends on the replica, and survives its restarts: only so can a restarted
// node tell its peers at once that it has forgotten their connections.
func (id *identity) derive(secret []byte) error {
	seed, err := hkdf.Key(sha256.New, secret, nil, "kvs/1 cluster authority", ed25519.SeedSize)
	if err != nil {
		return err
	}
	reset, err := hkdf.Key(sha256.New, secret, id.replica[:], "kvs/1 stateless reset",
		len(id.resetKey))
	if err != nil {
		return err
	}
	copy(id.resetKey[:], reset)
	id.authorityKey = ed25519.NewKeyFromSeed(seed)
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
	der, err := x509.CreateCertificate(nil, template, template,
		id.authorityKey.Public(), id.authorityKey)
	if err != nil {
		return err
	}
	id.authority, err = x509.ParseCertificate(der)
	return err
}

// certificate returns the certificate to show now. A process may outlive one,
// so a fresh one is issued when two thirds of its life are over.
func (id *identity) certificate(now time.Time) (*tls.Certificate, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.current != nil && now.Before(id.renewAt) {
		return id.current, nil
	}
	der, err := id.issue(id.replica, now.Add(-certBackdate), now.Add(certLifetime))
	if err != nil {
		return nil, fmt.Errorf("issue the certificate of this node: %w", err)
	}
	id.current = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: id.leafKey}
	id.renewAt = now.Add(certLifetime * 2 / 3)
	return id.current, nil
}

func (id *identity) issue(r keyspace.ReplicaID, from, to time.Time) ([]byte, error) {
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
	return x509.CreateCertificate(nil, template, id.authority,
		id.leafKey.Public(), id.authorityKey)
}

var errNoReplica = errors.New("the peer's certificate names no replica")

// replicaOf reads the replica id of a verified peer from its certificate.
func replicaOf(cs *tls.ConnectionState) (keyspace.ReplicaID, error) {
	if len(cs.PeerCertificates) == 0 || len(cs.PeerCertificates[0].URIs) != 1 {
		return keyspace.ReplicaID{}, errNoReplica
	}
	u := cs.PeerCertificates[0].URIs[0]
	b, err := hex.DecodeString(u.Opaque)
	if err != nil || u.Scheme != idScheme || len(b) != len(keyspace.ReplicaID{}) {
		return keyspace.ReplicaID{}, errNoReplica
	}
	return keyspace.ReplicaID(b), nil
}

// isThisProcess says that a peer shows the very key of this process: a node
// that has dialed itself, unlike one that runs on a copy of its directory.
func (id *identity) isThisProcess(cs *tls.ConnectionState) bool {
	key, ok := cs.PeerCertificates[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(id.leafKey.Public())
}
