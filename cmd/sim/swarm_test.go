package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"kvs/sim"
)

// Goal: a long campaign in which something never happened fails and says what; a
// short one only says it.
func TestLongCampaignFailsForColdMarks(t *testing.T) {
	for _, c := range []struct{ seeds, code int }{{sim.ColdAfter - 1, 0}, {sim.ColdAfter, exitOracle}} {
		var out bytes.Buffer
		err := printCold(&out, sim.Report{Seeds: c.seeds})
		var e exit
		if code := 0; errors.As(err, &e) {
			code = e.code
			if code != c.code {
				t.Errorf("%d seeds: exit %d, want %d", c.seeds, code, c.code)
			}
		} else if c.code != 0 {
			t.Errorf("%d seeds: no failure, want exit %d", c.seeds, c.code)
		}
		if !strings.Contains(out.String(), "in no world: "+sim.MarkRejoin.String()) {
			t.Errorf("%d seeds: %s", c.seeds, out.String())
		}
	}
}
