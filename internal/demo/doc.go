// Package demo is a cluster in one process that people may break: real nodes over real
// QUIC and real stores, on a network of package lab that can be cut, with clocks that
// can be wrong. What is done to it, and when its nodes are equal again, is told as it
// happens.
//
// It owns the directory that it is given a name in, and a socket beside it through
// which other processes of the same user ask for the same things.
package demo
