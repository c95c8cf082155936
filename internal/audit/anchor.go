package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// PublicKeyFile is the name of a file in audit_path: the key that signs the log, in
// base64url. Whoever can change the log can change it too, so it proves little
// without a checkpoint that another node keeps.
const PublicKeyFile = "key.pub"

// ErrAnchor says that a text is no anchor, or that its signature is not valid.
var ErrAnchor = errors.New("not a valid audit checkpoint")

// Anchor is a checkpoint as others keep it: with the key that has signed it and
// the name of its node.
type Anchor struct {
	Checkpoint
	Key  ed25519.PublicKey
	Node string
}

// LogID is the id of the log that the owner of a key signs: the first half of the
// key's SHA-256, so that nobody can sign for the log of another key.
func LogID(key ed25519.PublicKey) ReplicaID {
	sum := sha256.Sum256(key)
	return ReplicaID(sum[:16])
}

// anchorJSON is an anchor's form.
type anchorJSON struct {
	Node    string `json:"node"`
	Replica string `json:"replica"`
	First   uint64 `json:"first"`
	Number  uint64 `json:"checkpoint"`
	Time    Millis `json:"t"`
	Head    string `json:"head"`
	Kid     string `json:"kid"`
	Sig     string `json:"sig"`
	Key     string `json:"key"`
}

// MarshalJSON writes the anchor.
func (a Anchor) MarshalJSON() ([]byte, error) {
	return json.Marshal(anchorJSON{
		Node: a.Node, Replica: a.Replica.String(), First: a.First, Number: a.Number, Time: a.Time,
		Head: a.Head.String(), Kid: a.Kid, Sig: hex.EncodeToString(a.Signature[:]),
		Key: base64.RawURLEncoding.EncodeToString(a.Key),
	})
}

// UnmarshalJSON reads an anchor and checks its signature, and that the key is that
// of the log.
func (a *Anchor) UnmarshalJSON(text []byte) error {
	var j anchorJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("%w: %w", ErrAnchor, err)
	}
	*a = Anchor{Node: j.Node}
	a.First, a.Number, a.Time, a.Kid = j.First, j.Number, j.Time, j.Kid
	var err error
	if a.Key, err = base64.RawURLEncoding.DecodeString(j.Key); err != nil {
		return fmt.Errorf("%w: key: %w", ErrAnchor, err)
	}
	for _, f := range []struct {
		into []byte
		text string
	}{{a.Replica[:], j.Replica}, {a.Head[:], j.Head}, {a.Signature[:], j.Sig}} {
		if len(f.text) != 2*len(f.into) {
			return fmt.Errorf("%w: %q is not of %d bytes", ErrAnchor, f.text, len(f.into))
		}
		if _, err := hex.Decode(f.into, []byte(f.text)); err != nil {
			return fmt.Errorf("%w: %w", ErrAnchor, err)
		}
	}
	if a.Replica != LogID(a.Key) || !a.SignedBy(a.Key) {
		return fmt.Errorf("%w: the signature is not that of the log %s", ErrAnchor, a.Replica)
	}
	return nil
}
