// Package httpapi is the HTTP face of a node: routes, canonical keys, shapes,
// problems and limits, on fasthttp.
//
// It owns the translation between HTTP and a Store: which bytes of a request
// target are a key, which bodies are values, what an answer looks like, and
// how every refusal is worded (RFC 9457, application/problem+json).
//
// It never talks to a database or to a peer, never decides a conflict, never
// stamps a version and never re-encodes a value that it was given whole. What it needs of the node it
// asks through Store and Cluster, two small interfaces of its own.
//
// Invariants:
//
//  1. A key is canonicalised once, from the raw request target, by
//     CanonicalKey; routing, access checks and storage see only that value.
//     fasthttp's decoded path is never read: it folds "//", ".." and "%2F".
//  2. Whatever is refused has stored nothing: every check of a write that
//     depends on the request alone comes before Store.Write. The one answer
//     that reports an error after a write is a strict DELETE of an absent
//     key, which leaves its tombstone like any other DELETE.
//     A PUT that creates a key claims its rights before; one that is then
//     refused gives them back.
//  3. The bytes of a value are validated once and then spliced verbatim. A PATCH
//     spells anew only the objects that it changes.
//  4. Every error of a Store becomes a problem in errors.go and nowhere else.
//  5. A panic of a handler costs one request, not the node.
//  6. What one request can make the server hold is bounded, in limits.go or beside
//     its endpoint, and so is what it can make a Store look at.
//  7. A batch is no transaction: each op is judged alone, and so is each key of a
//     recursive delete.
package httpapi
