package transport

import (
	"sync"
	"time"
)

const (
	throttleEvery = time.Minute
	throttleMax   = 256
)

// throttle keeps a stranger, or a peer that is configured wrongly and tries
// again and again, from filling the log.
type throttle struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func newThrottle() *throttle { return &throttle{last: make(map[string]time.Time)} }

// allow says that nothing was allowed under this key within the last minute.
func (t *throttle) allow(key string) bool {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.last[key]; ok && now.Sub(at) < throttleEvery {
		return false
	}
	if len(t.last) >= throttleMax {
		for k, at := range t.last {
			if now.Sub(at) >= throttleEvery {
				delete(t.last, k)
			}
		}
		if len(t.last) >= throttleMax {
			return false
		}
	}
	t.last[key] = now
	return true
}
