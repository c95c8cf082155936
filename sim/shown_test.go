package sim

import (
	"maps"
	"os"
	"strings"
	"testing"
)

// Goal: of a script whose outcome is plain to see, Shown says which write each key shows.
func TestShownIsTheWriteThatStands(t *testing.T) {
	text, err := os.ReadFile("testdata/differential/deletions.sim")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadScript(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	shown, r := s.Shown()
	want := map[string]uint64{"k2": 23, "k3": 22, "k5": 18}
	if r.Failure != nil || !maps.Equal(shown, want) {
		t.Errorf("%v, want %v; %v", shown, want, r.Failure)
	}
}
