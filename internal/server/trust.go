package server

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"kvs/internal/config"
	"kvs/transport"
)

// Trust is what a node and its peers know each other by, as settings say.
type Trust struct {
	Source      string              // the setting that it comes from, "" for none
	Authorities []*x509.Certificate // whose certificates are believed
	Own         *x509.Certificate   // of this node; nil if it issues its own
}

// TrustOf reads what the settings name. Without a secret and without files it is
// the development authority, which everybody has.
func TrustOf(cfg config.Config) (Trust, error) {
	if cfg.HasPKI() {
		authorities, err := readCertificates("tls_ca_file", cfg.TLSCAFile)
		if err != nil {
			return Trust{}, err
		}
		own, err := readCertificates("tls_cert_file", cfg.TLSCertFile)
		if err != nil {
			return Trust{}, err
		}
		return Trust{"tls_ca_file", authorities, own[0]}, nil
	}
	secret, err := cfg.LoadClusterSecret()
	if err != nil {
		return Trust{}, err
	}
	source := ""
	if secret != "" {
		source = "cluster_secret"
	}
	authority, err := transport.Authority([]byte(secret.Reveal()))
	if err != nil {
		return Trust{}, fmt.Errorf("derive the cluster authority: %w", err)
	}
	return Trust{source, []*x509.Certificate{authority}, nil}, nil
}

// PeerAddress is the host:port at which other nodes reach one with these settings.
func PeerAddress(cfg config.Config) (string, error) { return advertised(cfg) }

func readCertificates(key, path string) (out []*x509.Certificate, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", key, path, err)
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s %s: no certificate in PEM form", key, path)
	}
	return out, nil
}
