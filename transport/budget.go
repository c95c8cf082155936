package transport

import "time"

// budget slows a stream down to what messageCost and byteCost allow. Its reader
// waits, flow control holds the peer back, and nobody else notices.
type budget struct {
	spent time.Time // until when what has arrived is paid for
}

// spend pays for a message, and says how long to wait before the next.
func (b *budget) spend(now time.Time, bytes int) time.Duration {
	if oldest := now.Add(-budgetMax); b.spent.Before(oldest) {
		b.spent = oldest // what was saved up earlier than that is lost
	}
	b.spent = b.spent.Add(messageCost + time.Duration(bytes)*byteCost)
	return b.spent.Sub(now)
}

// pause waits, or returns false when the connection is over first.
func (c *conn) pause(d time.Duration) bool {
	c.t.count.paused.Add(1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.qc.Context().Done():
		return false
	}
}
