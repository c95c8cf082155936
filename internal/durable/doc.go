// Package durable replaces small files so that a crash leaves the old one or the
// new one, and nothing between.
//
// It owns how that is done on a file system. It imports nothing of ours, keeps no
// state, and never decides what is in a file or what becomes of an error.
//
// Invariant: when WriteFile returns nil, the file survives a power cut.
package durable
