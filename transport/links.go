package transport

import (
	"crypto/x509"
	"time"

	"kvs/statemachine/keyspace"
)

// Link is what QUIC knows of the connection to one peer, since it was made.
type Link struct {
	Peer           keyspace.ReplicaID
	RTT            time.Duration // smoothed (RFC 9002 section 5.3)
	PacketsLost    uint64
	Sent, Received uint64 // bytes of UDP payload
}

// Links describes the connections that are up, in no order.
func (t *Transport) Links() []Link {
	t.peers.mu.RLock()
	defer t.peers.mu.RUnlock()
	var out []Link
	for id, c := range t.peers.byID {
		if !c.up {
			continue
		}
		s := c.qc.ConnectionStats()
		out = append(out, Link{
			Peer: id, RTT: s.SmoothedRTT, PacketsLost: s.PacketsLost, Sent: s.BytesSent, Received: s.BytesReceived,
		})
	}
	return out
}

// CertificateEnd is when the certificate that is shown to peers ends.
func (t *Transport) CertificateEnd() (time.Time, error) {
	shown, _, err := t.id.source.credentials(t.id.now())
	if err != nil {
		return time.Time{}, err
	}
	leaf, err := x509.ParseCertificate(shown.Certificate[0])
	if err != nil {
		return time.Time{}, err
	}
	return leaf.NotAfter, nil
}
