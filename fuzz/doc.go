// Package fuzz holds the property tests and fuzz targets that belong to no one
// package, with their corpora: what must hold when several parts meet.
//
// It owns nothing that ships: apart from this file it is tests alone, and it may
// import any package of ours. It never states a rule by calling the code that
// implements it. What a test here expects is said in its own words, because an
// expectation that shares the code shares the fault.
//
// Invariant: every test is a property over random histories, small enough to
// run with the others, and every failure it ever found is kept as a corpus file
// or a seed.
package fuzz
