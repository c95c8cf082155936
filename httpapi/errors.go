package httpapi

import (
	"errors"
	"strings"
	"time"
)

// storeProblem is the one place where an error of a Store becomes an answer.
// It reports false for an error that is none of the sentinels: the caller
// logs that one, since its text is not for clients.
func storeProblem(err error, key string) (*Problem, bool) {
	switch {
	case errors.Is(err, ErrNotFound):
		return absent(err, key), true
	case errors.Is(err, ErrNoBackup):
		return newProblem(slugNotFound, "this node has made no backup "+quoted(key)+", or it is gone"), true
	case errors.Is(err, ErrBackupRunning):
		return newProblem(slugBackupRunning, "this node is making a backup already"), true
	case errors.Is(err, ErrBackupNeeded):
		return newProblem(slugBackupNeeded, "an incremental backup builds on "+quoted(key)), true
	case errors.Is(err, ErrBackupCorrupt):
		return newProblem(slugBackupCorrupt, "the body is not a sound frame of a backup; nothing was restored"), true
	case errors.Is(err, ErrIncomplete):
		return newProblem(slugSyncing, "older records are still on their way to this node, and whether "+
			"there is one of "+quoted(key)+" cannot be told now"), true
	case errors.Is(err, ErrSyncing):
		return newProblem(slugSyncing, "this node takes over the data of its cluster; nothing was stored"), true
	case errors.Is(err, ErrLeaving):
		return newProblem(slugLeaving, "this node is leaving its cluster, or has left; nothing was stored"), true
	case errors.Is(err, ErrReadOnly):
		p := newProblem(slugReadOnly, "this node is read-only: it refuses client writes")
		p.ConfigKey = "read_only"
		return p, true
	case errors.Is(err, ErrOverloaded):
		return newProblem(slugOverloaded, "the node's write queue is full; nothing was stored"), true
	case errors.Is(err, ErrDiskFull):
		p := newProblem(slugDiskFull, "the disk of this node has no room; nothing was stored")
		p.ConfigKey = "data_dir"
		return p, true
	case errors.Is(err, ErrNotReady):
		return newProblem(slugNotReady, "the node cannot serve this yet"), true
	case errors.Is(err, ErrClosed):
		p := newProblem(slugNotReady, "the node is stopping; nothing was stored")
		p.closeConn = true
		return p, true
	case errors.Is(err, ErrUnknown):
		p := newProblem(slugUnknownOutcome, "the node stopped before the write of "+quoted(key)+
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
	if p := peerProblem(err, key); p != nil {
		return p, true
	}
	return newProblem(slugInternal, "the node could not do this; its log has the cause"), false
}

// absent words why there is no such key, as far as this is known.
func absent(err error, key string) *Problem {
	text := "no such key on this node: " + quoted(key)
	var known *AbsentError
	switch {
	case !errors.As(err, &known):
		return newProblem(slugKeyNotFound, text)
	case known.ExpiredAt != 0:
		p := newProblem(slugKeyExpired, text+", it expired at "+instant(known.ExpiredAt))
		p.expiredAt = known.ExpiredAt
		return p
	}
	p := newProblem(slugKeyNotFound, text+", it was deleted at "+instant(known.DeletedAt))
	p.deletedAt = known.DeletedAt
	return p
}

// instant shows Unix milliseconds (RFC 3339).
func instant(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// peerProblem words the errors of an Operator that are about a member. It is nil
// for others.
func peerProblem(err error, peer string) *Problem {
	var several *AmbiguousError
	switch {
	case errors.As(err, &several):
		return newProblem(slugPeerAmbiguous, "several members have the id "+quoted(peer)+
			"; name one by its replica: "+strings.Join(several.Replicas, ", "))
	case errors.Is(err, ErrPeerUnknown) && peer == "":
		return newProblem(slugPeerUnknown, "this node is connected to no other member")
	case errors.Is(err, ErrPeerUnknown):
		return newProblem(slugPeerUnknown, "this node knows no member "+quoted(peer)+
			", or is not connected to it")
	case errors.Is(err, ErrSkew):
		return newProblem(slugConflictClock, "the clocks of this node and of "+quoted(peer)+
			" are so many minutes apart that records which expire cannot be compared")
	case errors.Is(err, ErrSelf):
		return newProblem(slugPeerSelf, quoted(peer)+" is this node itself")
	case errors.Is(err, ErrWaitTimeout):
		return newProblem(slugWaitTimeout, "what this call waits for did not happen in time; "+
			"nothing has changed")
	}
	return nil
}
