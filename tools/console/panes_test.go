package console

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// Goal: the panes that follow and administer one node do what their buttons say.
func TestPanes(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false", "debug_endpoints: true")
	b.open(n)
	follow(b, n)
	admit(b, n)
	operate(b, n)
	b.press("gm")
	b.says(".legend", "99th")
	b.shot("metrics")
	b.wantNoFaults()
}

func follow(b *tab, n *node) {
	b.t.Helper()
	b.press("gl")
	b.says(".state", "following")
	for i := range 30 {
		n.do(http.MethodPut, fmt.Sprintf("/kv/sensors/%02d", i), fmt.Sprintf(`{"celsius":%d.5,"unit":"C"}`, i))
	}
	n.do(http.MethodDelete, "/kv/sensors/07", "")
	b.says(".changes", "sensors/29")
	b.says(".changes .chip", "delete")
	b.shot("live")
	b.click("button", "Pause")
	n.do(http.MethodPut, "/kv/users/john", `"later"`)
	b.says(".lead", "1 new one waiting")
	b.click("button", "Go on")
	b.says(".changes", "users/john")
	b.typeInto("[type=search]", "users/")
	b.says(".state", "following")
	n.do(http.MethodPut, "/kv/users/mary", `"seen"`)
	b.says(".changes", "users/mary")
	b.press(kb.Escape)
}

// admit makes a user, a group and a token, ends the token, and asks why the user may not.
func admit(b *tab, n *node) {
	b.t.Helper()
	b.press("ga")
	b.click("button", "New user")
	b.typeInto("dialog input", "john")
	b.says("dialog code", "kvs user create john")
	b.shot("access-user")
	b.click("dialog button", "Create")
	b.says("table", "john")
	b.click("button", "New group")
	b.typeInto("dialog input", "ops")
	b.click("dialog [type=checkbox]", "")
	b.click("dialog button", "Create")
	b.says("table", "ops")
	b.click("button", "Token…")
	b.click("dialog button", "Make the token")
	b.says("dialog pre", "eyJ")
	b.shot("access-token")
	jti := on[string](b, `document.querySelector('dialog code').textContent`)
	b.click("dialog button", "×")
	b.typeInto("[placeholder^='3q2']", jti)
	b.click("button", "End a token")
	b.click("dialog button", "End it")
	b.says(".toast", "It has ended")
	b.typeInto("[placeholder='users/john']", "sensors/01")
	b.click("button", "Ask")
	b.says(".notice", "No.")
	b.says(".notice", "neither the owner nor of the group")
	b.press(kb.Escape)
	b.shot("access")
}

// operate switches the mode and the log level, makes a backup and verifies the audit log.
func operate(b *tab, n *node) {
	b.t.Helper()
	b.press("go")
	b.click("button", "Refuse writes")
	b.click("dialog button", "Switch")
	b.says(".panel", "Writes of clients are refused")
	b.click("button", "Take writes")
	b.click("dialog button", "Switch")
	b.says(".panel", "Clients write to this node.")
	b.click(".segments button", "debug")
	b.says(".toast", "Logging from debug on")
	b.click("button", "Make one")
	b.shot("ops-backup")
	b.click("dialog button", "Begin")
	b.says(".state", "sound")
	n.configure("default_ttl: \"1h\"")
	b.click("button", "Read again")
	b.says("dialog code", "kvs config reload")
	b.click("dialog button", "Read it")
	b.says(".toast", "Taken over: default_ttl")
	b.says(".setting", "default_ttl")
	b.says(".audit", "kv.put")
	b.click("button", "Verify")
	b.says(".notice", "what was hashed")
	b.wait("no entry is wrong", `!document.querySelector('.notice.bad')`)
	b.shot("ops")
}
