package sim

import (
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: the counterexamples by construction fail for the rule that they are about
// and for nothing else.
func TestScenariosPassWithTheirRule(t *testing.T) {
	for _, v := range Variants() {
		if v.Scenario == nil {
			continue
		}
		if f := v.Scenario(keyspace.MutantNone); f != nil {
			t.Errorf("%s: fails with all rules in force: %v", v.Name, f)
		}
		if keyspace.MutantsCompiledIn && v.Scenario(v.Mutant) == nil {
			t.Errorf("%s: nobody noticed", v.Name)
		}
	}
}

// Goal: the seeds that notice broken rules are not rare, and find nothing where no rule
// is broken.
func TestKnownSeedsPass(t *testing.T) {
	for _, v := range Variants() {
		if v.Scenario != nil {
			continue
		}
		if v.Known >= 500 {
			t.Errorf("%s: seed %d is too rare a counterexample: draw it more often, or construct one", v.Name, v.Known)
		}
		worlds := v.Worlds
		if worlds == nil {
			worlds = Swarm
		}
		if r := Run(worlds(v.Known)); r.Failure != nil {
			t.Errorf("%s: seed %d: %v", v.Name, v.Known, r.Failure)
		}
	}
}

// Goal: a named scenario runs without being told its size, and with the one it is told.
func TestNamedScenariosHaveNodes(t *testing.T) {
	for _, name := range []string{"calm", "partition", "crash", "lossy"} {
		for _, nodes := range []int{0, 2} {
			opt, err := Scenario(name, 1, nodes)
			if err != nil || opt.Nodes != nodes && (nodes != 0 || opt.Nodes != 5) {
				t.Errorf("%s with %d nodes has %d; %v", name, nodes, opt.Nodes, err)
			}
		}
	}
}
