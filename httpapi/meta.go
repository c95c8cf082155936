package httpapi

import (
	"encoding/hex"

	"kvs/internal/auth"
)

// metaOf answers ?meta: what there is to know of a record beside its value. It appends
// to a record that lacks its closing brace: the replica that took the write, and the
// rights that hold for the key, its own or those it inherits.
func (s *Server) metaOf(key string) func(dst []byte, r Record) []byte {
	return func(dst []byte, r Record) []byte {
		origin := hex.EncodeToString(r.Origin[:])
		dst = append(append(dst, `,"origin":"`...), origin...)
		dst = append(dst, '"')
		for _, m := range s.cluster.Members() {
			if m.Replica == origin {
				dst = appendString(append(dst, `,"origin_id":`...), m.ID)
			}
		}
		if s.guard == nil {
			return append(dst, '}')
		}
		acl := auth.Governing(key, s.lookup)
		dst = appendString(append(dst, `,"owner":`...), string(acl.Owner))
		dst = appendString(append(dst, `,"group":`...), string(acl.Group))
		dst = appendString(append(dst, `,"mode":`...), acl.Mode.String())
		return append(dst, '}')
	}
}
