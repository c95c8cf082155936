package transport

import (
	"crypto/tls"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
)

// The TLS configuration demands a certificate of the cluster's authority from
// both ends, and that it names a replica. There are no session tickets: a
// resumed session would skip the check of a certificate that has expired. There
// is no early data either, which comes before any of this (RFC 8446, 8): neither
// end asks for it. Credentials are looked up for each handshake, as they change.

func (id *identity) baseTLS() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{alpn},
		SessionTicketsDisabled: true,
		Time:                   id.now,
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := replicaOf(&cs)
			return err
		},
	}
}

func (id *identity) serverTLS() *tls.Config {
	base := id.baseTLS()
	base.ClientAuth = tls.RequireAndVerifyClientCert
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		cert, pool, err := id.source.credentials(id.now())
		if err != nil {
			return nil, err
		}
		c := base.Clone()
		c.GetConfigForClient = nil
		c.Certificates, c.ClientCAs = []tls.Certificate{*cert}, pool
		return c, nil
	}
	return base
}

func (id *identity) clientTLS() (*tls.Config, error) {
	cert, pool, err := id.source.credentials(id.now())
	if err != nil {
		return nil, err
	}
	c := id.baseTLS()
	c.ServerName, c.RootCAs = peerName, pool
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return cert, nil // whatever authorities the server names: it is the only one
	}
	return c, nil
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
