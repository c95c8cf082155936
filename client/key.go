package client

import (
	"net/url"
	"strings"
)

// keyPath is where the API has a key, each of its segments percent-encoded.
func keyPath(key string) string { return "/kv/" + EscapeKey(strings.TrimPrefix(key, "/")) }

// EscapeKey spells a key for the path of a URL, segment by segment.
func EscapeKey(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// withQuery appends the parameters that are set.
func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
