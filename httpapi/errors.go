package httpapi

import "errors"

// storeProblem is the one place where an error of a Store becomes an answer.
// It reports false for an error that is none of the sentinels: the caller
// logs that one, since its text is not for clients.
func storeProblem(err error, key string) (*Problem, bool) {
	switch {
	case errors.Is(err, ErrNotFound):
		return newProblem(slugKeyNotFound, "no such key on this node: "+quoted(key)), true
	case errors.Is(err, ErrReadOnly):
		p := newProblem(slugReadOnly, "this node is read-only: it refuses client writes")
		p.ConfigKey = "read_only"
		return p, true
	case errors.Is(err, ErrOverloaded):
		return newProblem(slugOverloaded, "the node's write queue is full; nothing was stored"), true
	case errors.Is(err, ErrNotReady):
		return newProblem(slugNotReady, "the node cannot serve this yet"), true
	case errors.Is(err, ErrClosed):
		p := newProblem(slugNotReady, "the node is stopping; nothing was stored")
		p.closeConn = true
		return p, true
	case errors.Is(err, ErrUnknown):
		p := newProblem(slugNotReady, "the node stopped before the write of "+quoted(key)+
			" was known to be durable: it may or may not be stored, so read it back")
		p.closeConn = true
		return p, true
	case errors.Is(err, ErrClockConflict):
		return newProblem(slugConflictClock,
			"the stored version of "+quoted(key)+" leaves no newer timestamp"), true
	case errors.Is(err, ErrDamaged):
		return newProblem(slugRecordDamaged,
			"the stored record of "+quoted(key)+" fails its checksum"), true
	}
	return newProblem(slugInternal, "the node could not do this; its log has the cause"), false
}
