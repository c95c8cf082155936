package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// block is the first block of code below a heading of docs/run.md.
func block(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/run.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+heading+"\n")
	_, rest, opened := strings.Cut(rest, "```bash\n")
	code, _, closed := strings.Cut(rest, "```")
	if !found || !opened || !closed {
		t.Fatalf("docs/run.md has no block of bash below %q", heading)
	}
	return code
}

// TestReadmeFirstToken pastes the walk through users and tokens into a
// shell, in the directory of a node with default settings. Only the port differs.
func TestReadmeFirstToken(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	n := newNode(t, "readme")
	n.configure(strings.Replace(settings(n.name, n.port, "data_dir: ./data"), "auth_enabled: false\n", "", 1))
	n.start()
	n.token = n.tokenIn(filepath.Join(n.dir, "data"))
	script := strings.ReplaceAll(block(t, "The first token"), "localhost:8080", n.address())
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script+"\necho; echo $TOKEN")
	cmd.Dir = n.dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"timestamp"`) {
		t.Fatalf("%v: %s", err, out)
	}
	words := strings.Fields(string(out))
	john := words[len(words)-1]
	for _, c := range []struct {
		token, path string
		status      int
	}{
		{john, "/kv/users/john", http.StatusOK},
		{n.token, "/kv/users/john", http.StatusOK},
		{"", "/kv/users/john", http.StatusUnauthorized},
		{john, "/auth/users", http.StatusForbidden},
	} {
		if a, err := requestAs(c.token, http.MethodGet, n.url(c.path), nil); err != nil || a.status != c.status {
			t.Errorf("%s: %v %v, want %d", c.path, a, err, c.status)
		}
	}
}

// TestTokenMintedOffline: a token that is signed with the key in the directory of a
// node that is down is good on it afterwards.
func TestTokenMintedOffline(t *testing.T) {
	n := newNode(t, "minted")
	n.configure(strings.Replace(settings(n.name, n.port), "auth_enabled: false\n", "", 1))
	n.start()
	n.adminToken()
	n.stop()
	cmd := exec.Command(program, "token", "mint", "--data-dir", "data-minted", "--ttl", "1m")
	cmd.Dir = n.dir
	token, err := cmd.Output()
	n.must(err)
	n.start()
	n.token = strings.TrimSpace(string(token))
	eventually(t, 5*time.Second, "the node takes it", func() bool { return n.write("k", "1") == nil })
}
