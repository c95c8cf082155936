package audit

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzVerify: of all texts that a log could be replaced by, those verify against a
// checkpoint that lies elsewhere which begin with everything that it covers.
func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	r := newRig(f, dir, nil)
	r.more(f, 3)
	noError(f, r.Checkpoint())
	path := segmentIn(dir, 1).path
	covered, err := os.ReadFile(path)
	noError(f, err)
	r.more(f, 2)
	noError(f, r.Close())
	whole, err := os.ReadFile(path)
	noError(f, err)
	lines := strings.SplitAfter(string(whole), "\n")
	for _, text := range []string{
		string(whole), string(covered), "", "\n", strings.Join(lines[:3], ""), string(whole) + lines[4],
		lines[0] + strings.Join(lines[2:], ""), strings.Replace(string(whole), "kv.put", "kv.get", 1),
	} {
		f.Add(text)
	}
	peer := r.peer[:1]
	f.Fuzz(func(t *testing.T, text string) {
		noError(t, os.WriteFile(path, []byte(text), 0o600))
		report, err := Verify(dir, VerifyOptions{Keys: testKeys(), Checkpoints: peer})
		switch {
		case err == nil && !strings.HasPrefix(text, string(covered)):
			t.Fatalf("%q verifies: %+v", text, report)
		case err != nil && !errors.Is(err, ErrTampered):
			t.Fatalf("%q: %v", text, err)
		case err != nil && text == string(whole):
			t.Fatalf("the log itself: %v", err)
		}
		_, _ = Verify(dir, VerifyOptions{SkipSignatures: true}) // must end, whatever it says
	})
}
