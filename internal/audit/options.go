package audit

import (
	"errors"
	"fmt"
)

// Options say where a log is and whose it is.
type Options struct {
	// Dir is the directory of the log, which nothing else uses. It is created
	// with mode 0700, the files in it with 0600.
	Dir string

	// Replica is the node whose log it is. A node with a new id needs a new
	// directory.
	Replica ReplicaID

	// Sign signs a message with the node's Ed25519 key, which Kid names. It is
	// called about once in EntriesPerCheckpoint entries, and must not fail.
	Sign func(message []byte) (signature []byte)
	Kid  string

	// Now is the clock. Its time stands in headers and checkpoints; a clock that
	// goes backwards does no harm.
	Now func() Millis

	// Deliver is given every checkpoint once it is durable, for the peers to
	// keep: the newest is enough. After a crash the newest one may not have been
	// delivered; see Log.Latest. It is called with the log locked, so it must not
	// call the log. Nil means that nobody keeps them, and then nothing shows that
	// the end was cut off.
	Deliver func(Checkpoint)

	// RotateBytes is the size from which a segment gets a successor, which costs
	// a checkpoint and two syncs. 0 means RotateBytesDefault; sane are 1 MiB to
	// 1 GiB, and opening the log reads a whole segment.
	RotateBytes int64

	// RetainSegments is how many segments are kept at most, the one that is
	// written to among them; 0 keeps them all.
	RetainSegments int

	// RetainAge is for how long entries are kept at least; 0 keeps them for
	// ever. A segment goes when the newest of its entries is older. With both
	// settings a segment goes as soon as one of them says so.
	RetainAge Millis

	// First is the number that a log begins with if there is none yet; 0 means
	// 1. It has no meaning for a log that exists.
	First uint64

	// Acknowledged is the number of the last entry that Append has returned for
	// and that the caller no longer has; all later ones it still has and brings
	// again. 0 means that it does not know. With it, opening repairs whatever a
	// power cut did to the later ones, and refuses a log that has lost one of
	// those up to it. Without it, only a last line that is cut off is repaired.
	Acknowledged uint64
}

func (o *Options) check() error {
	switch {
	case o.Dir == "":
		return errors.New("audit_path must not be empty")
	case o.Sign == nil || o.Now == nil:
		return errors.New("audit: Options.Sign and Options.Now must be set")
	case o.Kid == "" || len(o.Kid) > KidBytesMax || !plain([]byte(o.Kid)):
		return fmt.Errorf("audit: Options.Kid %q must be 1 to %d bytes without control characters",
			o.Kid, KidBytesMax)
	case o.RotateBytes < 0 || o.RetainSegments < 0 || o.RetainAge < 0:
		return fmt.Errorf("audit: Options.RotateBytes (%d), RetainSegments (%d) and RetainAge (%d) "+
			"must not be negative", o.RotateBytes, o.RetainSegments, o.RetainAge)
	case o.First > numberMax || o.Acknowledged > numberMax:
		return fmt.Errorf("audit: Options.First (%d) and Acknowledged (%d) must be at most %d",
			o.First, o.Acknowledged, uint64(numberMax))
	}
	if o.RotateBytes == 0 {
		o.RotateBytes = RotateBytesDefault
	}
	o.First = max(o.First, 1)
	return nil
}
