// Package licenses holds the licences of what is linked into the program: its own, Go's,
// and those of all modules.
//
// It owns one text, which go test ./internal/licenses -update writes anew from the
// modules themselves. It never reads a file at run time.
//
// Invariant: the text names every module of cmd/kvs in the version in use; a test holds
// it against them.
package licenses
