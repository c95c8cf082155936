package transport

import (
	"crypto"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"github.com/quic-go/quic-go"

	"kvs/statemachine/keyspace"
)

const (
	// peerName is a DNS name in every certificate. Replicas are not known by
	// name when they are dialed; this lets the standard verification run.
	peerName = "peer.kvs.internal"

	// idScheme makes the URI that holds the replica id.
	idScheme = "kvs-replica"
)

// identity is what proves a replica to its peers, and whom it believes.
type identity struct {
	replica      keyspace.ReplicaID
	loopbackOnly bool
	resetKey     quic.StatelessResetKey
	source       credentialSource
	now          func() time.Time // what certificates are judged and issued by
	remedy       string           // what to look at when peers do not believe each other
}

// credentialSource is where certificates come from: a secret, or files.
type credentialSource interface {
	// credentials are the certificate to show and the authorities to believe as
	// of now. They may change from one handshake to the next.
	credentials(now time.Time) (*tls.Certificate, *x509.CertPool, error)
}

// resetKeyFrom derives the key of stateless resets (RFC 9000, 10.3) with HKDF
// (RFC 5869). It depends on the replica, and survives its restarts: only so can
// a restarted node tell its peers at once that it has forgotten their
// connections.
func (id *identity) resetKeyFrom(secret []byte) error {
	key, err := hkdf.Key(sha256.New, secret, id.replica[:], "kvs/1 stateless reset", len(id.resetKey))
	copy(id.resetKey[:], key)
	return err
}

var errNoReplica = errors.New("the peer's certificate names no replica")

// replicaOf reads the replica id of a verified peer from its certificate.
func replicaOf(cs *tls.ConnectionState) (keyspace.ReplicaID, error) {
	if len(cs.PeerCertificates) == 0 {
		return keyspace.ReplicaID{}, errNoReplica
	}
	return replicaIn(cs.PeerCertificates[0])
}

// replicaIn reads the one URI name of a certificate, kvs-replica:<32 hex digits>.
// Any other URI beside it makes the certificate ambiguous, so it names nobody.
func replicaIn(cert *x509.Certificate) (keyspace.ReplicaID, error) {
	if len(cert.URIs) != 1 {
		return keyspace.ReplicaID{}, errNoReplica
	}
	u := cert.URIs[0]
	b, err := hex.DecodeString(u.Opaque)
	if err != nil || u.Scheme != idScheme || len(b) != len(keyspace.ReplicaID{}) {
		return keyspace.ReplicaID{}, errNoReplica
	}
	return keyspace.ReplicaID(b), nil
}

// isThisProcess says that a peer shows the very key of this process: a node
// that has dialed itself. With a secret every process draws a key of its own,
// and one that runs on a copy of the directory is told apart.
func (id *identity) isThisProcess(cs *tls.ConnectionState) bool {
	cert, _, err := id.source.credentials(id.now())
	if err != nil {
		return false
	}
	ours, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return false
	}
	theirs, ok := cs.PeerCertificates[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && theirs.Equal(ours.Public())
}
