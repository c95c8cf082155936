package e2e

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// TestIntegrationScript runs integration_test.sh at the root, as its users would.
func TestIntegrationScript(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("integration_test.sh needs %s, which is not here", tool)
		}
	}
	cmd := exec.Command("../integration_test.sh")
	cmd.Env = append(os.Environ(), "KVS_TEST_PORT="+strconv.Itoa(freePorts(t, 5)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, tail(string(out)))
	}
	t.Logf("%s", out)
}
