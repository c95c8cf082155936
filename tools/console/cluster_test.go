package console

import (
	"encoding/json"
	"net/http"
	"syscall"
	"testing"
)

// Goal: every pane shows what it should while three processes are cut off from each other
// and meet again, and nothing goes wrong on the page. Method: gamma writes alone while
// alpha and beta are stopped, then alpha while gamma is; the page is alpha's all the time.
func TestPartition(t *testing.T) {
	b := openTab(t)
	more := []string{"rate_limiting_enabled: false", "debug_endpoints: true"}
	alpha := startNode(t, "alpha", nil, more...)
	beta := startNode(t, "beta", []*node{alpha}, more...)
	gamma := startNode(t, "gamma", []*node{alpha, beta}, more...)
	alpha.do(http.MethodPut, "/kv/rooms/kitchen", `{"celsius":20.5,"unit":"C"}`)
	b.open(alpha)
	b.says(".lead", "3 nodes, all equal")
	b.shot("cluster-equal")

	partAndWrite(b, alpha, beta, gamma)
	b.press("gc")
	b.says(".lead", "out of reach")
	b.says(".members", "unreachable")
	b.click(".ring [role=button]", "gamma")
	b.says(".panel h2", "gamma")
	b.shot("cluster-cut")
	b.press("gs")
	b.says(".lead", "apart for")
	b.says(".peers", "not connected")
	b.shot("sync-cut")

	gamma.signal(syscall.SIGCONT)
	b.says(".lead", "all equal, after")
	b.click(".peers button", "Compare")
	b.says(".panel h2", "has the same records")
	b.click("button", "Sync all now")
	b.says(".toast", "Comparing with")
	b.shot("sync-equal")

	restoreTheLoser(b, alpha, gamma)
	b.press("gx")
	b.shot("conflicts-after")

	gamma.signal(syscall.SIGKILL)
	b.press("gc")
	b.click(".members button", "gamma")
	b.click("button", "Forget")
	b.typeInto("dialog input", "gamma")
	b.click("dialog button", "Forget it")
	b.says(".toast", "gamma is forgotten")
	b.wait("it is no member any more", `!document.querySelector('.members').textContent.includes('gamma')`)
	b.wantNoFaults()
}

// partAndWrite leaves gamma stopped, with a write of rooms/kitchen that no other has seen,
// and one of alpha that gamma has not.
func partAndWrite(b *tab, alpha, beta, gamma *node) {
	b.t.Helper()
	alpha.signal(syscall.SIGSTOP)
	beta.signal(syscall.SIGSTOP)
	until(b.t, "gamma is alone", func() bool { return gamma.connected() == 0 })
	gamma.do(http.MethodPut, "/kv/rooms/kitchen", `{"celsius":18.0,"unit":"C","from":"gamma"}`)
	b.says(".banner", "does not answer")
	b.shot("unreachable")
	gamma.signal(syscall.SIGSTOP)
	alpha.signal(syscall.SIGCONT)
	beta.signal(syscall.SIGCONT)
	until(b.t, "alpha and beta see each other, and not gamma", func() bool { return alpha.connected() == 1 })
	alpha.do(http.MethodPut, "/kv/rooms/kitchen", `{"celsius":22.5,"unit":"C","from":"alpha"}`)
	b.wait("the banner is gone", `document.getElementById('banner').hidden`)
}

// restoreTheLoser looks at the conflict that the two writes are, and has gamma's win.
func restoreTheLoser(b *tab, alpha, gamma *node) {
	b.t.Helper()
	b.press("gx")
	b.says(".conflicts", "rooms/kitchen")
	b.says(".sides", `"from": "gamma"`)
	b.says(".panel", "newer")
	b.shot("conflicts")
	b.click("button", "Restore this one")
	b.says(".diff .added", `"from": "gamma"`)
	b.shot("conflicts-restore")
	b.click("dialog button", "Restore")
	b.wait("it is restored", `!document.querySelector('dialog')`)
	for _, n := range []*node{alpha, gamma} {
		until(b.t, n.name+" has the value that had lost", func() bool {
			return n.do(http.MethodGet, "/kv/rooms/kitchen?raw", "") == `{"celsius":18.0,"unit":"C","from":"gamma"}`
		})
	}
}

// connected is how many members the node has a connection to.
func (n *node) connected() (count int) {
	n.t.Helper()
	var s struct {
		Members []struct {
			Self, Connected bool
		} `json:"members"`
	}
	if err := json.Unmarshal([]byte(n.do(http.MethodGet, "/status", "")), &s); err != nil {
		n.t.Fatal(err)
	}
	for _, m := range s.Members {
		if m.Connected && !m.Self {
			count++
		}
	}
	return count
}
