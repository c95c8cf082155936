package lab

import (
	"net"
	"os"
	"testing"
	"time"
)

// pair is two nodes on one network.
func pair(t *testing.T) (n *Network, a, b net.PacketConn) {
	t.Helper()
	n = &Network{}
	open := func() net.PacketConn {
		s, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return n.Join(s)
	}
	return n, open(), open()
}

// send sends text from one to the other.
func send(t *testing.T, from, to net.PacketConn, text string) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
		t.Fatal(err)
	}
}

// heard is what arrives first.
func heard(t *testing.T, s net.PacketConn) string {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	k, _, err := s.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:k])
}

func TestCutTakesBothDirectionsUntilItIsHealed(t *testing.T) {
	n, a, b := pair(t)
	for _, cut := range []net.PacketConn{a, b} {
		n.Cut(portOf(cut.LocalAddr()))
		send(t, a, b, "lost")
		send(t, b, a, "lost")
		n.Heal(portOf(cut.LocalAddr()))
		send(t, a, b, "there")
		send(t, b, a, "back")
		if there, back := heard(t, b), heard(t, a); there != "there" || back != "back" {
			t.Errorf("after the heal %q and %q came first", there, back)
		}
	}
}

func TestDelayIsTheLeastThatAPacketTakes(t *testing.T) {
	n, a, b := pair(t)
	const delay = 30 * time.Millisecond
	n.Delay(delay)
	began := time.Now()
	send(t, a, b, "late")
	if got := heard(t, b); got != "late" || time.Since(began) < delay {
		t.Errorf("%q came after %v, sooner than %v", got, time.Since(began), delay)
	}
}

func TestLossIsAShareOfThePackets(t *testing.T) {
	n, a, b := pair(t)
	n.Lose(million)
	send(t, a, b, "lost")
	n.Lose(0)
	send(t, a, b, "there")
	if got := heard(t, b); got != "there" {
		t.Errorf("%q came, and all were to be lost", got)
	}

	n.Lose(million / 2)
	passed := 0
	for range 10_000 {
		if n.passes(1, 2) {
			passed++
		}
	}
	if passed < 4_000 || passed > 6_000 {
		t.Errorf("%d of 10,000 packets passed with half of them lost", passed)
	}
}

func TestClosedSocketsStayClosed(t *testing.T) {
	n, a, b := pair(t)
	n.Delay(time.Millisecond)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.WriteTo([]byte("late"), b.LocalAddr()); err != nil {
		t.Error("a delayed packet is on its way, whatever becomes of its sender:", err)
	}
	if err := a.SetReadDeadline(time.Now()); err == nil || os.IsTimeout(err) {
		t.Error("the socket below is still open:", err)
	}
}
