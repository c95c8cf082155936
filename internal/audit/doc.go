// Package audit is the tamper-evident log: who did what to which key, in
// segment files of JSON lines that nobody can change without it showing.
//
// It owns the directory of the segments, the format of their lines, the chain
// of hashes through all of them, the signed checkpoints, and the verification
// of all that. It never sees a value or a token (the hash of a value at most),
// never decides what is worth an entry, never reads a clock and never talks to
// a peer: the caller numbers the entries, brings the time and the key, and
// carries the checkpoints to the peers.
//
// A segment is a header line, then entries and checkpoints, one a line. Every
// line holds the hash of the line before it, across files, and its own:
//
//	{"audit":1,"replica":R,"first":N,"t":MS,"prev":H,"hash":H}
//	{"n":N,"t":MS,"actor":S,"action":S,"key":S,"version":S,"sha256":H,
//	 "set":S,"result":S,"request":S,"prev":H,"hash":H}
//	{"checkpoint":N,"first":F,"t":MS,"head":H,"kid":S,"sig":X,"prev":H,"hash":H}
//
// (An entry is one line; key, version, sha256, set and request are left out if
// empty.) The hash is SHA-256 over a domain, the 32 bytes of prev, and the line
// up to its own hash, exactly as it stands. Only one spelling of a line is read:
// the one that is written.
//
// What the hashes alone prove is that nothing was changed by somebody who could
// not compute them anew, and everybody can. The signatures prove the entries up
// to the newest checkpoint against all who lack the key, and a checkpoint that a
// peer holds proves that nothing was cut off at the end. Entries after the newest
// checkpoint, at most a thousand or those of a minute, are protected by neither.
//
// Invariants:
//
//  1. Entries are numbered without a gap; a number is never written twice.
//  2. What Append has returned for would survive a power cut; nothing that is
//     not durable is shown by Log.Read, or signed and delivered.
//  3. After the first failed write or sync nothing is written any more: a failed
//     sync leaves pages that only look clean, so only a new process may go on.
//  4. At most EntriesPerCheckpoint entries follow a checkpoint without another,
//     and a segment that has a successor ends with one.
//  5. A checkpoint names the first number that is kept, and is durable before
//     any segment is deleted: what else is missing at the front was removed by
//     somebody else.
//  6. Opening repairs what a crash leaves, and only that.
package audit
