package server

import (
	"sync/atomic"
	"time"

	"kvs/statemachine/keyspace"
)

// clock is the wall clock that a node goes by: the machine's, or one that is wrong by
// so much, where somebody tries what becomes of that. The nil clock is the machine's.
type clock struct{ skew atomic.Int64 } // nanoseconds

// wall is what it shows.
func (c *clock) wall() keyspace.Millis {
	now := time.Now()
	if c != nil {
		now = now.Add(time.Duration(c.skew.Load()))
	}
	return keyspace.Millis(now.UnixMilli())
}

func (c *clock) set(skew time.Duration) { c.skew.Store(int64(skew)) }

// wall is what the machine's clock shows.
func wall() keyspace.Millis { return (*clock)(nil).wall() }

// wall is what the node's clock shows.
func (a *api) wall() keyspace.Millis { return a.driver.clock.wall() }
