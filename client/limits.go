package client

import "time"

const (
	// attemptsDefault is how often a request is sent at most, all nodes together.
	attemptsDefault = 8
	// attemptTimeoutDefault bounds one attempt, its answer included.
	attemptTimeoutDefault = 10 * time.Second

	// backoffFirst bounds the pause after a node's first failure. Each further one
	// doubles the bound, up to backoffMax.
	backoffFirst = 50 * time.Millisecond
	backoffMax   = 5 * time.Second

	// pauseMax is the longest Retry-After that is waited for. A longer one is the
	// caller's to wait: the error says how long.
	pauseMax = 30 * time.Second

	// heartbeat is how often a node should say that nothing happens, and silenceMax how
	// long it may say nothing before it is given up.
	heartbeat  = 5 * time.Second
	silenceMax = 3 * heartbeat

	// answerBytesMax bounds the body of one answer, and one line of a feed.
	answerBytesMax = 64 << 20
	// tokenBytesMax bounds the file of a token.
	tokenBytesMax = 64 << 10

	// pageItems is how many items are asked for at a time: as many as a node gives.
	pageItems = 1000
)
