package auth

import (
	"crypto/rand"
	"encoding/hex"
)

// UserID names a user for ever: a UUID in lower case.
type UserID string

// GroupID names a group for ever: a UUID in lower case.
type GroupID string

// AdminUser is whoever holds a data directory: the subject of admin.token. It
// is the nil UUID, which no user can have.
const AdminUser UserID = "00000000-0000-0000-0000-000000000000"

// NewUserID draws the id of a new user.
func NewUserID() UserID { return UserID(newUUID()) }

// NewGroupID draws the id of a new group.
func NewGroupID() GroupID { return GroupID(newUUID()) }

// newUUID is a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // Never fails: crypto/rand stops the process instead.
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// isUUID accepts the one spelling of a UUID that we write, of any version.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
