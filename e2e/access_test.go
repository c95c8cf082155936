package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// as sends a request with a token.
func (n *node) as(token, method, path, body string) answer {
	n.t.Helper()
	a, err := requestAs(token, method, n.url(path), []byte(body))
	n.must(err)
	return a
}

// adminToken is what the node has written into its directory.
func (n *node) adminToken() string {
	n.t.Helper()
	return n.tokenIn(filepath.Join(n.dir, "data-"+n.name))
}

// tokenIn is what a node has written into its data directory.
func (n *node) tokenIn(dir string) string {
	n.t.Helper()
	file := filepath.Join(dir, "admin.token")
	eventually(n.t, startsWithin, "the admin token is there", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Mode().Perm() == 0o600
	})
	text, err := os.ReadFile(file)
	n.must(err)
	return strings.TrimSpace(string(text))
}

// startGuarded starts a cluster that serves nothing without a token.
func startGuarded(t *testing.T, size int) []*node {
	t.Helper()
	var nodes []*node
	for i := range size {
		n := newNode(t, fmt.Sprintf("n%d", i+1))
		lines := ""
		if i > 0 {
			lines = seeds(nodes[0])
		}
		n.configure(strings.Replace(settings(n.name, n.port, lines), "auth_enabled: false", "auth_enabled: true", 1))
		n.start()
		nodes = append(nodes, n)
	}
	awaitFormed(t, nodes)
	return nodes
}

// TestS5TokensAcrossNodes: a token made on one node works on another, ends on all
// within a second when a third one revokes it, and with the node that signed it.
// Rights set on one node hold on the others.
func TestS5TokensAcrossNodes(t *testing.T) {
	nodes := startGuarded(t, 3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	admin := a.adminToken()
	for _, n := range nodes {
		if r, err := request(http.MethodGet, n.url("/kv/k"), nil); err != nil || r.status != http.StatusUnauthorized {
			t.Fatalf("%s without a token: %v %v", n.name, r, err)
		}
	}
	expect := func(r answer, status int, part string) {
		t.Helper()
		if r.status != status || !strings.Contains(string(r.body), part) {
			t.Fatalf("%s, want %d and %q", r, status, part)
		}
	}
	var made struct {
		UUID  string `json:"uuid"`
		Token string `json:"token"`
		JTI   string `json:"jti"`
	}
	user := func(name string) (token string) {
		a.must(a.as(admin, "POST", "/auth/users", `{"nickname":"`+name+`","email":"`+name+`@example.com"}`).decode(&made))
		body := `{"user_uuid":"` + made.UUID + `","scopes":["read","write"],"ttl":"1h"}`
		a.must(a.as(admin, "POST", "/auth/tokens", body).decode(&made))
		return made.Token
	}
	john, mary := user("john"), user("mary")
	eventually(t, 5*time.Second, "n3 knows both users and the key of n1", func() bool {
		return c.as(john, "GET", "/auth/whoami", "").status == 200 && c.as(mary, "GET", "/auth/whoami", "").status == 200
	})
	expect(c.as(john, "PUT", "/kv/notes/one", `{"text":"mine"}`), 201, "uuid")
	eventually(t, 5*time.Second, "n2 has it, and gives it to its owner", func() bool {
		return b.as(john, "GET", "/kv/notes/one", "").status == 200
	})
	expect(b.as(mary, "GET", "/kv/notes/one", ""), 404, "no such key")
	expect(b.as(mary, "PUT", "/kv/notes/one", "1"), 403, "rights")
	var acl struct{ Owner string }
	b.must(b.as(john, "GET", "/acl/notes/one", "").decode(&acl))
	expect(b.as(john, "PUT", "/acl/notes/one", `{"owner":"`+acl.Owner+`","mode":"cdwr,----,---r"}`), 204, "")
	eventually(t, 5*time.Second, "the new rights hold on n1", func() bool {
		return a.as(mary, "GET", "/kv/notes/one", "").status == 200
	})
	expect(a.as(john, "GET", "/auth/users", ""), 403, "admin")

	a.must(a.as(john, "GET", "/auth/whoami", "").decode(&made))
	expect(b.as(admin, "DELETE", "/auth/tokens/"+made.JTI, ""), 204, "")
	for _, n := range nodes {
		// Milliseconds as a rule, a second where a message is lost; the bound leaves
		// room for a busy machine.
		took := eventually(t, 5*time.Second, "the revoked token ends on "+n.name, func() bool {
			r := n.as(john, "GET", "/kv/notes/one", "")
			return r.status == http.StatusUnauthorized && strings.Contains(string(r.body), "revoked")
		})
		t.Logf("the revoked token ended on %s after %v", n.name, took)
	}

	local := c.adminToken()
	eventually(t, 5*time.Second, "n1 knows the key of n3", func() bool {
		return a.as(local, "GET", "/auth/users", "").status == 200
	})
	c.stop()
	a.wants(0, "", "cluster", "forget", c.name, "--yes", "--token-file",
		filepath.Join(a.dir, "data-"+a.name, "admin.token"))
	eventually(t, 5*time.Second, "what a forgotten node has signed ends", func() bool {
		return a.as(local, "GET", "/auth/users", "").status == http.StatusUnauthorized
	})
	a.wants(exitForbidden, "Authorization", "sync", "status")
}
