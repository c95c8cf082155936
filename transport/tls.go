package transport

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
)

// The TLS configuration demands a certificate of the cluster's authority from
// both ends, and that it names a replica. There are no session tickets: a
// resumed session would skip the check of a certificate that has expired.

func (id *identity) baseTLS() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{alpn},
		SessionTicketsDisabled: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := replicaOf(&cs)
			return err
		},
	}
}

func (id *identity) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(id.authority)
	return pool
}

func (id *identity) serverTLS() *tls.Config {
	c := id.baseTLS()
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = id.pool()
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return id.certificate(time.Now())
	}
	return c
}

func (id *identity) clientTLS() *tls.Config {
	c := id.baseTLS()
	c.ServerName = peerName
	c.RootCAs = id.pool()
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return id.certificate(time.Now())
	}
	return c
}

// quicConfig is the same for both directions. Each end opens one stream a class
// and never another: a finished stream gives no credit back.
func quicConfig(tm timing) *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           tm.handshake,
		MaxIdleTimeout:                 tm.idle,
		KeepAlivePeriod:                tm.keepAlive,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         streamWindow,
		InitialConnectionReceiveWindow: connWindow,
		MaxConnectionReceiveWindow:     connWindow,
		MaxIncomingStreams:             -1, // none
		MaxIncomingUniStreams:          int64(statemachine.ClassCount),
		RequireStreamCreditRelease:     true,
	}
}
