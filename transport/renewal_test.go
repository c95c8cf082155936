package transport

import (
	"sync/atomic"
	"testing"
	"time"

	"kvs/statemachine"
)

// Goal: a certificate is renewed when two thirds of its life are over, and not
// before; and two nodes with one secret derive one authority.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	id, err := newIdentity([]byte(testSecret), replica(1))
	must(t, err)
	a := id.source.(*authority)
	now := time.Now()
	first, _, err := a.credentials(now)
	must(t, err)
	same, _, err := a.credentials(now.Add(certLifetime / 2))
	must(t, err)
	next, _, err := a.credentials(now.Add(certLifetime*2/3 + time.Minute))
	must(t, err)
	if first != same || first == next {
		t.Error("renewed at the wrong time")
	}
	other, err := newIdentity([]byte(testSecret), replica(2))
	must(t, err)
	if !other.source.(*authority).cert.Equal(a.cert) || other.resetKey == id.resetKey {
		t.Error("one secret, one authority, and a reset key for each replica")
	}
}

// movedClock is the clock by which a node judges and issues certificates.
type movedClock struct{ ahead atomic.Int64 }

func (c *movedClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Goal: nodes outlive their certificates. A connection that stands does not
// notice; whoever connects later meets a fresh one. Method: certificates of an
// hour and a clock that is moved on by many of them; a node that came up with its
// first certificate alone would be refused as expired.
func TestS12CertificatesAreRenewedWhileConnectionsLive(t *testing.T) {
	t.Parallel()
	var clock movedClock
	of := func(n int) *node {
		return open(t, setup{id: n, identity: func(id *identity) {
			id.now = clock.now
			a := id.source.(*authority)
			a.lifetime, a.current = time.Hour, nil
		}})
	}
	a, b := of(1), of(2)
	connect(a, b)
	for i := range 3 {
		clock.ahead.Add(int64(30 * time.Hour)) // beyond what certBackdate would forgive too
		late := of(3 + i)
		connect(late, a)
		connect(b, late)
	}
	a.Send(b.id, statemachine.ClassPush, statemachine.Ack{})
	b.wait("a message over the old connection", func() bool {
		return len(b.received(statemachine.KindAck)) == 1
	})
	if a.ups != 4 || b.ups != 4 {
		t.Errorf("connections were lost: %d, %d PeerUps", a.ups, b.ups)
	}
}
