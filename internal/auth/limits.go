package auth

import "time"

// Millis is a wall time in milliseconds since the Unix epoch.
type Millis int64

// Bounds of tokens and of the time around them.
const (
	// TokenBytesMax bounds a token before anything of it is looked at.
	TokenBytesMax = 4 << 10

	// Leeway is how far the clocks of two nodes may differ before a fresh
	// token is refused. An expired one lives on for as long.
	Leeway = 30 * time.Second

	// headerCharsMax bounds the encoded header; ours has 80 characters.
	headerCharsMax = 256

	// timeSecondsMax is the end of the year 9999, so that no sum overflows.
	timeSecondsMax = 253402300799
)

// Bounds of sets and records.
const (
	// KeysMax bounds the trusted keys: every node of a large cluster with a
	// few that are on their way out.
	KeysMax = 4096

	// RevocationsMax bounds the revoked tokens that have not expired yet.
	RevocationsMax = 1 << 18

	// CacheEntries bounds the verified tokens that are remembered.
	CacheEntries = cacheBuckets * cacheWays

	// NameBytesMax bounds nicknames and the names of groups.
	NameBytesMax = 64

	// EmailBytesMax is RFC 5321's bound of an address (section 4.5.3.1.3).
	EmailBytesMax = 254

	// MembersPerGroupMax bounds a group.
	MembersPerGroupMax = 1024

	// GroupsPerUserMax bounds what a decision has to search.
	GroupsPerUserMax = 64

	// KeyBytesMax is the longest key of the store; a token's path_prefix is no
	// longer. It bounds the walk to the root with it: 512 segments.
	KeyBytesMax = 1024

	recordBytesMax  = 64 << 10 // A group with all its members.
	versionBytesMax = 64
	keyFileBytesMax = 4 << 10
)
