// Package auth is what a node knows about who may do what: signing keys and
// the keys it trusts, tokens, revocations, users, groups and permissions.
//
// It owns the format of tokens and of the records about keys, revocations,
// users, groups and ACLs, every check of them, and the one decision whether an
// operation is allowed. It owns the bytes of <data_dir>/node.key.
//
// It never speaks HTTP, never reads or writes a database and never replicates:
// callers hand in bytes or values and store what comes back. It starts no
// goroutine and reads no clock but the one it is given. It never logs; no error
// and no printed value of it contains a token or a private key.
//
// Invariants:
//
//  1. A token is accepted only in the very bytes that Mint made: one spelling
//     per signature, no member twice, none that is unknown.
//  2. Nothing that Verify answers depends on a token's content before its
//     signature is proven, except which rule of form or which key failed.
//  3. When a change of Keys or Revocations returns, no later Verify answers
//     from what was known before it, cached or not.
//  4. A revocation outlives its token, leeway included. Where revocations
//     overflow their bound, tokens are refused too early, never too late.
//  5. Decide refuses whatever it does not understand: a key that is not
//     canonical, an empty user, an unknown operation.
//  6. Every value that a Parse function returned passes its own check.
package auth
