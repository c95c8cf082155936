package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// stranger is a QUIC client made by hand.
type stranger struct {
	tb   testing.TB
	id   *identity
	tls  *tls.Config
	quic *quic.Transport
}

func newStranger(tb testing.TB, secret string, n int) *stranger {
	tb.Helper()
	id, err := newIdentity([]byte(secret), replica(n))
	must(tb, err)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(tb, err)
	conf, err := id.clientTLS()
	must(tb, err)
	s := &stranger{tb: tb, id: id, tls: conf, quic: &quic.Transport{Conn: socket}}
	tb.Cleanup(func() {
		_ = s.quic.Close()
		_ = socket.Close()
	})
	return s
}

// show makes the stranger present a certificate of its own authority.
func (s *stranger) show(r keyspace.ReplicaID, from, to time.Time) {
	a := s.id.source.(*authority)
	der, err := a.issue(r, from, to)
	must(s.tb, err)
	cert := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leafKey}
	s.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return cert, nil
	}
}

// issued makes the stranger present a certificate of the right authority that
// differs from a sound one.
func (s *stranger) issued(differ func(*x509.Certificate)) {
	a := s.id.source.(*authority)
	der, err := a.issue(s.id.replica, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	must(s.tb, err)
	c, err := x509.ParseCertificate(der)
	must(s.tb, err)
	differ(c)
	c.ExtraExtensions = nil
	der, err = x509.CreateCertificate(nil, c, a.cert, a.leafKey.Public(), a.key)
	must(s.tb, err)
	s.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leafKey}, nil
	}
}

// speak connects, says a sound Hello and a message, and waits for the end. It
// opens a stream more than once where the limit allows. A TLS 1.3 client learns
// of its refusal late, so no error here means anything; the server is asked.
func (s *stranger) speak(to net.Addr, frames []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	qc, err := s.quic.Dial(ctx, to, s.tls, quicConfig(quick))
	if err != nil {
		return
	}
	if stream, err := qc.OpenUniStream(); err == nil {
		_, _ = stream.Write(frames)
	}
	select {
	case <-qc.Context().Done():
	case <-ctx.Done():
		s.tb.Error("the server keeps a wrong peer")
	}
}

func framesOf(tb testing.TB, ms ...statemachine.Message) []byte {
	tb.Helper()
	var b bytes.Buffer
	for _, m := range ms {
		must(tb, appendFrame(&b, m))
	}
	return b.Bytes()
}

// Goal: no wrong peer gets a byte to Deliver, each is counted, and good peers
// are not disturbed. Method: assert at the server; the client of a TLS 1.3
// handshake may believe that it succeeded.
func TestS12WrongPeersReachNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	day := 24 * time.Hour
	cases := map[string]struct {
		secret  string
		prepare func(*stranger)
		hello   int
	}{
		"other secret": {secret: "another secret", prepare: func(*stranger) {}},
		"other secret, server not checked": {secret: "another secret", prepare: func(s *stranger) {
			s.tls.InsecureSkipVerify = true
		}},
		"no certificate": {prepare: func(s *stranger) { s.tls.GetClientCertificate = nil }},
		"expired": {prepare: func(s *stranger) {
			s.show(s.id.replica, now.Add(-3*day), now.Add(-time.Minute))
		}},
		"not yet valid": {prepare: func(s *stranger) {
			s.show(s.id.replica, now.Add(day), now.Add(2*day))
		}},
		"wrong ALPN":            {prepare: func(s *stranger) { s.tls.NextProtos = []string{"h3"} }},
		"Hello of another node": {hello: 2, prepare: func(*stranger) {}},
		"Hello of the server":   {hello: 1, prepare: func(*stranger) {}},
		"certificate of the server": {hello: 1, prepare: func(s *stranger) {
			s.show(replica(1), now.Add(-day), now.Add(day))
		}},
		"certificate of two replicas": {prepare: func(s *stranger) {
			s.issued(func(c *x509.Certificate) { c.URIs = append(c.URIs, c.URIs...) })
		}},
		"certificate of no replica": {prepare: func(s *stranger) {
			s.issued(func(c *x509.Certificate) { c.URIs = nil })
		}},
		"certificate for servers alone": {prepare: func(s *stranger) {
			s.issued(func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] })
		}},
		"certificate signed by another": {secret: "another secret", prepare: func(s *stranger) {
			s.tls.InsecureSkipVerify = true
			s.show(replica(2), now.Add(-day), now.Add(day))
		}},
	}
	a, good := open(t, setup{id: 1}), open(t, setup{id: 2})
	connect(a, good)
	var wg sync.WaitGroup
	for _, c := range cases {
		if c.secret == "" {
			c.secret = testSecret
		}
		if c.hello == 0 {
			c.hello = 7
		}
		s := newStranger(t, c.secret, 7)
		c.prepare(s)
		frames := framesOf(t, testHello(replica(c.hello), 1), statemachine.Table{})
		wg.Go(func() { s.speak(a.Addr(), frames) })
	}
	wg.Wait()
	checkTraffic(t, []*node{a, good})
	if len(a.heard()) != 2 || len(good.heard()) != 2 {
		t.Errorf("a wrong peer was heard: %v, %v", a.heard(), good.heard())
	}
	eventually(t, "count of strangers", func() bool {
		s := a.Stats()
		return s.Strangers >= 10 && s.Refused == 2 && s.ReceivedFrames[0] == 0
	})
}

// Goal: an authenticated peer that breaks the protocol loses its connection and
// nothing else. Method: a stranger with the right secret, first frames of every
// wrong kind, and wrong frames behind a right Hello.
func TestMalformedFramesCostTheirConnection(t *testing.T) {
	t.Parallel()
	hello := framesOf(t, testHello(replica(7), 1))
	length := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	cases := map[string]struct {
		frames []byte
		ups    int
	}{
		"no Hello first":   {framesOf(t, statemachine.Table{}), 0},
		"unknown first":    {append(length(1), 200), 0},
		"too long a first": {length(1 << 30), 0},
		"too long":         {append(bytes.Clone(hello), length(1<<30)...), 1},
		"empty":            {append(bytes.Clone(hello), length(0)...), 1},
		"not CBOR":         {append(bytes.Clone(hello), 0, 0, 0, 2, 3, 0xff), 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t, setup{id: 1})
			newStranger(t, testSecret, 7).speak(a.Addr(), c.frames)
			a.wait("PeerDown", func() bool { return len(a.up) == 0 && a.ups == c.ups })
			eventually(t, "count", func() bool { return a.Stats().Malformed == 1 })
		})
	}
}

// Goal: a newer peer's kinds are skipped and counted, and what follows them is
// delivered.
func TestUnknownKindsAreSkipped(t *testing.T) {
	t.Parallel()
	a := open(t, setup{id: 1})
	frames := framesOf(t, testHello(replica(7), 1))
	frames = append(frames, 0, 0, 0, 3, 200, 1, 2)
	frames = append(frames, framesOf(t, statemachine.Ack{})...)
	frames = append(frames, 0, 0, 0, 0) // and an end, so that speak returns
	newStranger(t, testSecret, 7).speak(a.Addr(), frames)
	a.wait("Ack", func() bool { return len(a.received(statemachine.KindAck)) == 1 })
	if n := a.Stats().UnknownKinds; n != 1 {
		t.Errorf("%d unknown kinds", n)
	}
}

// Goal: a peer that says nothing is let go after the deadline for Hello.
func TestPeerWithoutHelloIsLetGo(t *testing.T) {
	t.Parallel()
	short := quick
	short.hello = 200 * time.Millisecond
	a := open(t, setup{id: 1, timing: short})
	newStranger(t, testSecret, 7).speak(a.Addr(), nil)
	eventually(t, "refusal", func() bool { return a.Stats().Refused == 1 })
}
