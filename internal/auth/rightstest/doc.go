// Package rightstest states the rules about rights once more, in words of its
// own: strings, and loops over all there is. Whoever decides by those rules is
// tested against it, on one node and on another that has its data by
// replication.
//
// It owns a model of a few keys and of the rights that were set for them, the
// callers that everybody knows, and operations drawn at random together with
// what the model answers. It is imported by tests alone, and it shares no code
// with what it judges.
package rightstest
