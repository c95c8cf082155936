package keyspace

// KeysOf names the stored keys with a hash, deleted ones included: none, one, or
// in theory several.
func KeysOf(r Reader, hash KeyHash) (keys []string) {
	prefix := hashPrefix(hash)
	for k := range r.Ascend(prefix, prefixEnd(prefix)) {
		keys = append(keys, string(k[len(prefix):]))
	}
	return keys
}
