package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: what differs is shown where it is in the tree, each node once, as deep as wanted.
func TestSyncTree(t *testing.T) {
	ownContexts(t)
	answer := `{"peer":"gamma","count":4,"more":true,"differences":[` +
		`{"hash":"ffffffffffffffff","here":true,"there":true,"key":"z"},` +
		`{"hash":"0410000000000001","here":true,"there":false,"key":"a"},` +
		`{"hash":"0410000000000002","here":false,"there":true},` +
		`{"hash":"0420000000000000","here":true,"there":true,"key":"b"}]}`
	// 0x0410… is 000001 000001 000000, 0x0420… is 000001 000010 000000.
	want := `root: 4 records differ from gamma
  node 01: 3 records differ
    node 01.01: 2 records differ
      leaf 01.01.00: 2 records differ
        a: only here
        hash 0410000000000002: only there
    node 01.02: 1 record differs
      leaf 01.02.00: 1 record differs
        b: both, in different versions
  node 63: 1 record differs
    node 63.63: 1 record differs
      leaf 63.63.63: 1 record differs
        z: both, in different versions
`
	for depth := 1; depth <= treeLevels+1; depth++ {
		f := &fakeNode{answers: map[string][]reply{"GET /sync/diff?keys=true&peer=gamma": ok(answer)}}
		var lines strings.Builder
		for line := range strings.Lines(want) {
			if indent := len(line) - len(strings.TrimLeft(line, " ")); indent <= 2*depth {
				lines.WriteString(line)
			}
		}
		out, err := f.run("sync", "tree", "gamma", "--depth", fmt.Sprint(depth))
		if err != nil || strings.TrimSuffix(out, "there are more\n") != lines.String() {
			t.Errorf("depth %d: %v\n%s\nwant\n%s", depth, err, out, lines.String())
		}
	}
	f := &fakeNode{answers: map[string][]reply{"GET /sync/diff?keys=true&peer=gamma": ok(`{"peer":"gamma","count":0,"more":false,"differences":[]}`)}}
	if out, err := f.run("sync", "tree", "gamma"); err != nil || out != "root: no records differ from gamma\n" {
		t.Errorf("%v %s", err, out)
	}
	if _, err := f.run("sync", "tree", "gamma", "--depth", "5"); codeOrZero(err) != exitUsage {
		t.Error(err)
	}
}

// Goal: the way to a record is the one that nodes take.
func TestPathOfADifference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		hash := keyspace.KeyHash(rng.Uint64())
		d := difference{Hash: fmt.Sprintf("%016x", uint64(hash))}
		leaf := 0
		for _, node := range d.path() {
			leaf = 64*leaf + node
		}
		if keyspace.Leaf(leaf) != hash.Leaf() {
			t.Fatalf("%s leads to %d, not %d", d.Hash, leaf, hash.Leaf())
		}
	}
}
